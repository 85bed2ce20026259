"""A forward pass that keeps what happens inside.

Dimensions: T time, D embedding width, H heads, K head width.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.insight.parts import NOTHING, Off
from engine.model.gpt import GPT, MLP, Attention, Block, add
from engine.model.rope import Rope


class Trace(NamedTuple):
    """The residual stream (T, D), and what came to it."""

    embedding: Tensor
    """The stream before the first block."""
    blocks: list[Tensor]
    """The stream after each block."""
    added: list[Tensor]
    """(T, D) of each sublayer: what it adds to the stream."""
    attention: list[Tensor]
    """(H, T) of each block with attention: how the last position weights those up to it."""


@torch.no_grad()
def trace(model: GPT, ids: Tensor, off: Off = NOTHING) -> Trace:
    """(T,) ids, at most a context of them, through the model, in plain torch operations."""
    x = model.embed(ids[None].long().to(model.device))
    result = Trace(x[0], [], [], [])
    rope = model.rope(0, len(ids))
    for number, block in enumerate(model.blocks):
        assert isinstance(block, Block)
        for layer in block.sublayers():
            if isinstance(layer, MLP):
                y = torch.zeros_like(x) if number in off.mlp else layer.transform(x)
            else:
                y, weights = _attend(layer, x, rope, number, off)
                result.attention.append(weights)
            x = add(x, y, model.config, None)
            result.added.append(y[0])
        result.blocks.append(x[0])
    return result


def _attend(
    layer: Attention, x: Tensor, rope: Rope | None, number: int, off: Off
) -> tuple[Tensor, Tensor]:
    """What the attention of one block adds to the stream (1, T, D), and the weights (H, T) of its
    last position. The output and the weights of a head that is off are zero."""
    query, key, value = layer.heads(x, rope)
    scale = query.shape[-1] ** -0.5
    weights = (query[0, :, -1:] @ key[0].mT * scale).softmax(-1)[:, 0]
    y = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    heads = range(layer.config.n_head)
    off_heads = [h for h in heads if number in off.attention or (number, h) in off.heads]
    y[:, off_heads] = 0.0
    weights[off_heads] = 0.0
    return layer.merge(y), weights
