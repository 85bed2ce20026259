"""How much of the context is used, by the losses of predictions that see more or less of it."""

from math import sqrt

from engine.protocol import LossDivided, LossPart, Tokens
from tui.drawing.words import count
from tui.tokens import surprise_unit

SCATTER = 2.5
"""The standard deviation of the losses of single tokens, about, in bits."""
SIGNIFICANT = 2
"""Standard errors from which on a difference is not by chance."""


def context_words(answer: LossDivided, tokens: Tokens) -> str:
    """A sentence on whether the context is used: how far back more text lessens the loss."""
    parts = answer.positions
    if len(parts) < 2:
        return "There is no context to use."
    useful = 0
    """The number of groups that those after them are better than, beyond chance."""
    for number, part in enumerate(parts[:-1], start=1):
        later = parts[number:]
        rest = sum(other.share for other in later)
        mean = sum(other.bits * other.share for other in later) / rest
        error = SCATTER * sqrt((1 / part.share + 1 / rest) / answer.characters)
        if part.bits - mean > SIGNIFICANT * error:
            useful = number
    shown = surprise_unit(tokens)
    first, last = (part.bits * shown.of_a_bit for part in (parts[0], parts[-1]))
    if not useful:
        return f"The context is not used yet: {last:.1f} {shown.unit}, however much is seen."
    return (
        f"At least {least_seen(parts[useful])} {tokens.noun}s of context are used: {first:.1f} "
        f"{shown.unit} after one, {last:.1f} after {least_seen(parts[-1])} or more."
    )


def least_seen(part: LossPart) -> str:
    """The fewest tokens that are seen in a group of positions."""
    return count(bounds(part)[0])


def bounds(part: LossPart) -> tuple[int, int]:
    """The fewest and the most tokens that are seen in a group of positions."""
    least, _, most = part.name.partition("-")
    return int(least), int(most or least)
