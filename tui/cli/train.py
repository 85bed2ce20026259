"""`tinygpt-tui train`: train with a progress bar, or print every event as a line of JSON."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.protocol import (
    Busy,
    Close,
    ConfirmationRequired,
    CorpusLoaded,
    Downloading,
    Event,
    Failed,
    Fork,
    MappingRequired,
    NotSaved,
    Open,
    Opened,
    OpenRun,
    PhaseChanged,
    Saved,
    StepDone,
    StepProgress,
    Taught,
    Teach,
    Train,
    to_json,
)
from tui.cli.client import Client, print_note
from tui.cli.console import PipeConsole, discard_output, print_error
from tui.cli.progress import ProgressReporter
from tui.cli.streams import printable_json
from tui.signals import on_exit_signal
from tui.teaching_text import replacements

if TYPE_CHECKING:  # imports torch
    from engine import ProcessGroup

NO_MORE = Train()
"""To the planned end; after it, for the same length again."""


def train(
    opening: Open | OpenRun | Fork,
    training: Train | None = NO_MORE,
    teaching: Teach | None = None,
    until: int | None = None,
    *,
    as_json: bool,
    saving: bool = True,
    group: "ProcessGroup | None" = None,
    watch: Callable[[Event], None] = lambda event: None,
) -> int:
    """Train a run to its end, or until a signal; the exit code. `training`: how much more, of a
    saved run; None: what is left of it. `teaching`: what it is taught from now on. `until`: the step
    after which it is left, to be trained on later. `saving`: whether it is saved. `group`: the ranks
    that train it, of which any may want to end. `watch` sees every event.

    Standard output gets a line for each event: JSON or text.
    """
    client = Client(opening, saving=saving)
    if group is not None:
        group.on_stop = client.end
    with on_exit_signal(client.end), _event_printer(as_json=as_json) as show:
        training_run = _Training(client, show, training, teaching, until)

        def on_event(event: Event) -> None:
            watch(event)
            training_run.on_event(event)

        return client.run(on_event)


class _Training:
    """What the command answers to the events of its run."""

    def __init__(
        self,
        client: Client,
        show: Callable[[Event], None],
        training: Train | None,
        teaching: Teach | None,
        until: int | None,
    ) -> None:
        """`show` may raise BrokenPipeError. The others are as in `train`."""
        self._client = client
        self._show = show
        self._training = training
        self._teaching = teaching
        self._until = until
        self._step = 0
        """At which the run was opened."""
        self._following = False
        """Another program trains the run: `Train` is refused, and the events are not ours."""

    def on_event(self, event: Event) -> None:
        """Answer one event, and show it."""
        match event:
            case Opened():
                self._begin(event)
            case StepDone() if event.step == self._until:
                self._client.send(Close())
            case MappingRequired():
                self._client.refuse(
                    "The model does not know all characters of the text to teach. With --map-unknown "
                    f"they are replaced: {', '.join(replacements(event))}."
                )
            case CorpusLoaded() if event.note:
                print_error(event.note)
            case Taught() if self._is_answer(event):
                self._client.send(self._training or Train())
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

    def _begin(self, opened: Opened) -> None:
        """Have done what was asked: what is refused leaves the run as it is."""
        self._step, self._following = opened.step, opened.phase == "following"
        is_there = self._until is not None and opened.step >= self._until
        print_note(opened)
        if self._training is None:
            self._client.send(Close() if is_there or opened.phase == "done" else Train())
        elif is_there:
            self._client.refuse(
                f"--until names a later step: the run is at step {opened.step:,} already."
            )
        else:
            self._client.send(self._teaching or self._training)

    def _is_answer(self, taught: Taught) -> bool:
        """Whether the run is taught as asked, rather than that its history is repeated."""
        asked = self._teaching
        return (
            asked is not None
            and (taught.step, taught.share) == (self._step, asked.share)
            and (asked.map_unknown or asked.text in ("", taught.text))
        )

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
        yield _JsonPrinter().show
    else:
        with ProgressReporter(PipeConsole()) as reporter:
            yield reporter.show


class _JsonPrinter:
    """Prints events as lines of JSON: of work in progress, how far the reading of a text is."""

    def __init__(self) -> None:
        self._opened = False

    def show(self, event: Event) -> None:
        """Print an event."""
        match event:
            case StepProgress() | Downloading():
                return
            case Busy() if self._opened or event.done < 0:
                return
            case Opened():
                self._opened = True
            case _:
                pass
        print(printable_json(to_json(event)), flush=True)  # noqa: T201
