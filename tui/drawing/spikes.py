"""Finds the training losses that lie far above their noise."""

from math import isfinite, sqrt

from msgspec import Struct

DEVIATIONS = 5.0
"""How far above the running mean a spike lies, in running standard deviations: with three, every
700th step of a normal run would be one."""
WEIGHT = 0.05
"""Weight of the newest loss in the running mean and variance."""
MIN_STEPS = 50
"""Steps until the noise is known well enough."""
MAX_KEPT = 100
"""The number of spikes that are kept, the newest."""


class Spikes(Struct, frozen=True):
    """The running mean and variance of a series, and the (step, value) of its spikes."""

    steps: int = 0
    mean: float = 0.0
    variance: float = 0.0
    found: tuple[tuple[int, float], ...] = ()

    def append(self, step: int, value: float) -> "Spikes":
        """With one more value. A spike does not enter the running mean, so two in a row are both found."""
        if not isfinite(value):
            return self
        off = value - self.mean
        if self.steps >= MIN_STEPS and off > DEVIATIONS * sqrt(self.variance):
            return Spikes(
                self.steps, self.mean, self.variance, (*self.found, (step, value))[-MAX_KEPT:]
            )
        weight = max(WEIGHT, 1 / (self.steps + 1))
        return Spikes(
            self.steps + 1,
            self.mean + weight * off,
            (1 - weight) * (self.variance + weight * off * off),
            self.found,
        )
