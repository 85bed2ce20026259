"""How long a step takes at any context length, from the steps that were taken. No clock."""

from engine.config import ModelConfig
from engine.model.size import flops_per_token

WEIGHT = 0.05
"""Weight of the newest step in the running mean."""


class Pace:
    """The running mean of the seconds of a step, in proportion to its floating-point operations:
    the context grows during a run, and with it the cost of attention."""

    def __init__(self, config: ModelConfig, vocabulary: int) -> None:
        self._config = config
        self._vocabulary = vocabulary
        self._flops: dict[int, float] = {}  # of a token, by context length
        self._steps = 0
        self._seconds = 0.0  # of a step with one operation a token

    def add(self, context_length: int, seconds: float) -> None:
        """A step was taken."""
        self._steps += 1
        weight = max(WEIGHT, 1 / self._steps)
        self._seconds += weight * (seconds / self._flops_at(context_length) - self._seconds)

    def step_seconds(self, context_length: int) -> float:
        """Estimated seconds of a step; 0 before the first one."""
        return self._seconds * self._flops_at(context_length)

    def _flops_at(self, context_length: int) -> float:
        if context_length not in self._flops:
            self._flops[context_length] = flops_per_token(
                self._config, self._vocabulary, context_length
            )
        return self._flops[context_length]
