"""The state of the screen, one frozen value, and how each event changes it.

Every event passes `safe` here before it is stored, so no widget has to sanitise untrusted text. A
saved run's history is folded like the events of a live one.
"""

from math import isfinite
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from engine import protocol
from engine.protocol import (
    RECORDED,
    Busy,
    Compared,
    CopiesFound,
    CorpusLoaded,
    Evaluated,
    Event,
    Excerpt,
    Extended,
    Failed,
    Forked,
    Inspected,
    LadderMeasured,
    LearningRateChanged,
    Measured,
    MomentsKept,
    Opened,
    ParentLoaded,
    PhaseChanged,
    RaceOpened,
    Recorded,
    RunChanged,
    RunCurve,
    RunsListed,
    RunSummary,
    SampleDone,
    SampleStarted,
    Saved,
    SideEvent,
    StepDone,
    StepProgress,
    TextSampled,
    ThreadsChosen,
)
from tui.compared import with_parent, without
from tui.course import Course, fold_course
from tui.drawing.curve import Curve
from tui.drawing.scale import two_digits_up
from tui.drawing.spikes import Spikes
from tui.insight import Insight, fold_insight, for_another_run, is_answer
from tui.lab.state import Lab, closed, fold_lab, is_of_the_lab, is_of_what_is_saved
from tui.ladder import Ladder
from tui.run_changes import with_run_changed
from tui.safe_struct import Raw, safe
from tui.time_state import Moments, fold_moments, is_of_a_moment
from tui.tokens import tokens_of, train_size, uniform_loss
from tui.writing import Writing, fold_writing

Phase = Literal["warming up"] | protocol.Phase

EXCERPTS_KEPT = 1_000
NEWEST_KEPT = 20
SMOOTHING = 0.1
"""Weight of the newest step in the moving average of the speed."""


class RunState(Struct, frozen=True):
    """What the engine has reported about the open run. All text in it is safe to draw."""

    phase: Phase = "warming up"
    busy: Busy = Busy("")
    corpus: CorpusLoaded | None = None
    opened: Opened | None = None
    raw_opened: Raw[Opened] | None = None
    step: int = 0
    steps: int = 0
    minutes: float = 0.0
    learning_rate: float = 0.0  # before the schedule
    train: Curve = Curve()
    validation: Curve = Curve()
    ladder: Ladder = Ladder()
    spikes: Spikes = Spikes()
    course: Course = Course()
    newest: tuple[float, ...] = ()
    """The training losses of the last `NEWEST_KEPT` steps."""
    last_step: StepDone | None = None
    under_way: StepProgress | None = None
    """What is done of the step after that, if it is slow."""
    evaluated: Evaluated | None = None
    best: Evaluated | None = None
    tokens_per_second: float = 0.0
    excerpts: tuple[Excerpt, ...] = ()
    writing: Writing | None = None
    measured: Measured | None = None
    saved: Saved | None = None
    compared: tuple[RunCurve, ...] = ()
    forked: Forked | None = None
    """Where the open run was forked from another."""
    runs: tuple[RunSummary, ...] | None = None
    """The saved runs as they were listed last; None: not listed yet."""
    raw_runs: Raw[tuple[RunSummary, ...]] | None = None
    """The same runs in the same order, with their true names."""
    runs_changed: int = 0
    """How many times a saved run was renamed, annotated or deleted."""
    extended: Extended | None = None
    """How the run was extended last."""
    threads_chosen: ThreadsChosen | None = None
    failure: Failed | None = None
    insight: Insight = Insight()
    moments: Moments = Moments()
    lab: Lab = Lab()
    before: "RunState | None" = None
    """The run that stays open if opening the next one fails."""

    @property
    def epochs(self) -> float:
        """Tokens trained on, in multiples of the training split."""
        if self.corpus is None or self.opened is None:
            return 0.0
        train, last = self.opened.config.train, self.course.last
        usual = self.step * train.batch_size * self.opened.config.model.context_length
        return (last.tokens if last else usual) / train_size(self.corpus, tokens_of(self))

    @property
    def elapsed(self) -> float:
        """Seconds trained so far."""
        events = (self.opened, self.last_step, self.evaluated, self.under_way)
        return max((event.elapsed for event in events if event), default=0.0)

    @property
    def progress(self) -> float:
        """The fraction of the run that is done, 0 to 1."""
        if self.minutes:
            return min(1.0, self.elapsed / (60 * self.minutes))
        done = self.step + (self.under_way.done if self.under_way else 0.0)
        return min(1.0, done / self.steps) if self.steps else 0.0

    @property
    def last_planned_step(self) -> int:
        """The step at which the run will end. For a run by minutes it is an estimate, rounded to
        two digits so that the axis of the chart does not jitter."""
        if not self.minutes:
            return max(self.steps, self.step)
        if self.phase == "done" or not self.step:
            return self.step
        estimate = self.step / max(self.progress, 1e-9)
        return max(self.step, two_digits_up(estimate))


def fold(state: RunState, event: Event) -> RunState:
    """The state after one more event."""
    # What is read of a passage is made safe where it is drawn: `Passage`.
    shown = event if isinstance(event, Inspected) else safe(event)
    if isinstance(shown, RECORDED):
        return replace(_fold_history(state, shown), course=_course(state, shown))
    match shown:
        case MomentsKept():
            return replace(state, moments=fold_moments(state.moments, shown))
        case SampleStarted() | TextSampled() | SampleDone() if is_of_a_moment(shown):
            return replace(state, moments=fold_moments(state.moments, shown))
        case SampleStarted() | TextSampled() | SampleDone() | CopiesFound():
            writing = fold_writing(state.writing, shown)
            return state if writing is state.writing else replace(state, writing=writing)
        case Busy():
            return replace(state, busy=shown)
        case CorpusLoaded():
            return _before_a_run(state, shown)
        case Opened():
            assert isinstance(event, Opened), "safe() keeps the type"
            return _with_a_run(state, event, shown)
        case StepProgress():
            return replace(state, under_way=shown)
        case PhaseChanged(now):
            return replace(state, phase=now, failure=state.failure if now == "failed" else None)
        case Measured():
            return replace(state, measured=shown)
        case Saved():
            return replace(state, saved=shown, failure=None)
        case RunsListed(runs):
            assert isinstance(event, RunsListed), "safe() keeps the type"
            return replace(state, runs=runs, raw_runs=Raw(event.runs))
        case LadderMeasured() if state.corpus is not None:
            uniform = uniform_loss(state.corpus, tokens_of(state))
            return replace(state, ladder=state.ladder.with_rungs(shown, uniform))
        case Compared(runs):
            return replace(state, compared=runs)
        case ParentLoaded(curve, problem) if state.opened is not None:
            opened = replace(state.opened, note=f"{state.opened.note} {problem}".strip())
            return replace(state, opened=opened, compared=with_parent(state.compared, curve))
        case _ if is_answer(shown):
            return replace(state, insight=fold_insight(state.insight, event, shown))
        case _ if is_of_the_lab(shown):
            return _with_a_race(state, event, shown)
        case RunChanged():
            assert isinstance(event, RunChanged), "safe() keeps the type"
            return with_run_changed(state, event, shown)
        case Failed(_, "sample") if not state.moments.started:
            return replace(state, moments=fold_moments(state.moments, shown))
        case Failed():
            stays = state.before if shown.during == "open" and state.before else state
            phase: Phase = "failed" if shown.during == "engine" else stays.phase
            return replace(stays, phase=phase, busy=state.busy, failure=shown)
        case _:
            return state


def _course(state: RunState, event: Event) -> Course:
    began_with = state.opened.config.train.peak_learning_rate if state.opened else 0.0
    return fold_course(state.course, event, began_with, tokens_of(state).noun)


def _before_a_run(state: RunState, corpus: CorpusLoaded) -> RunState:
    """The state when the text of another run has been read."""
    return RunState(
        busy=state.busy,
        corpus=corpus,
        compared=without(state.compared, state.forked.run if state.forked else ""),
        runs=state.runs,
        raw_runs=state.raw_runs,
        runs_changed=state.runs_changed,
        insight=for_another_run(state.insight),
        lab=state.lab,
        before=state if state.opened else state.before,
    )


def _with_a_run(state: RunState, event: Opened, shown: Opened) -> RunState:
    """The state when a run has been opened. `event` has the true names, `shown` the safe ones."""
    return replace(
        state,
        phase=shown.phase,
        opened=shown,
        raw_opened=Raw(event),
        step=shown.step,
        steps=shown.steps,
        minutes=shown.config.train.minutes,
        learning_rate=shown.learning_rate,
        failure=None,
        insight=for_another_run(state.insight),
        moments=Moments(),
        lab=closed(state.lab),
        before=None,
    )


def _with_a_race(state: RunState, event: Event, shown: Event) -> RunState:
    """The state after an event of a race: side A is what is shown, in the phase of the race."""
    lab = fold_lab(state.lab, event, shown)
    match event:
        case _ if is_of_what_is_saved(event):
            return replace(state, lab=lab)
        case RaceOpened() if state.corpus is not None:
            state = _before_a_run(state, state.corpus)
        case SideEvent(0, inner) if lab.is_open and not isinstance(inner, PhaseChanged):
            state = fold(state, inner)
        case protocol.RacePhaseChanged("training"):
            state = replace(state, failure=None)
    return replace(state, lab=lab, phase=lab.phase if lab.is_open else state.phase)


def _fold_history(state: RunState, event: Recorded) -> RunState:
    """The state after one of the events that a run's history consists of."""
    match event:
        case StepDone():
            speed = event.tokens / event.seconds if event.seconds else 0.0
            smooth = state.tokens_per_second
            return replace(
                state,
                step=event.step,
                last_step=event,
                under_way=None,
                train=state.train.append(event.step, event.loss),
                spikes=state.spikes.append(event.step, event.loss),
                newest=(*state.newest, *filter(isfinite, [event.loss]))[-NEWEST_KEPT:],
                tokens_per_second=smooth + SMOOTHING * (speed - smooth) if smooth else speed,
            )
        case Evaluated():
            best = state.best
            if isfinite(event.loss) and (best is None or event.loss < best.loss):
                best = event
            validation = state.validation.append(event.step, event.loss)
            ladder = state.ladder.with_evaluation(event)
            return replace(state, evaluated=event, best=best, validation=validation, ladder=ladder)
        case Excerpt():
            return replace(state, excerpts=(*state.excerpts, event)[-EXCERPTS_KEPT:])
        case LearningRateChanged(_, learning_rate):
            return replace(state, learning_rate=learning_rate)
        case Extended(_, steps, minutes):
            return replace(state, steps=steps, minutes=minutes, extended=event)
        case ThreadsChosen(step, _, threads, choice) if state.opened and step > state.opened.step:
            opened = replace(state.opened, threads=threads, choice=choice)
            return replace(state, opened=opened, threads_chosen=event)
        case Forked():
            return replace(state, forked=event)
        case _:  # threads chosen before it was opened here; the rest is part of its course
            return state
