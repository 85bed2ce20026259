"""The same runs without a screen: train with a progress bar or JSON lines, sample, list."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from data.safe_text import safe_text
from engine.config import SampleConfig
from engine.protocol import (
    AnnotateRun,
    Busy,
    Close,
    Command,
    ConfirmationRequired,
    CorpusLoaded,
    DeleteRun,
    Evaluated,
    Event,
    Excerpt,
    Failed,
    Open,
    Opened,
    OpenRun,
    PhaseChanged,
    RenameRun,
    RunSummary,
    Sample,
    SampleDone,
    SampleStarted,
    Saved,
    StepDone,
    TextSampled,
    Train,
    to_json,
)
from engine.session.session import Session
from tui.signals import EXIT_SIGNALS, exit_code

EXIT_FAILED = {"open": 2, "train": 3}
"""Exit codes by what failed; anything else is 1."""


class Paper(Console):
    """Standard output. Rich's own ends the program at once when nothing reads it any more."""

    def on_broken_pipe(self) -> None:
        """Leave it to the one who prints."""
        raise BrokenPipeError


class Reporter:
    """Shows a run's events as lines; on a terminal with a progress bar under them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("step {task.fields[step]}  loss {task.fields[loss]}", markup=False),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("warming up", total=1.0, step="0", loss="-")

    def __enter__(self) -> "Reporter":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Busy(what):
                self._bar.update(self._task, description=safe_text(what) or "training")
            case CorpusLoaded():
                self._say(
                    f"{event.name}: {event.characters:,} characters, "
                    f"{event.vocabulary} different ({event.source})"
                )
                if event.note:
                    self._say(event.note)
            case Opened():
                self._say(
                    f"run {event.run}: {event.config.preset}, {event.parameters:,} parameters, "
                    f"{event.device}, {event.threads} threads, {event.precision}"
                )
            case StepDone():
                spent = event.elapsed / max(event.elapsed + event.remaining, 1e-9)
                self._bar.update(
                    self._task, completed=spent, step=f"{event.step:,}", loss=f"{event.loss:.3f}"
                )
            case Evaluated():
                self._say(
                    f"step {event.step:>7,}  validation loss {event.loss:.4f}  "
                    f"{event.bits_per_char:.3f} bits/char  "
                    f"next character right {event.accuracy:.1%}  context {event.context_length}  "
                    f"{event.elapsed:,.0f} s"
                )
            case Excerpt():
                first = safe_text(event.prompt + event.text)[:100]
                self._say(f"step {event.step:>7,}  writes: {first}")
            case Saved(run, step, path):
                self._say(f"saved {run} at step {step:,} in {path}")
            case _:
                pass

    def _say(self, line: str) -> None:
        self._console.print(safe_text(line), markup=False, highlight=False, soft_wrap=True)


def train(opening: Open | OpenRun, *, as_json: bool) -> int:
    """Train a run to its end, or until a signal; the exit code.

    Lines go to standard output: JSON, one event each, or text.
    """
    inbox: SimpleQueue[Command] = SimpleQueue()
    inbox.put(opening)
    inbox.put(Train())
    code = 0
    following = False  # another program trains it: that is refused, and its steps are not ours

    def handle(event: Event) -> None:
        nonlocal code, following
        match event:
            case Opened() if event.phase == "following":
                following = True
            case Opened() if event.note:
                print(safe_text(event.note), file=sys.stderr)  # noqa: T201
            case ConfirmationRequired(question):
                print(f"{safe_text(question)} Yes is --changed-text.", file=sys.stderr)  # noqa: T201
                code = EXIT_FAILED["open"]
                inbox.put(Close())
            case Failed(message, during):
                print(safe_text(message), file=sys.stderr)  # noqa: T201
                code = EXIT_FAILED.get(during, 1)
                inbox.put(Close(save=during != "save"))
            case Saved() | PhaseChanged("untrained"):
                inbox.put(Close())
            case _:
                pass

    with _interruptible(inbox) as interrupted, _shown(as_json=as_json) as show:

        def emit(event: Event) -> None:
            nonlocal code
            handle(event)
            if following:
                return
            try:
                show(event)
            except BrokenPipeError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                print("The output has no reader any more: the run ends here.", file=sys.stderr)  # noqa: T201
                code = 1
                inbox.put(Close())

        Session(emit).run(inbox)
    return code or (exit_code(interrupted.number) if interrupted.number else 0)


@contextmanager
def _shown(*, as_json: bool) -> Iterator[Callable[[Event], None]]:
    """Shows events on standard output. BrokenPipeError once it is read no more."""
    if not as_json:
        with Reporter(Paper()) as reporter:
            yield reporter.show
        return
    terminal = sys.stdout.isatty()

    def print_line(event: Event) -> None:
        if not isinstance(event, Busy):
            line = to_json(event)
            # For a terminal nothing but ASCII, for which JSON has words for all the rest.
            print(json.dumps(json.loads(line)) if terminal else line, flush=True)  # noqa: T201

    yield print_line


def sample(run: str, prompt: str, config: SampleConfig) -> int:
    """Write on from a prompt with a saved run, onto standard output; the exit code.

    On a terminal, control characters are shown as pictures; into a file they go as they are.
    """
    inbox: SimpleQueue[Command] = SimpleQueue()
    inbox.put(OpenRun(run, changed_text=True))  # what it writes does not depend on the text
    inbox.put(Sample(1, prompt, config))
    code = 0
    terminal = sys.stdout.isatty()

    def write(text: str) -> None:
        sys.stdout.write(safe_text(text, lines=True) if terminal else text)
        sys.stdout.flush()

    def emit(event: Event) -> None:
        nonlocal code
        match event:
            case Opened() if event.note and event.phase != "following":
                print(safe_text(event.note), file=sys.stderr)  # noqa: T201
            case SampleStarted(_, _, known, unknown):
                if unknown:
                    left_out = safe_text(unknown)
                    print(f"It has never seen these characters: {left_out}", file=sys.stderr)  # noqa: T201
                write(known)
            case TextSampled(_, text):
                write(text)
            case SampleDone():
                write("\n")
                inbox.put(Close(save=False))
            case Failed(message, during):
                print(safe_text(message), file=sys.stderr)  # noqa: T201
                code = EXIT_FAILED.get(during, 1)
                inbox.put(Close(save=False))
            case _:
                pass

    Session(emit).run(inbox)
    return code


def saved_runs() -> list[RunSummary]:
    """The saved runs, last used first."""
    from engine.storage.library import summaries

    return summaries()


def change_runs(command: RenameRun | AnnotateRun | DeleteRun) -> int:
    """Rename, annotate or delete a saved run; the exit code."""
    inbox: SimpleQueue[Command] = SimpleQueue()
    inbox.put(command)
    inbox.put(Close())
    code = 0

    def emit(event: Event) -> None:
        nonlocal code
        if isinstance(event, Failed):
            print(safe_text(event.message), file=sys.stderr)  # noqa: T201
            code = 2

    Session(emit).run(inbox)
    return code


def list_runs() -> None:
    """The saved runs as a table, last used first; in a narrow window the last columns are cut."""
    from engine.storage.paths import home

    console = Console()
    rows = [_cells(run) for run in saved_runs()]
    if not rows:
        console.print(f"No run is saved yet in {safe_text(str(home()))}.", markup=False)
        return
    table = [["run", "step", "best", "last used", "MB", "preset", "text", "note"], *rows]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    for row in table:
        line = "  ".join(map(set_cell_size, row, widths)).rstrip()
        if console.is_terminal and cell_len(line) > console.width:
            line = set_cell_size(line, console.width - 1) + "…"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _cells(run: RunSummary) -> list[str]:
    """A run in a row of the table."""
    cells = (
        run.name,
        "cannot be read" if run.problem else f"{run.step:,} / {run.steps:,}",
        "-" if run.best_loss is None else f"{run.best_loss:.4f}",
        run.last_used,
        f"{run.size / 1e6:.1f}",
        run.preset,
        run.corpus,
        run.problem or run.note,
    )
    return [safe_text(cell) for cell in cells]


@contextmanager
def _interruptible(inbox: SimpleQueue[Command]) -> Iterator["_Interrupted"]:
    """The first signal to end saves the run and ends; the second ends at once."""
    interrupted = _Interrupted()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if interrupted.number:
            os._exit(exit_code(number))
        interrupted.number = number
        inbox.put(Close())

    before = {number: signal.signal(number, on_signal) for number in EXIT_SIGNALS}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Interrupted:
    number = 0  # of the signal that came
