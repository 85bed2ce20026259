"""`tinygpt-tui train`: train with a progress bar, or print every event as a line of JSON."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.protocol import (
    Busy,
    Close,
    ConfirmationRequired,
    CorpusLoaded,
    Event,
    Failed,
    Fork,
    NotSaved,
    Open,
    Opened,
    OpenRun,
    PhaseChanged,
    Saved,
    StepProgress,
    Teach,
    Train,
    to_json,
)
from tui.cli.client import Client
from tui.cli.console import PipeConsole, discard_output, print_error
from tui.cli.progress import ProgressReporter
from tui.cli.streams import printable_json
from tui.signals import on_exit_signal

NO_MORE = Train()
"""To the planned end; after it, for the same length again."""


def train(
    opening: Open | OpenRun | Fork,
    training: Train = NO_MORE,
    teaching: Teach | None = None,
    *,
    as_json: bool,
    saving: bool = True,
) -> int:
    """Train a run to its end, or until a signal; the exit code. `training`: how much more, of a
    saved run. `teaching`: what it is taught from now on. `saving`: whether it is saved.

    Standard output gets a line for each event: JSON or text.
    """
    taught = () if teaching is None else (teaching,)
    client = Client(opening, *taught, training, saving=saving)
    with on_exit_signal(client.end), _event_printer(as_json=as_json) as show:
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
            case ConfirmationRequired():
                self._client.refuse_unconfirmed(event)
            case Failed(during="inspect" | "log"):  # what is written in addition, not the training
                print_error(event.message)
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
    if isinstance(event, Busy | StepProgress):
        return
    print(printable_json(to_json(event)), flush=True)  # noqa: T201
