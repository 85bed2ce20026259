"""Random weights that depend on the name of a parameter, and not on what is drawn before it."""

import zlib
from collections.abc import Callable

import torch
from torch import Tensor, nn


def normal_by_name(
    model: nn.Module, generator: torch.Generator
) -> Callable[[Tensor, float], Tensor]:
    """A function that fills a parameter of a model from a normal distribution with a standard
    deviation. Each is drawn from a generator of its own, seeded by its name and by one number from
    `generator`: with the same seed, parameters of the same name, shape and deviation are equal also
    in models that differ elsewhere, so two architectures can be compared from one start."""
    seed = int(torch.randint(2**31, (), generator=generator))
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}

    def fill(parameter: Tensor, std: float) -> Tensor:
        own = torch.Generator().manual_seed(zlib.crc32(f"{seed} {names[parameter]}".encode()))
        return parameter.normal_(std=std, generator=own)

    return fill
