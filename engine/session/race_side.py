"""One side of a race: a run, and how far it has come by its own events."""

from typing import NamedTuple, get_args

from engine.config import RunConfig
from engine.protocol import (
    LABELS,
    Axis,
    Busy,
    CorpusLoaded,
    Evaluated,
    Event,
    Failed,
    LadderMeasured,
    RunEvent,
    SideEvent,
    StepDone,
    Tokens,
)
from engine.session.active_run import ActiveRun
from engine.session.opened_run import Emit
from engine.session.run_state import Ending
from engine.session.verdict import Mark

RUN_EVENTS = get_args(RunEvent)


class RacingRun(ActiveRun):
    """A run that is one side of a race. It trains as any other; the race says when."""

    _kept = False

    @property
    def config(self) -> RunConfig:
        """Its settings."""
        return self._state.config

    @property
    def trained(self) -> bool:
        """Whether it has taken a step."""
        return self._state.step > 0

    @property
    def over(self) -> bool:
        """Whether it has come to its end, or cannot go on, and everything about that is saved."""
        return self._state.phase in ("done", "failed") and not (
            self._evaluator.active or self._samples.active or self._state.ending is Ending.SAVING
        )

    @property
    def between_steps(self) -> bool:
        """Whether another side may take its turn: neither a step nor an evaluation is in
        progress."""
        return not (self._stepper.active or self._evaluator.active)

    @property
    def wants_turns(self) -> bool:
        """Whether it is to train on."""
        return self._state.step_is_due or self._evaluator.active

    @property
    def is_finishing(self) -> bool:
        """Whether little is left: the last sample, and to save."""
        return not self.wants_turns and (
            self._samples.active or self._state.ending is Ending.SAVING
        )

    def keep(self) -> bool:
        """Have it on the disk from now on, also untrained; False if it cannot be saved, which is
        reported."""
        self._kept = self._saver.prepare_step()
        return self._kept

    def discard(self) -> None:
        """Have it deleted when it is closed, unless it was trained or is a saved run."""
        self._kept = False

    def windows(self) -> tuple[float, ...]:
        """The losses of the windows of text that the last evaluation has read. One that was before
        the run was opened is made again."""
        if not self._evaluator.windows:
            *_, evaluation = self._trainer.evaluate(self._context_length())
            assert not isinstance(evaluation, float)
            self._evaluator.windows = evaluation.windows
        return self._evaluator.windows

    @property
    def newest_windows(self) -> tuple[float, ...]:
        """The same, empty where they would have to be made again."""
        return self._evaluator.windows

    def leave_the_ladder(self) -> None:
        """Measure no ladder: another side does, of the same text."""
        self._ladder.stop()

    def close(self) -> None:
        self._saver.close(keep=self._kept)
        self.context.close()


class Scale(NamedTuple):
    """In what a side is compared whose tokens are not those of the others."""

    tokens: Tokens
    characters_each: float
    """The mean length of a token in what it is trained on."""

    def measured(self, mark: Mark) -> Mark:
        """A mark in tokens and nats per token, in characters of text and bits per byte."""
        return mark._replace(
            characters=self.characters(mark.characters),
            loss=self._bits(mark.loss),
            windows=tuple(map(self._bits, mark.windows)),
        )

    def characters(self, tokens: int) -> int:
        """How much text so many tokens are."""
        return round(tokens * self.characters_each)

    def _bits(self, nats: float) -> float:
        return self.tokens.compared(nats, mixed=True)


class Side:
    """What is known of one side. Its events are held back until the race is open."""

    def __init__(self, number: int, emit: Emit) -> None:
        self.number = number
        self.marks: list[Mark] = []
        """Its evaluations, as they are compared."""
        self.failed = False
        self.not_saved = False
        """Whether it could not be saved: then all sides halt."""
        self._emit = emit
        self._held: list[Event] | None = []
        self._run: RacingRun | None = None
        self._scale: Scale | None = None
        self._tokens, self._steps, self._seconds = 0, 0, 0.0

    @property
    def label(self) -> str:
        """What it is called."""
        return LABELS[self.number]

    @property
    def run(self) -> RacingRun:
        """Its run, once that is open."""
        assert self._run is not None, "its run is not open yet"
        return self._run

    @run.setter
    def run(self, run: RacingRun) -> None:
        self._run = run
        if self.number:
            run.leave_the_ladder()

    def use_scale(self, scale: Scale) -> None:
        """Have its marks, those that are known and those to come, measured by it."""
        self._scale = scale
        self.marks = [scale.measured(mark) for mark in self.marks]

    @property
    def characters_each(self) -> float:
        """What one of its tokens counts for by characters."""
        return self._scale.characters_each if self._scale else 1.0

    def know_windows(self) -> None:
        """Have the losses of the windows at the last mark."""
        if not (self.failed or self.marks[-1].windows):
            last = self._measured(self.marks[-1]._replace(windows=self.run.windows()))
            self.marks[-1] = self.marks[-1]._replace(windows=last.windows)

    def _measured(self, mark: Mark) -> Mark:
        return mark if self._scale is None else self._scale.measured(mark)

    @property
    def over(self) -> bool:
        """Whether nothing is left of it to train."""
        return self.failed or self.run.over

    def position(self, axis: Axis) -> float:
        """How far it has come."""
        by_axis: dict[Axis, float] = {
            "characters": self._scale.characters(self._tokens) if self._scale else self._tokens,
            "steps": self._steps,
            "seconds": self._seconds,
        }
        return by_axis[axis]

    def release(self) -> None:
        """Emit what was held back, and from now on everything at once."""
        held, self._held = self._held, None
        for event in held or ():
            self._emit(event)

    def on_event(self, event: Event) -> None:
        """Take an event of its run."""
        self._follow(event)
        if isinstance(event, Busy):
            self._emit(event)
            return
        passed_on = self._passed_on(event)
        if passed_on is None:
            return
        if self._held is None:
            self._emit(passed_on)
        else:
            self._held.append(passed_on)

    def _follow(self, event: Event) -> None:
        match event:
            case StepDone():
                self._tokens += event.tokens
                self._steps, self._seconds = event.step, event.elapsed
            case Evaluated():
                windows = self._run.newest_windows if self._run else ()
                self._seconds = event.elapsed
                trained = event.elapsed if event.step else 0.0  # the first is where all begin
                mark = Mark(
                    self._tokens, event.step, trained, event.loss, event.context_length, windows
                )
                self.marks.append(self._measured(mark))
            case Failed(during="train"):
                self.failed = True
            case Failed(during="save"):
                self.not_saved = True
            case _:
                pass

    def _passed_on(self, event: Event) -> Event | None:
        """What the race reports of an event of its run. What all sides have in common is reported
        by the first."""
        match event:
            case Failed() if event.during != "train":
                return Failed(f"Side {self.label}: {event.message}", event.during, event.request)
            case CorpusLoaded():
                return None if self.number else event
            case LadderMeasured() if self.number:
                return None
            case _:
                return SideEvent(self.number, event) if isinstance(event, RUN_EVENTS) else None
