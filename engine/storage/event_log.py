"""A run's history as TensorBoard shows it: its event file, which follows `metrics.jsonl`.

    events.out.tfevents.1764178000000000000.tinygpt-tui

Whatever opens a run for writing begins a new file with all of the history, so that it holds no step
twice, and none that the run has gone back from.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from engine.config import RunConfig
from engine.protocol import Evaluated, Excerpt, Recorded, StepDone
from engine.settings import SWITCH_WORDS
from engine.storage import event_file
from engine.storage.appended_file import AppendedFile
from engine.storage.atomic import replace_file
from engine.storage.history import HistoryReader
from engine.storage.run_info import TIME_FORMAT

PREFIX, SUFFIX = "events.out.tfevents.", ".tinygpt-tui"
"""TensorBoard reads the files whose names hold "tfevents", in alphabetical order."""
SMOOTHED_STEPS = 20
"""The steps over whose losses the mean is taken."""
WANTED = "TINYGPT_TENSORBOARD"
"""The environment variable that stands for `log.tensorboard`."""


def is_wanted(config: RunConfig) -> bool:
    """Whether an event file is written, by the setting or the environment."""
    words = SWITCH_WORDS | {"1": True}
    return config.log.tensorboard or words.get(os.environ.get(WANTED, "").lower(), False)


def new_file_name() -> str:
    """After those of all earlier files."""
    return f"{PREFIX}{time.time_ns()}{SUFFIX}"


class Summaries:
    """What the records of an event file hold, made of the events of a history in their order."""

    def __init__(self, created: str) -> None:
        """`created`: when the run was (see `RunInfo`). A step is placed as many seconds after it as
        had been trained, so that pauses take no time."""
        self._created = 0.0
        with suppress(ValueError):  # in the file of another program
            at = datetime.strptime(created, TIME_FORMAT)
            self._created = at.replace(tzinfo=UTC).timestamp()
        self._elapsed = 0.0
        self._losses: deque[float] = deque(maxlen=SMOOTHED_STEPS)

    def beginning(self) -> Iterator[bytes]:
        """What a file begins with."""
        yield event_file.file_version()
        yield event_file.session_start()

    def of(self, event: Recorded) -> Iterator[bytes]:
        """What one event adds."""
        match event:
            case StepDone():
                self._elapsed = event.elapsed
                self._losses.append(event.loss)
                yield self._scalars(event.step, self._training(event))
            case Evaluated():
                self._elapsed = event.elapsed
                yield self._scalars(event.step, _validation(event))
            case Excerpt():
                markdown = _verbatim(event.prompt + event.text)
                yield event_file.text(event.step, self._seconds, "sample", markdown)
            case _:
                pass

    def _training(self, event: StepDone) -> dict[str, float]:
        return {
            "train/loss": event.loss,
            "train/loss_smoothed": sum(self._losses) / len(self._losses),
            "train/learning_rate": event.learning_rate,
            "train/grad_norm": event.gradient_norm,
            "train/tokens_per_second": event.tokens / event.seconds if event.seconds else 0.0,
            "train/context_length": event.context_length,
        }

    def _scalars(self, step: int, values: dict[str, float]) -> bytes:
        return event_file.scalars(step, self._seconds, values)

    @property
    def _seconds(self) -> float:
        """The time of the newest event, in seconds since 1970."""
        return self._created + self._elapsed


class EventLog:
    """The event file of a run that is being trained."""

    def __init__(self, folder: Path, created: str) -> None:
        """Begin a file in the run's folder. OSError."""
        for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
            _empty(path)
        self._reader = HistoryReader(folder)
        self._summaries = Summaries(created)
        self._file = AppendedFile()
        self._file.open(folder / new_file_name())
        for content in self._summaries.beginning():
            self._file.add(event_file.record(content))

    def catch_up(self, folder: Path, seconds: float, clock: Callable[[], float]) -> bool:
        """Write what the history has got since, for about so many seconds; False if the history is
        another file meanwhile. `folder`: the run's, at present. OSError leaves the rest for the next
        attempt."""
        self._file.flush()
        self._reader.folder = folder
        events = self._reader.new_events()
        if events is None:
            return False
        until = clock() + seconds
        for event in events:
            for content in self._summaries.of(event):
                self._file.add(event_file.record(content))
            if clock() >= until:
                break
        self._file.flush()
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _validation(event: Evaluated) -> dict[str, float]:
    per_byte = event.bits_per_byte
    return {
        "val/loss": event.loss,
        "val/bits_per_char": event.bits_per_char,
        **({} if per_byte is None else {"val/bits_per_byte": per_byte}),
        "val/accuracy": event.accuracy,
    }


def _verbatim(text: str) -> str:
    """A text as a code block of Markdown, which ends with the text whatever is in it."""
    return "".join(f"    {line}\n" for line in text.split("\n"))


def _empty(path: Path) -> None:
    """Empty an earlier file. TensorBoard, which may be reading it, would not go on to the next one
    if it were deleted: that is done the time after."""
    if path.stat().st_size:
        replace_file(path, [], durable=False)
    else:
        path.unlink()
