"""Losses of a run whose tokens may be other than characters: what they compare with, and in which
unit."""

from collections.abc import Iterable
from math import isfinite, log
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from engine.protocol import CorpusLoaded, RunCurve, Tokens, are_mixed
from tui.drawing.value_range import Losses
from tui.drawing.words import count

if TYPE_CHECKING:  # it imports this module
    from tui.state import RunState


def tokens_of(state: "RunState") -> Tokens:
    """Those of the open run."""
    return state.opened.tokens if state.opened else Tokens()


def speed_of(state: "RunState") -> str:
    """How fast it trains."""
    return f"{count(state.tokens_per_second)} {speed_unit(state)}"


def speed_unit(state: "RunState") -> str:
    """In what that is."""
    return "char/s" if tokens_of(state).kind == "characters" else "token/s"


def in_words(tokens: Tokens) -> str:
    """What the tokens of a run are, after what else is said of it; nothing where they are
    characters."""
    if tokens.kind == "characters":
        return ""
    learned = "bytes" if tokens.kind == "bytes" else f"{tokens.number:,} tokens (bpe)"
    return f", {learned}, {tokens.characters_each:.2f} characters each"


class Guesses(Struct, frozen=True):
    """The losses of simple guesses on the text of a run, in nats per token of the run."""

    uniform: float
    unigram: float  # by the frequencies of characters
    bigram: float  # by those of pairs


def guesses(corpus: CorpusLoaded, tokens: Tokens) -> Guesses:
    """What a run on this text compares with. A uniform guess is among its tokens."""
    unigram, bigram = map(tokens.per_token, (corpus.unigram_loss, corpus.bigram_loss))
    return Guesses(uniform_loss(corpus, tokens), unigram, bigram)


def different(corpus: CorpusLoaded, tokens: Tokens) -> int:
    """The number of different tokens of a run on this text."""
    return corpus.vocabulary if tokens.kind == "characters" else tokens.number


def uniform_loss(corpus: CorpusLoaded, tokens: Tokens) -> float:
    """The loss of a guess among all tokens, where each run starts."""
    return corpus.uniform_loss if tokens.kind == "characters" else log(tokens.number)


def in_bits(loss: float, tokens: Tokens, digits: int = 2) -> str:
    """A held-out loss in bits: per byte, where it is known how many the text has."""
    bits = tokens.bits_per_byte(loss)
    if bits is not None:
        return f"{bits:.{digits}f} bits/byte"
    return f"{tokens.bits_per_character(loss):.{digits}f} bits/char"


class Surprise(Struct, frozen=True):
    """In what unit the mean surprise at tokens is shown."""

    unit: str
    of_a_bit: float


def surprise_unit(tokens: Tokens) -> Surprise:
    """Bits; where tokens are no characters, nats, as their losses."""
    if tokens.kind == "characters":
        return Surprise("bits", 1.0)
    return Surprise("nats", log(2))


def with_bits(loss: float, tokens: Tokens) -> str:
    """A held-out loss in nats per token, and in bits."""
    return f"{loss:.4f} ({in_bits(loss, tokens)})" if isfinite(loss) else f"{loss:.4f}"


class LossUnit(Struct, frozen=True):
    """What the losses of the open run are shown in, next to those of the runs that it is compared
    with."""

    tokens: Tokens
    mixed: bool
    """Whether not all have the same tokens, so that they are shown in bits per byte."""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.tokens.unit_compared(mixed=self.mixed)

    def of(self, loss: float) -> float:
        """A loss in nats per token in this unit."""
        return self.tokens.compared(loss, mixed=self.mixed)

    def other(self, loss: float) -> str:
        """The same loss in the other unit, which is named."""
        if self.mixed:
            return f"{loss:.4f} nats/{self.tokens.noun}"
        return in_bits(loss, self.tokens)


def loss_unit(state: "RunState") -> LossUnit:
    """That of the open run, and of its chart."""
    tokens = tokens_of(state)
    return LossUnit(tokens, is_mixed(tokens, state.compared))


def is_mixed(tokens: Tokens, compared: Iterable[RunCurve]) -> bool:
    """Whether losses in nats per token do not compare with those of every other run."""
    return are_mixed([tokens, *(run.tokens for run in compared)])


def as_bits(losses: Losses, tokens: Tokens, compared: Iterable[RunCurve]) -> Losses:
    """All that a chart draws in bits per byte; a curve for which that is not known is left out."""
    factor = _bits_of_a_nat(tokens)
    others = zip(losses.compared, (_bits_of_a_nat(run.tokens) for run in compared), strict=True)
    return Losses(
        train=losses.train.scaled(factor),
        validation=losses.validation.scaled(factor),
        compared=tuple(
            tuple((step, loss * each) for step, loss in curve) if each else ()
            for curve, each in others
        ),
        branches_at=losses.branches_at,
        uniform=_scaled(losses.uniform, factor),
        unigram=_scaled(losses.unigram, factor),
        bigram=_scaled(losses.bigram, factor),
        rungs=tuple(replace(rung, loss=rung.loss * factor) for rung in losses.rungs),
    )


def _bits_of_a_nat(tokens: Tokens) -> float:
    """0 where that is not known."""
    return tokens.bits_per_byte(1.0) or 0.0


def _scaled(loss: float | None, factor: float) -> float | None:
    return None if loss is None else loss * factor


def train_size(corpus: CorpusLoaded, tokens: Tokens) -> int:
    """The length of the training part in tokens."""
    return tokens.train or corpus.train_characters
