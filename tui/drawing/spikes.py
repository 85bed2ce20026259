"""Which training losses leap out of their noise: the steps that a person wants to know of."""

from math import isfinite, sqrt

from msgspec import Struct

DEVIATIONS = 5.0
"""So far above the running mean, in running deviations, is a spike: at three, every 700th step of
an untroubled run is one."""
SHARE = 0.05
"""Share of the newest loss in the running mean and variance."""
FEWEST = 50
"""Steps until the noise is known."""
MOST = 100
"""Spikes that are kept, the newest."""


class Spikes(Struct, frozen=True):
    """The running mean and variance of a series, and the (step, value) of its spikes."""

    steps: int = 0
    mean: float = 0.0
    variance: float = 0.0
    found: tuple[tuple[int, float], ...] = ()

    def append(self, step: int, value: float) -> "Spikes":
        """With one more value. A spike is not taken into the running mean: two in a row are two."""
        if not isfinite(value):
            return self
        off = value - self.mean
        if self.steps >= FEWEST and off > DEVIATIONS * sqrt(self.variance):
            return Spikes(
                self.steps, self.mean, self.variance, (*self.found, (step, value))[-MOST:]
            )
        share = max(SHARE, 1 / (self.steps + 1))
        return Spikes(
            self.steps + 1,
            self.mean + share * off,
            (1 - share) * (self.variance + share * off * off),
            self.found,
        )
