"""The GPT: one scroll, from characters to logits.

Dimensions: B batch, T time (characters), D width, H heads, K width of a head (D / H),
V vocabulary, C context length.

RMSNorm before each half of a block, rotary positions, RMSNorm of queries and keys, squared
ReLU, an untied head. Number for number this is Hugging Face's stock ApertusForCausalLM with its
xIELU constants set to squared ReLU (the project's recipe gives them), without learned norms.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import ModelConfig

ROTARY_BASE = 10_000.0
NORM_EPSILON = 1e-5


class Cache:
    """The keys and values of the last C characters, so that writing one more costs one step.

    A ring: past the context length the newest overwrites the oldest, in place. Nothing is
    recomputed: a key keeps the rotation of its own position, and attention sees only the
    difference of two positions, which never exceeds C.
    """

    def __init__(self, model: "GPT") -> None:
        config = model.config
        shape = (1, config.n_head, config.context_length, config.width // config.n_head)
        self.keys = [torch.zeros(shape, device=model.device) for _ in model.blocks]
        self.values = [torch.zeros(shape, device=model.device) for _ in model.blocks]
        self.position = 0  # how many characters it has seen, forgotten ones included

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add (1, H, T, K) keys and values; return all that are remembered, in any order."""
        context_length = self.keys[layer].shape[2]
        time = key.shape[2]
        slot = self.position % context_length
        assert slot + time <= context_length, "a prompt longer than the context was not cut"
        self.keys[layer][:, :, slot : slot + time] = key
        self.values[layer][:, :, slot : slot + time] = value
        known = min(self.position + time, context_length)
        return self.keys[layer][:, :, :known], self.values[layer][:, :, :known]


class Attention(nn.Module):
    """Each character looks back at those before it: queries meet keys, and values are taken."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.output = nn.Linear(config.width, config.width, bias=False)

    def forward(
        self, x: Tensor, rotation: tuple[Tensor, Tensor], cache: Cache | None, layer: int
    ) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        batch, time, width = x.shape
        qkv = self.qkv(x).view(batch, time, 3, self.n_head, width // self.n_head)
        query, key = rotate(norm(qkv[:, :, :2]), *rotation).transpose(1, 3).unbind(2)
        value = qkv[:, :, 2].transpose(1, 2)  # (B, H, T, K), like query and key
        if cache is not None:
            key, value = cache.extend(layer, key, value)
        y = attend(query, key, value)
        return self.output(y.transpose(1, 2).reshape(batch, time, width))  # type: ignore[no-any-return]


class MLP(nn.Module):
    """Each character thinks by itself."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.width, 4 * config.width, bias=False)
        self.output = nn.Linear(4 * config.width, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        return self.output(SquaredReLU.apply(self.up(x)))  # type: ignore[no-any-return,no-untyped-call]


class Block(nn.Module):
    """Look back, then think; each adds to what is there."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.mlp = MLP(config)

    def forward(
        self,
        x: Tensor,
        rotation: tuple[Tensor, Tensor],
        dropout: float,
        cache: Cache | None,
        layer: int,
    ) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        x = x + F.dropout(self.attention(norm(x), rotation, cache, layer), dropout)
        return x + F.dropout(self.mlp(norm(x)), dropout)


class GPT(nn.Module):
    """Characters in, a score for every possible next character out."""

    def __init__(
        self, config: ModelConfig, vocabulary: int, generator: torch.Generator | None = None
    ) -> None:
        """Fresh weights, drawn from `generator` (a CPU one), so that the start is repeatable.

        The projections that end each half block and the head are zero: at step 0 every character
        is equally likely and the loss is ln V.
        """
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(vocabulary, config.width)
        blocks = [Block(config) for _ in range(config.n_layer)]
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Linear(config.width, vocabulary, bias=False)
        with torch.no_grad():
            self.embedding.weight.normal_(generator=generator)
            self.head.weight.zero_()
            for block in blocks:
                for layer in (block.attention.qkv, block.mlp.up):
                    layer.weight.normal_(std=config.width**-0.5, generator=generator)
                for layer in (block.attention.output, block.mlp.output):
                    layer.weight.zero_()

    @property
    def device(self) -> torch.device:
        return self.embedding.weight.device

    def forward(self, ids: Tensor, *, dropout: float = 0.0, cache: Cache | None = None) -> Tensor:
        """(B, T) ids to (B, T, V) logits.

        With a `cache`, `ids` go on from what it has seen: a whole prompt of up to C characters
        into an empty cache, then one at a time.
        """
        start = 0 if cache is None else cache.position
        time = ids.shape[1]
        assert time <= self.config.context_length, "more characters than the context holds"
        assert start == 0 or time == 1, "a cache that has begun takes one character at a time"
        x = self.embedding(ids)
        rotation = self.rotation(start, time, x.device)
        for layer, block in enumerate(self.blocks):
            x = block(x, rotation, dropout, cache, layer)
        if cache is not None:
            cache.position += time
        return self.head(norm(x))  # type: ignore[no-any-return]

    def rotation(self, start: int, time: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Cosine and sine, (T, 1, 1, K) each, of the angles at positions start .. start + T - 1.

        Source: RoFormer (Su et al. 2021), in the half-split form of Llama. Computed in float64:
        a long text has large positions.
        """
        half = self.config.width // self.config.n_head // 2
        frequency = ROTARY_BASE ** (-torch.arange(half, dtype=torch.float64) / half)
        angle = torch.outer(torch.arange(start, start + time, dtype=torch.float64), frequency)
        angle = angle.float()[:, None, None, :].to(device)
        cos, sin = angle.cos(), angle.sin()
        return torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)


def norm(x: Tensor) -> Tensor:
    """RMSNorm over the last dimension (Zhang and Sennrich 2019)."""
    return F.rms_norm(x, (x.shape[-1],), eps=NORM_EPSILON)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn (B, T, 2, H, K) queries and keys by the angles of their positions."""
    half = x.shape[-1] // 2
    swapped = torch.cat((x[..., half:], x[..., :half]), -1)
    return x * cos.to(x.dtype) + swapped * sin.to(x.dtype)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Causal attention, (B, H, T, K); a single query sees every key.

    On a CPU as plain products: at these lengths they are as fast as the fused kernel in float32
    and faster in bfloat16, whose fused backward is slow.
    """
    time = query.shape[2]
    if query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, key, value, is_causal=time > 1)
    scores = (query * (1 / math.sqrt(query.shape[3]))) @ key.transpose(2, 3)
    if time > 1:
        future = torch.full((time, time), -math.inf, dtype=scores.dtype).triu(1)
        scores = scores + future
    return scores.softmax(-1) @ value


class SquaredReLU(torch.autograd.Function):
    """max(0, x)² (So et al. 2021), remembering one array instead of two for the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = x.relu()
        ctx.save_for_backward(y)
        return y * y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        y: Tensor = ctx.saved_tensors[0]
        return gradient * y * 2
