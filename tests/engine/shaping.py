"""Small models of any shape for the tests, and token ids for them."""

import torch
from torch import Tensor

from engine.config import ModelConfig
from engine.model.gpt import GPT

VOCABULARY = 11
CONTEXT = 16


def awake(config: ModelConfig, vocabulary: int = VOCABULARY) -> GPT:
    """A model with random weights throughout: in a fresh one the output layers are zero."""
    generator = torch.Generator().manual_seed(5)
    model = GPT(config, vocabulary, generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=parameter.shape[1] ** -0.5, generator=generator)
        model.embedding.weight.normal_(generator=generator)
    return model


def shape(**changes: float) -> ModelConfig:
    return ModelConfig(
        **{"context_length": CONTEXT, "n_layer": 2, "n_head": 2, "n_embd": 16, **changes}  # type: ignore[arg-type]
    )


def some_ids(batch: int, time: int, vocabulary: int = VOCABULARY, seed: int = 6) -> Tensor:
    return torch.randint(vocabulary, (batch, time), generator=torch.Generator().manual_seed(seed))
