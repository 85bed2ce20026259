"""torch.compile: where it pays, and what is compiled. It takes a quarter to half a minute, and then
a step is quicker."""

import copy
from importlib.util import find_spec

import torch
from torch import nn

from engine.config import RunConfig
from engine.model.gpt import GPT
from engine.model.size import flops_per_token

PAYS = 1e15
"""Floating-point operations of a run that is long enough: `medium` has fewer by a third."""
PAYS_MINUTES = 5.0
"""The length of a run by the clock that is long enough."""
SHAPES = 64
"""For how many shapes and configs a block may be compiled in one process: three context lengths for
each run that is trained."""


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


def with_compiled_blocks(model: GPT) -> GPT:
    """A model with the same weights, whose blocks are compiled when they are first used.

    All blocks are one computation with other weights, so one of them is compiled for each shape, and
    not the whole model.
    """
    import torch._dynamo  # a second, which only those wait who compile

    torch._dynamo.config.recompile_limit = SHAPES
    model = copy.copy(model)
    model._modules = dict(model._modules)  # the original keeps its blocks
    model.blocks = nn.ModuleList(copy.copy(block) for block in model.blocks)
    for block in model.blocks:
        block.compile(dynamic=False)
    return model
