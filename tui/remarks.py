"""What the losses of a run mean, for someone who has not seen a loss before."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from engine.protocol import CorpusLoaded
from tui.drawing.words import count
from tui.ladder import COMPRESSOR, Ladder, Rung
from tui.state import RunState
from tui.tokens import LossUnit, different, guesses, loss_unit, uniform_loss

TOO_HIGH = 1.2
"""How many times the loss of a uniform guess is a sign of a learning rate that is too high."""
NEWEST = 10
"""The number of steps whose training losses are judged together."""
EVALUATIONS = 3
"""The number of evaluations since the best one that make a lack of progress."""

_MARGIN = 0.02  # nats, or the fraction of a loss, by which values must differ to count
_ABILITIES = ("", ": it begins to spell", ": it spells words")  # past one rung, two, or more
_WORDS = 0.8  # this fraction of the loss of a guess from pairs takes longer patterns than pairs


class Remark(Struct, frozen=True):
    """A sentence, and whether it is a warning."""

    text: str
    warning: bool = False


def remark(state: RunState) -> Remark | None:
    """What matters most about the losses now: that the learning rate is too high, what comes of
    another text that is taught, that the model memorises, or how good the held-out loss is."""
    if _rate_is_too_high(state):
        return Remark(
            "worse than a uniform guess: the learning rate is too high, < lowers it", warning=True
        )
    if state.course.teaching.goes_on:
        words = state.course.teaching.outcome
        return Remark(words) if words else None
    since = _learns_by_heart_since(state)
    if since is not None:
        return Remark(
            f"it begins to learn by heart: no lower held-out loss since step {count(since)}",
            warning=True,
        )
    loss = _newest_loss(state)
    if state.corpus is None or loss is None:
        return None
    text = _standing(loss, state.corpus, loss_unit(state), state.ladder)
    return Remark(text) if text else None


def _newest_loss(state: RunState) -> float | None:
    """The loss of the newest evaluation. That before the first step says nothing of what has been
    learned since: until there is another, the mean training loss of the newest steps."""
    if state.evaluated is None:
        return None
    if state.evaluated.step == 0 and len(state.newest) >= NEWEST:
        from statistics import fmean  # once there are losses

        return fmean(state.newest[-NEWEST:])
    return state.evaluated.loss


def _rate_is_too_high(state: RunState) -> bool:
    """Whether the newest training losses lie far above a uniform guess, after the warm-up."""
    if state.corpus is None or state.opened is None or len(state.newest) < NEWEST:
        return False
    from statistics import median  # once there are losses

    warm = state.progress > state.opened.config.train.warmup_fraction
    return warm and median(state.newest[-NEWEST:]) > TOO_HIGH * uniform_loss(
        state.corpus, state.opened.tokens
    )


def _learns_by_heart_since(state: RunState) -> int | None:
    """The step of the best evaluation, if several later ones were worse while the training loss has
    fallen on."""
    best = state.best
    if best is None:
        return None
    later = [bucket for bucket in state.validation.buckets if bucket.first > best.step]
    if sum(bucket.points for bucket in later) < EVALUATIONS:
        return None
    from statistics import fmean  # once there are losses

    if fmean(bucket.mean for bucket in later[-EVALUATIONS:]) < best.loss * (1 + _MARGIN / 4):
        return None
    # Training losses are noisy: the means of as many steps as lie between two evaluations.
    reach = (state.step - best.step) / EVALUATIONS
    then, now = (
        [bucket.mean for bucket in state.train.buckets if abs(bucket.middle - around) <= reach / 2]
        for around in (best.step, state.step - reach / 2)
    )
    fallen = bool(then and now) and fmean(now) < fmean(then) - _MARGIN
    return best.step if fallen else None


def _standing(loss: float, corpus: CorpusLoaded, unit: LossUnit, ladder: Ladder) -> str:
    """How good a loss is, by the losses of simple guesses on the same text; or nothing. It has the
    numbers of the chart."""
    tokens = unit.tokens
    loss = unit.of(loss)
    guessed = guesses(corpus, tokens)
    uniform, letters, pairs = map(unit.of, (guessed.uniform, guessed.unigram, guessed.bigram))
    rungs = [replace(rung, loss=unit.of(rung.loss)) for rung in ladder.rungs]
    # Where the chart has a line for the same guess, the number of that line.
    lines = {rung.name: rung.loss for rung in rungs}
    unigram = lines.get("letter frequencies") or letters
    bigram = lines.get("letter pairs") or pairs
    stages = [rung for rung in rungs if rung.name != COMPRESSOR]
    if stages and loss < uniform * (1 - _MARGIN) and (ladder.complete or loss > stages[-1].loss):
        return _between(loss, stages, spells=tokens.kind != "bpe")
    if uniform <= 0 or (tokens.kind == "characters" and not bigram <= unigram <= uniform):
        return ""
    if loss > uniform * (1 - _MARGIN):
        number = count(different(corpus, tokens))
        return f"it knows nothing yet: a guess among {number} {tokens.noun}s is as good"
    if not bigram <= unigram <= uniform:  # letters alone are a worse guess than among tokens
        return ""
    if loss > unigram:
        return f"better than a uniform guess, not yet than letter frequencies ({unigram:.2f})"
    if loss > bigram:
        return f"it knows which letters are frequent, not yet which pairs ({bigram:.2f})"
    if loss > _WORDS * bigram:
        return f"better than knowing every pair of letters ({bigram:.2f}): it begins to spell"
    return f"far better than knowing every pair of letters ({bigram:.2f}): it spells words"


def _between(loss: float, stages: Sequence[Rung], *, spells: bool) -> str:
    """Which stages of learning the loss lies between, and what a model that `spells` its words can
    do there."""
    passed = [rung for rung in stages if loss < rung.loss]
    ahead = stages[len(passed) :]
    if not passed:
        return f"better than a uniform guess, not yet than {ahead[0].value}"
    ability = _ABILITIES[min(len(passed), len(_ABILITIES)) - 1] if spells else ""
    if not ahead:
        return f"past the last rung, {passed[-1].value}{ability}"
    first, second = passed[-1].value, ahead[0].value
    kind = f"{first.rsplit(' ', 2)[0]} "
    return f"between {first} and {second.removeprefix(kind)}{ability}"
