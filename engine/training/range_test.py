"""The learning-rate range test (Smith 2017): train while the rate rises, and see where the loss falls
and where it rises."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Literal, NamedTuple

from engine.protocol import HIGHEST_RATE, LOWEST_RATE
from engine.training.trainer import StepResult, Trainer

STEPS = 100
KEEP = 0.8
"""The weight of what was before in the smoothed loss. A larger one lags behind: the rates found would
be too high."""
DIVERGED = 2.0
"""The test ends when the smoothed loss is so many times its lowest. Normalized as these models are,
their loss rises slowly even at rates far too high."""
FEWEST = 10
"""Steps from which on something is suggested."""
CLEAR = 2.0
"""So many times the noise is a clear fall."""
BEGUN = 0.05
"""The fraction of the fall at which it has clearly begun."""
REACH = 2
"""Steps to either side over which the slope is taken."""


class Tried(NamedTuple):
    """One step of the test."""

    learning_rate: float
    loss: float
    smoothed: float


class Suggestion(NamedTuple):
    """Learning rates; 0 where there is none."""

    suggested: float
    """Where the smoothed loss falls most steeply."""
    low: float
    """The first at which it has clearly fallen."""
    high: float
    """The last before it rises."""


Ended = Literal["tried all", "the loss rose", "not a number"]


def rate(number: int, steps: int) -> float:
    """The rate of a step of the test, counted from 0: rising by the same factor each time."""
    return float(LOWEST_RATE * (HIGHEST_RATE / LOWEST_RATE) ** (number / max(1, steps - 1)))


def try_rates(trainer: Trainer, context_length: int, steps: int) -> Iterator[float | Tried | Ended]:
    """Train for up to so many steps. Yields the fraction done of each slow step, each step, and why
    it ended. The trainer is of no use afterwards: give it a copy."""
    smooth, lowest = 0.0, float("inf")
    for number in range(steps):
        trainer.learning_rate = rate(number, steps)
        try:
            for result in trainer.slices(1.0, context_length):
                if isinstance(result, StepResult):
                    smooth = KEEP * smooth + (1 - KEEP) * result.loss
                    smoothed = smooth / (1 - KEEP ** (number + 1))  # it began at zero
                    lowest = min(lowest, smoothed)
                    yield Tried(trainer.learning_rate, result.loss, smoothed)
                else:
                    yield result
        except ArithmeticError:
            yield "not a number"
            return
        if smoothed > DIVERGED * lowest:
            yield "the loss rose"
            return
    yield "tried all"


def suggest(tried: Sequence[Tried]) -> Suggestion:
    """What a range test says. Where the loss does not fall clearly, as in a model that has been
    trained well, only the rate before the rise is known."""
    if len(tried) < FEWEST:
        return Suggestion(0.0, 0.0, 0.0)
    smoothed = [one.smoothed for one in tried]
    calm = tried[: len(tried) // 2]
    noise = median(abs(a.loss - b.loss) for a, b in pairwise(calm))
    lowest = min(smoothed)
    last = max(i for i, loss in enumerate(smoothed) if loss <= lowest + noise)
    high = tried[last].learning_rate
    start = median(smoothed[: len(tried) // 10])
    fall = start - lowest
    if fall <= CLEAR * noise:
        return Suggestion(0.0, 0.0, high)
    begun = max(CLEAR * noise, BEGUN * fall)
    settled = max(REACH, len(tried) // 10)  # the first smoothed losses are means of few
    bottom = smoothed.index(lowest)
    steepest = min(
        range(settled, max(settled + 1, min(bottom + 1, len(tried) - REACH))),
        key=lambda i: smoothed[i + REACH] - smoothed[i - REACH],
    )
    below = (i for i in range(settled, len(tried)) if smoothed[i] < start - begun)
    first = next(below, steepest)
    # Where much is noise, the fall may be clear only after its steepest part.
    low = tried[min(first, steepest)].learning_rate
    return Suggestion(tried[steepest].learning_rate, low, high)
