"""`tinygpt-tui train`: train with a progress bar, or print every event as a line of JSON."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from data.safe_text import safe_text
from engine.protocol import (
    Busy,
    Close,
    ConfirmationRequired,
    CorpusLoaded,
    Evaluated,
    Event,
    Excerpt,
    Failed,
    NotSaved,
    Open,
    Opened,
    OpenRun,
    PhaseChanged,
    Saved,
    StepDone,
    Train,
    to_json,
)
from tui.cli.client import EXIT_CODES, Client
from tui.cli.console import PipeConsole, discard_output, print_error
from tui.cli.streams import printable_json
from tui.drawing.words import counted
from tui.signals import EXIT_SIGNALS, exit_code

EXCERPT_LENGTH = 100
"""Characters of an excerpt on a line."""


def train(opening: Open | OpenRun, *, as_json: bool, saving: bool = True) -> int:
    """Train a run to its end, or until a signal; the exit code. `saving`: whether it is saved.

    Standard output gets a line for each event: JSON or text.
    """
    client = Client(opening, Train(), saving=saving)
    with _close_on_signal(client), _event_printer(as_json=as_json) as show:
        return client.run(_Training(client, show).on_event)


class _Training:
    """What the command answers to the events of its run."""

    def __init__(self, client: Client, show: Callable[[Event], None]) -> None:
        """`show` may raise BrokenPipeError."""
        self._client = client
        self._show = show
        self._following = False
        """Another program trains the run: `Train` is refused, and the events are not ours."""

    def on_event(self, event: Event) -> None:
        """Answer one event, and show it."""
        match event:
            case Opened() if event.phase == "following":
                self._following = True
            case Opened() | CorpusLoaded() if event.note:
                print_error(event.note)
            case ConfirmationRequired(question):
                print_error(f"{question} To confirm, add --changed-text.")
                self._client.exit_code = EXIT_CODES["open"]
                self._client.send(Close())
            case Failed():
                self._client.fail(event, save=event.during != "save")
            case Saved() | NotSaved() | PhaseChanged("untrained"):
                self._client.send(Close())
            case _:
                pass
        if not self._following:
            self._print(event)

    def _print(self, event: Event) -> None:
        try:
            self._show(event)
        except BrokenPipeError:
            discard_output()
            print_error("Nothing reads the output any more, so training ends here.")
            self._client.exit_code = 1
            self._client.send(Close())


@contextmanager
def _event_printer(*, as_json: bool) -> Iterator[Callable[[Event], None]]:
    """A function that prints an event. It raises BrokenPipeError once nothing reads the output."""
    if as_json:
        yield _print_json
    else:
        with ProgressReporter(PipeConsole()) as reporter:
            yield reporter.show


def _print_json(event: Event) -> None:
    if isinstance(event, Busy):
        return
    print(printable_json(to_json(event)), flush=True)  # noqa: T201


class ProgressReporter:
    """Shows a run's events as lines; on a terminal with a progress bar below them."""

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

    def __enter__(self) -> "ProgressReporter":
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
                self._print(
                    f"{event.name}: {counted(event.characters, 'character')}, "
                    f"{event.vocabulary:,} different ({event.source})"
                )
            case Opened():
                self._print(
                    f"run {event.run}: {event.config.preset}, {counted(event.parameters, 'parameter')}, "
                    f"{event.device}, {counted(event.threads, 'thread')}, {event.precision}"
                )
                if not event.saving:
                    self._print("not saved (--no-save): what it learns ends with this program")
            case StepDone():
                done = event.elapsed / max(event.elapsed + event.remaining, 1e-9)
                self._bar.update(
                    self._task, completed=done, step=f"{event.step:,}", loss=f"{event.loss:.3f}"
                )
            case Evaluated():
                self._print(
                    f"step {event.step:>7,}  validation loss {event.loss:.4f}  "
                    f"{event.bits_per_char:.3f} bits/char  accuracy {event.accuracy:.1%}  "
                    f"context {event.context_length:,}  {event.elapsed:,.0f} s  "
                    f"on {event.characters:,} characters"
                )
            case Excerpt():
                first = safe_text(event.prompt + event.text)[:EXCERPT_LENGTH]
                self._print(f"step {event.step:>7,}  sample: {first}")
            case NotSaved(run, step):
                self._print(f"not saved (--no-save): {run} ends here, at step {step:,}")
            case Saved(run, step, path):
                self._print(f"saved {run} at step {step:,} in {path}")
            case _:
                pass

    def _print(self, line: str) -> None:
        self._console.print(safe_text(line), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _close_on_signal(client: Client) -> Iterator[None]:
    """The first signal to end saves the run and closes; the second ends the process at once."""
    received = False

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal received
        if received:
            os._exit(exit_code(number))
        received = True
        client.exit_code = client.exit_code or exit_code(number)
        client.send(Close())

    before = {number: signal.signal(number, on_signal) for number in EXIT_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
