"""Where torch.compile pays: it takes about a minute, and then a step is quicker."""

from importlib.util import find_spec

import torch

from engine.config import RunConfig
from engine.model.size import flops_per_token

PAYS = 1e15
"""Floating-point operations of a run that is long enough: `medium` has five times as many."""
PAYS_MINUTES = 5.0
"""The length of a run by the clock that is long enough."""


def is_compiled(config: RunConfig, vocabulary: int, device: torch.device) -> bool:
    """Whether the steps of a run are compiled. ValueError, with a user-facing message, where that is
    asked for and cannot be."""
    train = config.train
    if train.compile == "off":
        return False
    problem = ""
    if device.type != "cuda":
        problem = "is for NVIDIA GPUs: on a CPU the model has loops that are compiled already"
    elif find_spec("triton") is None:
        problem = "needs the package triton, which comes with torch on Linux"
    if train.compile == "on":
        if problem:
            raise ValueError(f"train.compile=on {problem}.")
        return True
    return not problem and _is_long(config, vocabulary)


def _is_long(config: RunConfig, vocabulary: int) -> bool:
    train = config.train
    if train.minutes:
        return train.minutes >= PAYS_MINUTES
    tokens = train.steps * train.batch_size * config.model.context_length
    return tokens * flops_per_token(config.model, vocabulary) >= PAYS
