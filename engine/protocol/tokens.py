"""What a run reads its text in, and what its losses are worth."""

from collections.abc import Iterable
from math import inf, isfinite, log, nan
from typing import Literal

from msgspec import Struct

TokenizerName = Literal["characters", "bytes", "bpe"]

BITS_PER_BYTE = "bits per byte"
"""The unit in which losses compare whose tokens do not."""


class Tokens(Struct, frozen=True):
    """The tokens of a run. Means are over its held-out text."""

    kind: TokenizerName = "characters"
    number: int = 0  # of different ones; 0: not recorded, by an earlier version
    characters_each: float = 1.0  # the mean length of a token
    bytes_each: float = 0.0  # of its UTF-8; 0: not known
    train: int = 0  # tokens of the training part
    frequent: tuple[tuple[str, float], ...] = ()  # the most frequent there, with their share
    beginning: tuple[str, ...] = ()  # those that the text begins with

    def compares_with(self, other: "Tokens") -> bool:
        """Whether losses in nats per token compare, on the same text."""
        learned = self.number == other.number or not (self.number and other.number)
        return self.kind == other.kind and (self.kind != "bpe" or learned)

    @property
    def noun(self) -> str:
        """What one is called."""
        return "character" if self.kind == "characters" else "token"

    @property
    def described(self) -> str:
        """What the model reads and writes."""
        if self.kind == "bpe":
            return f"{self.number:,} tokens learned from its text (byte pair encoding)"
        return f"single {self.kind}"

    @property
    def unit(self) -> str:
        """What the losses of the run are in."""
        return f"nats per {self.noun}"

    def bits_per_byte(self, loss: float) -> float | None:
        """A loss in nats per token as bits per byte, in which losses of different tokenizers
        compare; None if it is not finite, or the bytes are not known."""
        bits = loss / log(2) / self.bytes_each if self.bytes_each else inf
        return bits if isfinite(bits) else None

    def compared(self, loss: float, *, mixed: bool) -> float:
        """A loss in nats per token in the unit in which runs compare: as it is, or in bits per byte
        where they are `mixed`; NaN if it is not known in these."""
        if not mixed:
            return loss
        bits = self.bits_per_byte(loss)
        return nan if bits is None else bits

    def unit_compared(self, *, mixed: bool) -> str:
        """The name of that unit."""
        return BITS_PER_BYTE if mixed else self.unit

    def counted(self, *, mixed: bool) -> str:
        """What is counted of a text where runs compare: tokens, or where they are `mixed`
        characters."""
        return "characters" if mixed else f"{self.noun}s"

    def per_token(self, loss: float) -> float:
        """A loss in nats per character, of a model that reads those, in nats per token."""
        return loss * self.characters_each

    def bits_per_character(self, loss: float) -> float:
        """A loss in nats per token as bits per character."""
        return loss / log(2) / self.characters_each


def are_mixed(tokens: Iterable[Tokens]) -> bool:
    """Whether runs with these tokens compare in bits per byte only: their losses in nats per token
    do not."""
    first, *others = tokens
    return not all(map(first.compares_with, others))


def token_length(loss: float, bits: float | None) -> float:
    """The mean length of a token in bytes (or characters), by a loss in nats per token and the same in
    bits per byte (or character); 0: not known."""
    return loss / log(2) / bits if bits else 0.0
