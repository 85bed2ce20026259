"""What the model predicts at one place of a text."""

from msgspec import Struct

Likely = tuple[tuple[str, float], ...]
"""Tokens and their probabilities, the likeliest first."""


class Place(Struct, frozen=True):
    """One token of a passage, as predicted from those before it. The first is not predicted."""

    character: str  # as it is shown, a byte that is none as \xC3; empty: the place after the end
    bits: float | None  # its surprise, -log2 of its probability; None: not predicted, or at the end
    rank: int  # 1: it was the likeliest; 0: not predicted, or at the end
    entropy: float  # bits
    next: Likely  # the likeliest ten
    layers: tuple[Likely, ...]  # the likeliest three by the embedding alone and after each block
    added: tuple[float, ...]  # the root mean square of what each sublayer adds to the stream
