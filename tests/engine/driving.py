"""Runs a Session in the test's own thread: commands in, a list of events out."""

from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import TypeVar

import msgspec

from engine.config import RunConfig, nano, override
from engine.protocol import (
    Busy,
    Close,
    Command,
    Evaluated,
    Event,
    Excerpt,
    LadderMeasured,
    MomentsKept,
    Open,
    Opened,
    OpenRun,
    Saved,
    StepDone,
    Train,
)
from engine.session.session import Session
from engine.storage.history import read_history
from engine.storage.paths import folder_of
from engine.storage.saved_run import SavedRun

T = TypeVar("T")

Happens = Callable[[Event], bool]

TIMES = ("seconds", "elapsed", "remaining")
"""Fields that hold a time."""


def tiny(corpus: object, *assignments: str) -> RunConfig:
    """The smallest run: 20 steps of some milliseconds, an evaluation every 10."""
    return override(
        nano(str(corpus)),
        [
            "model.context_length=16",
            "model.n_layer=1",
            "model.n_embd=16",
            "train.batch_size=4",
            "train.steps=20",
            "train.evaluation_interval=10",
            "train.device=cpu",
            "train.precision=float32",
            "train.threads=1",
            *assignments,
        ],
    )


class FakeClock:
    """Advances by the same tick at each call, so a run takes the same course on every machine."""

    def __init__(self, tick: float = 0.001) -> None:
        self.now = 0.0
        self._tick = tick

    def __call__(self) -> float:
        self.now += self._tick
        return self.now


class IdleInbox(SimpleQueue[Command]):
    """Hands out the next command only when the session has nothing left to do."""

    def __init__(self, *commands: Command, last: Close) -> None:
        self._commands = iter(commands)
        self._last = last

    def get(self, block: bool = True, timeout: float | None = None) -> Command:
        if not block:
            raise Empty
        return next(self._commands, self._last)


class Driver:
    """A Session and its user, who reacts to events with further commands."""

    def __init__(
        self,
        clock: Callable[[], float] | None = None,
        *,
        saving: bool = True,
        follows: bool = False,
    ) -> None:
        self.events: list[Event] = []
        self.inbox: SimpleQueue[Command] = SimpleQueue()
        self._clock = clock or FakeClock()
        self._options = {"saving": saving, "follows": follows}
        self._reactions: list[tuple[Happens, Callable[[], None]]] = []

    def when(self, happens: Happens, *commands: Command) -> "Driver":
        """The first time it happens, send these commands."""
        return self.call_when(happens, lambda: self.send(*commands))

    def call_when(self, happens: Happens, do: Callable[[], None]) -> "Driver":
        """The first time it happens, do this."""
        self._reactions.append((happens, do))
        return self

    def send(self, *commands: Command) -> None:
        """Send commands."""
        for command in commands:
            self.inbox.put(command)

    def run(self, *commands: Command) -> list[Event]:
        """Send these commands, and work until Close; all events."""
        self.send(*commands)
        Session(self._handle, clock=self._clock, **self._options).run(self.inbox)
        assert not self._reactions, "something that the test waited for did not happen"
        return self.events

    def _handle(self, event: Event) -> None:
        self.events.append(event)
        for reaction in self._reactions:
            if reaction[0](event):
                self._reactions.remove(reaction)
                reaction[1]()
                break


def run_to_end(*commands: Command) -> list[Event]:
    """The events from these commands until the run is saved."""
    return Driver().when(is_a(Saved), Close()).run(*commands)


def saved_run(corpus: object, *assignments: str) -> str:
    """The name of a tiny run that was trained to its end."""
    return only(run_to_end(Open(tiny(corpus, *assignments)), Train()), Opened).run


def ask(name: str, *questions: Command) -> list[Event]:
    """The events of a saved run that is opened and asked, one question after the other."""
    driver = Driver()
    driver.inbox = IdleInbox(OpenRun(name), *questions, last=Close())
    return driver.run()


def is_a(kind: type[object], **fields: object) -> Happens:
    """Whether an event is of this kind, with these values in its fields."""
    return lambda event: (
        isinstance(event, kind)
        and all(getattr(event, name) == value for name, value in fields.items())
    )


def of(events: Iterable[Event], kind: type[T]) -> list[T]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def only(events: Iterable[Event], kind: type[T]) -> T:
    """The one event of a kind."""
    (event,) = of(events, kind)
    return event


def history_of(saved: SavedRun) -> list[Event]:
    """The history of a run, up to the step where it was saved."""
    return [*read_history(folder_of(saved.name), saved.manifest.progress.step)]


def losses(events: Iterable[Event]) -> list[tuple[int, float]]:
    """Every loss that was reported, to the last bit."""
    return [(e.step, e.loss) for e in events if isinstance(e, StepDone | Evaluated)]


def transcript(events: Iterable[Event]) -> list[Event]:
    """The course of training: the events without Busy, without the moments kept and the rungs
    measured on the way, and without excerpts, whose place depends on the clock."""
    aside = Busy | Excerpt | LadderMeasured | MomentsKept
    return [event for event in events if not isinstance(event, aside)]


def timeless(event: Event) -> Event:
    """The event with its times set to zero."""
    times = {name: 0.0 for name in TIMES if hasattr(event, name)}
    return msgspec.structs.replace(event, **times) if times else event
