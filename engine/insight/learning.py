"""What a model predicts at one place, to be compared over the steps of its training."""

import torch
from torch import Tensor

from engine.insight.reading import distinct_logits
from engine.insight.trace import trace
from engine.model.gpt import GPT

NO_STEP = -1
CLEARLY = 1 + 1e-6
"""How many times more likely than any other the likeliest is, at least: equal logits are distinguished
by less."""


@torch.no_grad()
def next_probabilities(model: GPT, ids: Tensor) -> Tensor:
    """(T,) ids, at most a context of them, to the (V,) probabilities of the next, of which no two
    are equal."""
    return distinct_logits(model, trace(model, ids).blocks[-1][-1:])[0].softmax(-1)


def is_right(probabilities: Tensor, target: int) -> bool:
    """Whether of (V,) probabilities that of the target is the largest, clearly: an untrained model
    is right about nothing."""
    largest, ids = probabilities.topk(min(2, len(probabilities)))
    return int(ids[0]) == target and float(largest[0]) > CLEARLY * float(largest[1:].sum())


def first_right(steps: list[int], right: list[bool]) -> int:
    """The first step at which a prediction was right; NO_STEP if it never was."""
    return next((step for step, is_right in zip(steps, right, strict=True) if is_right), NO_STEP)


def sure_since(steps: list[int], right: list[bool]) -> int:
    """The step from which on it was always right; NO_STEP if it is not in the end."""
    since = NO_STEP
    for step, is_right in zip(reversed(steps), reversed(right), strict=True):
        if not is_right:
            break
        since = step
    return since
