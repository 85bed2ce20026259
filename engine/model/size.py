"""How large a model of some config is, asked before one is made: by the module itself, without numbers."""

import torch

from engine.config import ModelConfig
from engine.model.gpt import GPT


def on_meta(config: ModelConfig, vocabulary: int) -> GPT:
    """A model that has shapes and no numbers: for what is asked before one is made."""
    with torch.device("meta"):
        return GPT(config, vocabulary)


def parameter_count(config: ModelConfig, vocabulary: int) -> int:
    """Trainable numbers of a model of this config."""
    return sum(p.numel() for p in on_meta(config, vocabulary).parameters())


def flops_per_token(
    config: ModelConfig, vocabulary: int, context_length: int | None = None
) -> float:
    """Floating-point operations to train on one token: 6 a parameter, and the attention, in pieces of
    `context_length`, by default that of the model.

    Source: PaLM (Chowdhery et al. 2022), appendix B.
    """
    attention = 12 * config.n_layer * config.n_embd * (context_length or config.context_length)
    return 6.0 * parameter_count(config, vocabulary) + attention * config.attention
