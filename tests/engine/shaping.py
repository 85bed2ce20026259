"""Small models of any shape for the tests, and token ids for them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from engine.config import ModelConfig
from engine.model import fused
from engine.model.gpt import GPT, MLP, NORM_EPSILON, Attention
from engine.model.rope import Rope
from engine.settings import plain

VOCABULARY = 11
CONTEXT = 16


def awake(config: ModelConfig, vocabulary: int = VOCABULARY) -> GPT:
    """A model with random weights throughout: in a fresh one the output layers are zero."""
    generator = torch.Generator().manual_seed(5)
    model = GPT(config, vocabulary)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=parameter.shape[1] ** -0.5, generator=generator)
        model.embedding.weight.normal_(generator=generator)
    return model


def shape(**changes: object) -> ModelConfig:
    """A small config with these fields changed."""
    return ModelConfig(
        **{"context_length": CONTEXT, "n_layer": 2, "n_head": 2, "n_embd": 16, **changes}  # type: ignore[arg-type]
    )


def after_one(
    layer: Attention | MLP,
    x: Tensor,
    rope: Rope | None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The residual stream after a sublayer, computed as the whole model would be."""
    if fused.supports(layer.config, x):
        return fused.sublayers(x, [layer], rope, NORM_EPSILON, generator)
    given = (rope, generator) if isinstance(layer, Attention) else (generator,)
    result: Tensor = layer(x, *given)
    return result


OPTIONS: tuple[tuple[str, object], ...] = (
    ("activation", "gelu"),
    ("activation", "swiglu"),
    ("norm", "layernorm"),
    ("norm", "none"),
    ("positions", "learned"),
    ("positions", "none"),
    ("qk_norm", False),
    ("residual", False),
    ("attention", False),
    ("mlp", False),
    ("tied_head", True),
    ("rope_base", 200.0),
)
"""Every value of an architecture option that is not the default, or one of its values."""


def named(option: tuple[str, object]) -> str:
    """An option as a user sets it: "qk_norm=off"."""
    name, value = option
    return f"{name}={plain(value)}" if not isinstance(value, str) else f"{name}={value}"


def some_ids(batch: int, time: int, vocabulary: int = VOCABULARY, seed: int = 6) -> Tensor:
    return torch.randint(vocabulary, (batch, time), generator=torch.Generator().manual_seed(seed))


@contextmanager
def plain_operations() -> Iterator[None]:
    """Meanwhile, models are computed on a CPU as `engine.model.gpt` states them, as on a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused, "supports", lambda config, x: False)
        patch.setattr(fused, "on_cpu", lambda x: False)
        yield
