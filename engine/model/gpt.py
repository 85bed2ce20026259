"""The GPT: one scroll, from characters to logits.

Dimensions: B batch, T time (characters), D width, H heads, K width of a head (D / H),
V vocabulary, C context length.

RMSNorm before each half of a block, rotary positions, RMSNorm of queries and keys, squared
ReLU, an untied head. Number for number this is Hugging Face's stock ApertusForCausalLM with its
xIELU constants set to squared ReLU (the project's recipe gives them), without learned norms.

A graphics processor runs it as it stands here; on a processor `engine.model.fused` computes the same.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import ModelConfig
from engine.model.kernels import NORM_EPSILON

ROTARY_BASE = 10_000.0


class Attention(nn.Module):
    """Each character looks back at those before it: queries meet keys, and values are taken."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd, bias=False)
        self.output = nn.Linear(config.n_embd, config.n_embd, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        batch, time, width = x.shape
        qkv = self.qkv(x).view(batch, time, 3, self.n_head, width // self.n_head)
        query, key = rotate(norm(qkv[:, :, :2]), cos, sin).transpose(1, 3).unbind(2)
        value = qkv[:, :, 2].transpose(1, 2)  # (B, H, T, K), like query and key
        y = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.output(y.transpose(1, 2).reshape(batch, time, width))  # type: ignore[no-any-return]


class MLP(nn.Module):
    """Each character thinks by itself."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.n_embd, 4 * config.n_embd, bias=False)
        self.output = nn.Linear(4 * config.n_embd, config.n_embd, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        return self.output(self.up(x).relu().square())  # type: ignore[no-any-return]


class Block(nn.Module):
    """Look back, then think; each adds to what is there."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.attention = Attention(config)
        self.mlp = MLP(config)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        x = x + drop(self.attention(norm(x), cos, sin), self.dropout, generator)
        return x + drop(self.mlp(norm(x)), self.dropout, generator)


class Blocks(nn.ModuleList):
    """One above the other. Only to tell the type checker what they are."""

    def __iter__(self) -> Iterator[Block]:
        return super().__iter__()  # type: ignore[return-value]


class GPT(nn.Module):
    """Characters in, a score for every possible next character out."""

    cos: Tensor
    sin: Tensor

    def __init__(
        self, config: ModelConfig, vocabulary: int, generator: torch.Generator | None = None
    ) -> None:
        """Fresh weights, drawn from `generator` (a CPU one), so that the start is repeatable.

        The projections that end each half block and the head are zero: at step 0 every character
        is equally likely and the loss is ln V.
        """
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(vocabulary, config.n_embd)
        self.blocks = Blocks([Block(config) for _ in range(config.n_layer)])
        self.head = nn.Linear(config.n_embd, vocabulary, bias=False)
        with torch.no_grad():
            self.embedding.weight.normal_(generator=generator)
            self.head.weight.zero_()
            for block in self.blocks:
                for layer in (block.attention.qkv, block.mlp.up):
                    layer.weight.normal_(std=config.n_embd**-0.5, generator=generator)
                for layer in (block.attention.output, block.mlp.output):
                    layer.weight.zero_()
        cos, sin = angles(config.context_length, config.n_embd // config.n_head)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    @property
    def device(self) -> torch.device:
        return self.embedding.weight.device

    def forward(self, ids: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(B, T) ids to (B, T, V) logits; with a `generator` the config's dropout applies."""
        time = ids.shape[1]
        assert time <= self.config.context_length, "more characters than the context holds"
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:time], self.sin[:time], generator)
        return self.head(norm(x))  # type: ignore[no-any-return]


def norm(x: Tensor) -> Tensor:
    """RMSNorm over the last dimension (Zhang and Sennrich 2019)."""
    return F.rms_norm(x, (x.shape[-1],), eps=NORM_EPSILON)


def drop(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Zero a share of x and make up for it in the rest (Srivastava et al. 2014)."""
    if not share or generator is None:
        return x
    return x * torch.empty_like(x).bernoulli_(1 - share, generator=generator).div_(1 - share)


def angles(time: int, width: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine, (T, K / 2) each, of the angles at positions 0 to T - 1.

    Source: RoFormer (Su et al. 2021). Computed in float64: a long text has large positions; and by
    the CPU, even for a model without numbers (`engine.session.context.check_state`).
    """
    angle = torch.outer(torch.arange(time, dtype=torch.float64, device="cpu"), frequencies(width))
    return angle.cos().float(), angle.sin().float()


def frequencies(width: int) -> Tensor:
    """(K / 2) radians that each pair of numbers turns from one position to the next."""
    half = width // 2
    return ROTARY_BASE ** (-torch.arange(half, dtype=torch.float64, device="cpu") / half)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn (B, T, 2, H, K) queries and keys, in the half-split form of Llama."""
    cos, sin = (part[:, None, None].to(x.dtype) for part in (cos, sin))
    left, right = x.chunk(2, -1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), -1)


def parameter_count(config: ModelConfig, vocabulary: int) -> int:
    """Trainable numbers of a model of this config."""
    return config.parameters(vocabulary)
