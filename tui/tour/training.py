"""Pages of the tour on training."""

from math import isfinite
from statistics import fmean

from tui.drawing.words import count, counted
from tui.ladder import COMPRESSOR, Rung
from tui.state import RunState
from tui.tokens import different, tokens_of, uniform_loss
from tui.tour.phrases import guessed, quoted, trains
from tui.tour.scene import PageText, Scene


def noise(scene: Scene) -> PageText:
    """What it writes before training."""
    state = scene.state
    first = state.excerpts[0] if state.excerpts else None
    if first is None:
        return PageText("It writes its first sample before it is trained: that takes a moment.")
    if not scene.guess:
        when = f"did it write at step {count(first.step)}" if state.step else "does it write now"
        return PageText(
            f"A model begins as random numbers. What {when}, after {quoted(first.prompt, 20)}? "
            "Press g and type what you expect. (The samples are covered until then.)"
        )
    why = ""
    if not first.step and state.corpus is not None:
        tokens = tokens_of(state)
        all_of_them = counted(different(state.corpus, tokens), tokens.noun)
        why = (
            f" To a model that has read nothing, the {all_of_them} of the text are equally likely."
        )
    return PageText(
        f"{guessed(scene)} At step {count(first.step)} it wrote {quoted(first.text)}.{why}",
        done=True,
    )


def first_steps(scene: Scene) -> PageText:
    """Training begins."""
    state, noun = scene.state, tokens_of(scene.state).noun
    last = state.last_step
    if not state.step or last is None:
        parameters = state.opened.parameters if state.opened else 0
        return PageText(
            f"Training: it predicts each next {noun} of the text, and every error changes its "
            f"{counted(parameters, 'number')} a little. Will the loss fall evenly? {trains(state)}"
        )
    moment = state.course.last
    read = f" and {counted(moment.tokens, f'predicted {noun}')}" if moment else ""
    first = _first_loss(state)
    began = f"{first:.2f} in the first, " if first is not None else ""
    now = f"{last.loss:.2f} in the newest" if isfinite(last.loss) else "no number in the newest"
    pauses = " Space pauses." if state.phase == "training" else ""
    return PageText(
        f"After {counted(state.step, 'step')}{read}, the training loss is {began}{now}. Each dot is "
        f"one batch of text: some are harder than others, and the line is their mean.{pauses}",
        done=True,
    )


def uniform_guess(scene: Scene) -> PageText:
    """Where the loss begins: ln V."""
    corpus = scene.state.corpus
    assert corpus is not None, "a run is open"
    tokens = tokens_of(scene.state)
    size, noun = different(corpus, tokens), tokens.noun
    if not scene.guess:
        return PageText(
            f"Loss is surprise: 0 is certain. This text has {counted(size, f'different {noun}')}, "
            "equally likely to an untrained model. Where does its loss begin? Press g and type a "
            "number, or read it off the chart (a shows the whole fall)."
        )
    start = _evaluated_at_start(scene.state)
    measured = f" Measured at step 0: {start:.4f}." if start is not None else ""
    return PageText(
        f"{guessed(scene)} With 1 chance in {count(size)} for each, the surprise is ln {count(size)} "
        f"= {uniform_loss(corpus, tokens):.2f}: “uniform guess” in the chart.{measured} "
        f"Twice as many {noun}s would add only ln 2 = 0.69.",
        done=True,
    )


def first_rung(scene: Scene) -> PageText:
    """The first simple model that it beats."""
    state = scene.state
    rungs = [rung for rung in state.ladder.rungs if rung.name != COMPRESSOR]
    if not rungs:
        if state.ladder.complete:
            return PageText(
                "No simple model of this text beats a uniform guess: there is no rung here."
            )
        return PageText("Simple models of this text are being measured, to compare with: a moment.")
    first = rungs[0]
    below = _fell_below(state, first.loss)
    if not scene.guess:
        verb = "will it pass" if below is None else "did it pass"
        return PageText(
            f"A ladder of simple models: the first rung, {first.value}, knows how often each "
            f"character occurs and nothing else. At which step {verb} that? Press g and type a number."
        )
    if below is None:
        now = f" The training loss is {fmean(state.newest):.2f}." if state.newest else ""
        return PageText(f"{guessed(scene)} The rung: {first.value}.{now} {trains(state)}")
    return PageText(
        f"{guessed(scene)} The training loss fell below {first.value} at step {count(below)}. "
        f"{_held_out(state, first)}",
        done=True,
    )


def _first_loss(state: RunState) -> float | None:
    """The training loss of the first step, if it is known."""
    first = state.train.buckets[0] if state.train.buckets else None
    return first.mean if first is not None and first.last == 1 else None


def _evaluated_at_start(state: RunState) -> float | None:
    """The held-out loss before the first step, if it is known."""
    first = state.validation.buckets[0] if state.validation.buckets else None
    return first.mean if first is not None and first.last == 0 else None


def _fell_below(state: RunState, loss: float) -> int | None:
    """The first step with a lower training loss."""
    return next((bucket.first for bucket in state.train.buckets if bucket.mean < loss), None)


def _held_out(state: RunState, first: Rung) -> str:
    """Whether the rung is passed on held-out text too, which counts, and which is the next."""
    if first.passed is None:
        interval = state.opened.config.train.evaluation_interval if state.opened else 0
        return f"A ✓ in the chart needs held-out text: that is read every {count(interval)} steps."
    passed = f"On held-out text it was lower at step {count(first.passed)} (✓ in the chart)."
    ahead = next((r for r in state.ladder.rungs if r.passed is None and r.name != COMPRESSOR), None)
    return f"{passed} Next rung: {ahead.value}." if ahead else f"{passed} So are all the others."
