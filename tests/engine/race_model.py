"""A race as its events describe it, for the stateful test: each side is checked like a run of its
own."""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from driving import history_of

from engine.protocol import (
    RECORDED,
    Command,
    Event,
    Failed,
    LadderMeasured,
    Opened,
    Pause,
    Phase,
    PhaseChanged,
    RaceOpened,
    RacePhaseChanged,
    RaceSaved,
    RaceVerdict,
    Saved,
    SideEvent,
    Step,
    StepDone,
    Stop,
    Train,
)
from engine.storage.paths import folder_of
from engine.storage.race_file import read_race
from engine.storage.saved_run import load_run


class SideModel(Protocol):
    """A run, as its events describe it."""

    name: str
    phase: Phase
    step: int
    steps: int
    saved: int
    top: int

    def open(self, event: Opened) -> None: ...
    def begin(self) -> None: ...
    def record(self, event: Event) -> None: ...
    def check_saved(self, *, at_least: int) -> None: ...


class RaceModel:
    """The race that is open."""

    def __init__(
        self, opened: RaceOpened, sides: Sequence[SideModel], *, is_new: bool, goes_on: bool
    ) -> None:
        """`goes_on`: whether it is the next repetition of a race that is trained."""
        self.name = opened.race
        self.sides = sides
        self._seeds = opened.seeds
        self._repetition = opened.repetition
        self._is_new = is_new
        self._phase = "training" if goes_on else "untrained"
        self._may_train = goes_on
        self._singles = [0] * len(sides)
        self._failed = [False] * len(sides)
        self._replayed: list[deque[Event]] = [deque() for _ in sides]
        self._ended = False
        assert 1 <= opened.repetition <= opened.seeds

    def goes_on_with(self, opened: RaceOpened) -> bool:
        """Whether that is its next repetition."""
        return self._may_train and opened.repetition == self._repetition + 1

    def expect(self, command: Command) -> None:
        """This command is carried out next."""
        if self._ended:
            return
        match command:
            case Train(0, 0.0):
                self._singles, self._may_train = [0] * len(self.sides), True
            case Step() if self._phase != "training":
                self._singles = [
                    single + (not failed)
                    for single, failed in zip(self._singles, self._failed, strict=True)
                ]
            case Pause():
                self._singles, self._may_train = [0] * len(self.sides), False
            case Stop():
                self._singles, self._may_train = [0] * len(self.sides), False

    def check(self, event: Event) -> None:
        """Take one event."""
        match event:
            case SideEvent(number, inner):
                self._of_side(number, inner)
            case RacePhaseChanged(phase):
                assert phase != self._phase, "no change"
                self._phase = phase
            case RaceVerdict():
                assert len(event.losses) == len(self.sides)
                assert event.repetitions <= self._seeds
                assert event.sentence.endswith(".")
                self._ended = event.final
            case RaceSaved(race, path):
                assert race == self.name
                if path:
                    assert read_race(race).repetitions[-1].runs == tuple(
                        side.name for side in self.sides
                    )
            case Failed():  # a save, perhaps of one side
                self._singles = [0] * len(self.sides)

    def settled(self) -> None:
        """A command has been carried out."""
        assert not any(self._replayed), "not all of the history was emitted again"

    def idle(self) -> None:
        """There is nothing left to do."""
        assert self._phase != "training", "it does not go on"
        assert not any(
            single for single, failed in zip(self._singles, self._failed, strict=True) if not failed
        )

    def closed(self) -> None:
        """It was saved and closed."""
        for side in self.sides:
            if side.step:
                side.check_saved(at_least=side.step)

    def _of_side(self, number: int, event: Event) -> None:
        side = self.sides[number]
        if isinstance(event, LadderMeasured):  # whenever there is time
            return
        if self._replayed[number]:
            assert event == self._replayed[number].popleft()
            side.record(event)
            return
        match event:
            case Opened(run, config):
                assert run == side.name
                if self._is_new:
                    assert (event.phase, event.step) == ("untrained", 0)
                else:
                    saved = load_run(run)
                    assert event.step == saved.manifest.progress.step
                    assert side.saved <= event.step <= side.top
                    self._replayed[number].extend(history_of(saved))
                assert config.model == event.config.model
                side.open(event)
            case StepDone(step):
                assert step == side.step + 1
                assert not self._failed[number], "a step after it has failed"
                assert self._singles[number] or self._may_train, "no command asked for this step"
                self._singles[number] = max(0, self._singles[number] - 1)
                side.begin()
                side.step = side.top = step
                side.record(event)
            case PhaseChanged(phase, step):
                assert phase != side.phase, "no change"
                assert step == side.step
                side.phase = phase
            case Saved(run, step, path):
                assert (run, step, path) == (side.name, side.step, str(folder_of(run)))
                side.check_saved(at_least=step)
                side.saved = step
            case Failed():
                self._failed[number], self._singles[number] = True, 0
            case _ if isinstance(event, RECORDED):
                side.record(event)
            case _:
                pass
