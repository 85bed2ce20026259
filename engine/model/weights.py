"""A model with the weights of one step of its run."""

from typing import NamedTuple

from engine.model.gpt import GPT


class Weights(NamedTuple):
    """A model, and where in its run it stands."""

    model: GPT
    step: int
    context_length: int
    """With which it is trained there: at positions beyond, it is untrained."""
