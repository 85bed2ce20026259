"""All that the screen knows, in one frozen value, and how each event changes it.

Every string of a stranger passes `safe_text` here, at the one door, so that no widget has to
remember to. Events of a saved run's history are folded like those of a live one.
"""

from math import ceil, floor, log10
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from data.safe_text import safe_text
from engine import protocol
from engine.config import RunConfig
from engine.protocol import (
    Busy,
    Compared,
    CorpusLoaded,
    Evaluated,
    Event,
    Excerpt,
    Extended,
    Failed,
    LearningRateChanged,
    Measured,
    Opened,
    PhaseChanged,
    RunChanged,
    RunCurve,
    SampleDone,
    SampleStarted,
    Saved,
    StepDone,
    TextSampled,
)
from tui.drawing.curve import Curve
from tui.drawing.spikes import Spikes

Phase = Literal["warming up"] | protocol.Phase

EXCERPTS_KEPT = 1_000
TEXT_KEPT = 200_000
"""Characters of one written text that are kept; the oldest go first."""
SMOOTHING = 0.1
"""Share of the newest step in the speed that is shown."""


class Writing(Struct, frozen=True):
    """A text that is being written, or was."""

    sample_id: int
    step: int
    prompt: str
    unknown: str
    unseen: int
    text: str = ""
    characters: int = 0
    seconds: float = 0.0
    ended: str = ""  # the reason, once it has

    @property
    def speed(self) -> float:
        """Characters a second."""
        return self.characters / self.seconds if self.seconds else 0.0


class RunState(Struct, frozen=True):
    """What has been told of the run that is open."""

    phase: Phase = "warming up"
    busy: Busy = Busy("")
    corpus: CorpusLoaded | None = None
    opened: Opened | None = None
    step: int = 0
    steps: int = 0
    minutes: float = 0.0
    learning_rate: float = 0.0  # before the schedule
    train: Curve = Curve()
    validation: Curve = Curve()
    spikes: Spikes = Spikes()
    last_step: StepDone | None = None
    evaluated: Evaluated | None = None
    best: Evaluated | None = None
    tokens_per_second: float = 0.0
    excerpts: tuple[Excerpt, ...] = ()
    writing: Writing | None = None
    measured: Measured | None = None
    saved: Saved | None = None
    compared: tuple[RunCurve, ...] = ()
    runs_changed: int = 0
    """How often a saved run was given another name or note, or was deleted."""
    failure: Failed | None = None
    before: "RunState | None" = None
    """The run that stays open if the one that is being opened fails."""

    @property
    def epochs(self) -> float:
        """How many times as many characters as the training part has were learned from."""
        if self.corpus is None or self.opened is None:
            return 0.0
        config = self.opened.config
        seen = self.step * config.train.batch_size * config.model.context_length
        return seen / self.corpus.train_characters

    @property
    def elapsed(self) -> float:
        """Seconds trained so far."""
        told = [event.elapsed for event in (self.opened, self.last_step, self.evaluated) if event]
        return max(told, default=0.0)

    @property
    def share_done(self) -> float:
        """How much of the run is done, 0 to 1."""
        if self.minutes:
            return min(1.0, self.elapsed / (60 * self.minutes))
        return min(1.0, self.step / self.steps) if self.steps else 0.0

    @property
    def last_planned_step(self) -> int:
        """Where the run will end; of a run by minutes an estimate, with two digits, so that a
        chart drawn to it does not tremble."""
        if not self.minutes:
            return max(self.steps, self.step)
        if self.phase == "done" or not self.step:
            return self.step
        estimate = self.step / max(self.share_done, 1e-9)
        unit: int = 10 ** max(0, floor(log10(estimate)) - 1)
        return max(self.step, ceil(estimate / unit) * unit)


def fold(state: RunState, event: Event) -> RunState:
    """The state after one more event."""
    match event:
        case StepDone():
            speed = event.tokens / event.seconds if event.seconds else 0.0
            smooth = state.tokens_per_second
            return replace(
                state,
                step=event.step,
                last_step=event,
                train=state.train.append(event.step, event.loss),
                spikes=state.spikes.seen(event.step, event.loss),
                tokens_per_second=smooth + SMOOTHING * (speed - smooth) if smooth else speed,
            )
        case TextSampled(sample_id, text, characters, seconds):
            writing = state.writing
            if writing is None or writing.sample_id != sample_id:
                return state  # the rest of a text that a newer prompt has superseded
            text = (writing.text + safe_text(text, lines=True))[-TEXT_KEPT:]
            writing = replace(writing, text=text, characters=characters, seconds=seconds)
            return replace(state, writing=writing)
        case Busy(what, done):
            return replace(state, busy=Busy(safe_text(what), done))
        case CorpusLoaded():
            before = state if state.opened else state.before
            return RunState(
                busy=state.busy,
                corpus=_safe_corpus(event),
                compared=state.compared,
                runs_changed=state.runs_changed,
                before=before,
            )
        case Opened():
            return replace(
                state,
                phase=event.phase,
                opened=_safe_opened(event),
                step=event.step,
                steps=event.steps,
                minutes=event.config.train.minutes,
                learning_rate=event.learning_rate,
                failure=None,
                before=None,
            )
        case PhaseChanged(now):
            failure = state.failure if now == "failed" else None
            return replace(state, phase=now, failure=failure)
        case Evaluated():
            best = event if state.best is None or event.loss < state.best.loss else state.best
            validation = state.validation.append(event.step, event.loss)
            return replace(state, evaluated=event, best=best, validation=validation)
        case Excerpt(step, prompt, text):
            excerpt = Excerpt(step, safe_text(prompt, lines=True), safe_text(text, lines=True))
            return replace(state, excerpts=(*state.excerpts, excerpt)[-EXCERPTS_KEPT:])
        case LearningRateChanged(_, learning_rate):
            return replace(state, learning_rate=learning_rate)
        case Extended(_, steps, minutes):
            return replace(state, steps=steps, minutes=minutes)
        case SampleStarted(sample_id, step, prompt, unknown, unseen):
            prompt = safe_text(prompt, lines=True)
            return replace(
                state, writing=Writing(sample_id, step, prompt, safe_text(unknown), unseen)
            )
        case SampleDone(sample_id, _, _, reason):
            if state.writing is None or state.writing.sample_id != sample_id:
                return state
            return replace(state, writing=replace(state.writing, ended=reason))
        case Measured():
            return replace(state, measured=replace(event, config=_safe_config(event.config)))
        case Saved():
            saved = replace(event, run=safe_text(event.run), path=safe_text(event.path))
            return replace(state, saved=saved, failure=None)
        case Compared(runs):
            return replace(state, compared=tuple(_safe_held_out(run) for run in runs))
        case RunChanged(run, name):
            return _with_run_changed(state, safe_text(run), safe_text(name))
        case Failed():
            stays = state.before if event.during == "open" and state.before else state
            phase: Phase = "failed" if event.during == "engine" else stays.phase
            failure = replace(event, message=safe_text(event.message))
            return replace(stays, phase=phase, busy=state.busy, failure=failure)
        case _:
            return state


def _with_run_changed(state: RunState, run: str, name: str) -> RunState:
    """The state after a saved run was renamed, annotated or (no name) deleted."""
    opened = state.opened
    if opened is not None and opened.run == run and name:
        opened = replace(opened, run=name)
    named = [replace(one, run=name) if one.run == run else one for one in state.compared]
    failure, saved = state.failure, state.saved
    if saved is not None and saved.run == run and name:
        saved = replace(saved, run=name)
    return replace(
        state,
        opened=opened,
        saved=saved,
        compared=tuple(one for one in named if one.run),
        runs_changed=state.runs_changed + 1,
        failure=None if failure is not None and failure.during == "runs" else failure,
    )


def _safe_corpus(event: CorpusLoaded) -> CorpusLoaded:
    """The event without anything a terminal would obey. Frequent characters become one cell each."""
    return replace(
        event,
        name=safe_text(event.name),
        source=safe_text(event.source),
        license=safe_text(event.license),
        note=safe_text(event.note),
        opening=safe_text(event.opening),
        frequent=tuple((safe_text(text), number) for text, number in event.frequent),
    )


def _safe_held_out(run: RunCurve) -> RunCurve:
    """The same for a run that is compared."""
    return replace(run, run=safe_text(run.run))


def _safe_opened(event: Opened) -> Opened:
    """The same for a run: a saved one comes from a file that anyone may have written."""
    return replace(
        event,
        run=safe_text(event.run),
        config=_safe_config(event.config),
        device=safe_text(event.device),
        precision=safe_text(event.precision),
        choice=safe_text(event.choice),
        note=safe_text(event.note),
    )


def _safe_config(config: RunConfig) -> RunConfig:
    """The same for a config, of which the text and the preset are shown."""
    return replace(config, corpus=safe_text(config.corpus), preset=safe_text(config.preset))
