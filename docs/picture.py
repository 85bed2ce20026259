"""Make the README's moving picture: a real run, from noise to verse, in about 20 seconds.

    python docs/picture.py             draw docs/picture.svg from the recording
    python docs/picture.py --record    train and record first (minutes), and draw docs/read.svg and
                                       docs/time.svg of that run, as docs/views.py does

The recording, docs/picture.jsonl.gz, holds every event of a run with its time. To draw it, the
events are replayed into the real app, faster towards the end of the run, and each frame of the
terminal is captured. A recording that this version cannot read is replaced by a new one.
"""

import argparse
import asyncio
import gzip
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import NamedTuple

import views
from filmstrip import Frame, animated_svg, rows
from textual.widgets import Input

import tui.engine_app
from data.catalog import default
from engine.config import override, preset
from engine.protocol import (
    Close,
    Closed,
    Command,
    Event,
    Excerpt,
    Failed,
    Open,
    Opened,
    PhaseChanged,
    Sample,
    SampleDone,
    SampleStarted,
    Saved,
    StepDone,
    TextSampled,
    Train,
    from_json,
    to_json,
)
from engine.session.thread import EngineThread
from tui.app import TinyGPTApp
from tui.panes.pane import Pane
from tui.theme import CLASSROOM

HERE = Path(__file__).parent
RECORDING = HERE / "picture.jsonl.gz"
PICTURE = HERE / "picture.svg"
DIGITS = 6
"""Significant digits of a recorded number; the screen shows fewer."""

PROMPT = "ROMEO:"
CHARACTERS = 170
"""Length of a reply: about five lines, which fit the pane."""
TEMPERATURE = 0.6
PROMPTED_AT = (0.012, 0.12, 0.5)
"""Progress at which the run is prompted; it is also prompted before and after training."""
LAST = 2 + len(PROMPTED_AT)
"""`sample_id` of the prompt after training."""

SIZE = (110, 40)
FRAME = 1 / 8
TYPING = (0.5, 1.1)
"""Begin and end of typing the prompt. All times below are in seconds of the picture."""
TRAINING = (3.0, 14.2)
LAST_PROMPT = 15.0
WRITING = (1.4, 1.3, 1.4, 1.4, 3.4)
"""Duration of each reply, stretched: the model generates thousands of characters a second."""
END = 22.0
SLOW_START = 0.5
"""Exponent from progress of the run to progress of the picture. Below 1, the first steps, where
noise becomes words, are shown the longest."""


class Recorded(NamedTuple):
    """An event and its time in seconds."""

    at: float
    event: Event


# Recording.


def record(corpus: str, assignments: Iterable[str]) -> list[Recorded]:
    """Train a run in a temporary home folder, with prompts; return every event with its time. The
    pictures of the views are drawn of this run."""
    sampling = (f"sample.characters={CHARACTERS}", f"sample.temperature={TEMPERATURE}")
    config = override(preset("small", corpus), [*sampling, *assignments])
    prompted = [round(part * config.train.steps) for part in PROMPTED_AT]
    inbox: SimpleQueue[Recorded] = SimpleQueue()
    began = monotonic()
    recorded: list[Recorded] = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["TINYGPT_HOME"] = home
        engine = EngineThread(lambda event: inbox.put(Recorded(monotonic() - began, event)))
        engine.start()
        engine.send(Open(config))
        try:
            while not (recorded and isinstance(recorded[-1].event, Closed)):
                recorded.append(inbox.get())
                match recorded[-1].event:
                    case Failed(message):
                        raise SystemExit(message)
                    case Saved(run, step):  # without the path of the temporary folder
                        recorded[-1] = Recorded(recorded[-1].at, Saved(run, step, f"runs/{run}"))
                    case Excerpt(0):  # the last event before training may begin
                        engine.send(Sample(1, PROMPT, config.sample))
                    case SampleDone(1):
                        engine.send(Train())
                    case StepDone(step) if step in prompted:
                        engine.send(Sample(2 + prompted.index(step), PROMPT, config.sample))
                    case PhaseChanged("done"):
                        engine.send(Sample(LAST, PROMPT, config.sample))
                    case SampleDone(number) if number == LAST:
                        engine.send(Close())
                    case _:
                        pass
        finally:
            engine.close()
        asyncio.run(views.draw(next(one.run for _, one in recorded if isinstance(one, Opened))))
    return recorded


def save_recording(recorded: Iterable[Recorded]) -> None:
    """Write one JSON line per event, compressed; equal events give equal bytes."""
    lines = (
        json.dumps([round(at, 3), _rounded(json.loads(to_json(event)))], separators=(",", ":"))
        for at, event in recorded
    )
    RECORDING.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))


def _rounded(value: object) -> object:
    match value:
        case float():
            return float(f"{value:.{DIGITS}g}")
        case list():
            return [_rounded(one) for one in value]
        case dict():
            return {key: _rounded(one) for key, one in value.items()}
        case _:
            return value


def load_recording() -> list[Recorded]:
    """Read the recording. Raises OSError or ValueError where this version cannot read it."""
    lines = gzip.decompress(RECORDING.read_bytes()).decode().splitlines()
    pairs = [json.loads(line) for line in lines]
    return [Recorded(at, from_json(json.dumps(event))) for at, event in pairs]


# Time of the run to time of the picture.


def in_picture_time(recorded: list[Recorded]) -> list[Recorded]:
    """The same events with the times at which the picture shows them."""
    phases = [one for one in recorded if isinstance(one.event, PhaseChanged)]
    begins = next(one.at for one in phases if one.event.phase == "training")
    ends = next(one.at for one in phases if one.event.phase == "done")
    lengths = {
        one.event.sample_id: one.event.characters
        for one in recorded
        if isinstance(one.event, SampleDone)
    }
    started: dict[int, float] = {}
    timed = []
    for at, event in recorded:
        part = min(1.0, max(0.0, (at - begins) / (ends - begins)))
        now = TRAINING[0] + (TRAINING[1] - TRAINING[0]) * part**SLOW_START if at >= begins else 0.0
        match event:
            case SampleStarted(number):
                now = {1: TYPING[1], LAST: LAST_PROMPT}.get(number, now)
                started[number] = now
            case TextSampled(number, _, characters) | SampleDone(number, characters):
                now = started[number] + WRITING[number - 1] * characters / lengths[number]
            case Closed():
                continue
            case _:
                pass
        timed.append(Recorded(now, event))
    return sorted(timed, key=lambda one: one.at)


# Replay.


class Playback:
    """Takes the engine's place: recorded events are emitted through it."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self.emit = emit

    def start(self) -> None:
        pass

    def send(self, command: Command) -> None:
        pass

    def close(self, timeout: float | None = None) -> bool:
        return True


async def play(recorded: list[Recorded]) -> list[Frame]:
    """Replay the events into the real app and capture its frames."""
    tui.engine_app.FRAME = 0.0  # draw every event at once
    for pane in (Pane, *Pane.__subclasses__()):
        pane.INTERVAL = 0.0
    config = preset("small", default()[0])
    app = TinyGPTApp(Open(config), engine=Playback)
    waiting = iter(in_picture_time(recorded))
    due = next(waiting, None)
    keys = ["p", *PROMPT, "enter"]
    pressed_at = [TYPING[0] + n * (TYPING[1] - TYPING[0]) / len(keys) for n in range(len(keys))]
    presses = [*zip(pressed_at, keys, strict=True), (TRAINING[0] - FRAME, "escape")]
    frames: list[Frame] = []
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.query_one(Input).cursor_blink = False
        for number in range(round(END / FRAME)):
            now = number * FRAME
            while due is not None and due.at <= now:
                app.engine.emit(due.event)
                due = next(waiting, None)
            while presses and presses[0][0] <= now:
                _, key = presses.pop(0)
                await pilot.press("colon" if key == ":" else key)
            await pilot.pause()
            await pilot.pause()
            frames.append(Frame(rows(app), FRAME))
    return frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="train and record first")
    parser.add_argument("--text", default=default()[0], help="corpus: a name or a path")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    try:
        recorded = [] if arguments.record else load_recording()
    except (OSError, ValueError) as error:
        print(f"{error}\nRecording a new run.")  # noqa: T201
        recorded = []
    if not recorded:
        save_recording(record(arguments.text, arguments.set))
        recorded = load_recording()
    seconds = recorded[-1].at - recorded[0].at
    frames = asyncio.run(play(recorded))
    svg = animated_svg(
        frames,
        title="tinygpt-tui",
        description=f"A run of {seconds / 60:.1f} minutes in {END:.0f} seconds.",
        foreground=str(CLASSROOM.foreground),
        background=str(CLASSROOM.background),
    )
    PICTURE.write_text(svg, encoding="utf-8")
    print(f"{PICTURE}: {len(frames)} frames, {PICTURE.stat().st_size / 1e6:.2f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
