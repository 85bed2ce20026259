"""The GPT: the one statement of its architecture, from token ids to logits.

Dimensions: B batch, T time (characters), D embedding width (`n_embd`), H heads, K head width
(D / H), V vocabulary, C context length.

By default: RMSNorm before each sublayer, rotary positions, RMSNorm of queries and keys, squared
ReLU, an untied head. Number for number that is Hugging Face's stock ApertusForCausalLM with its
xIELU constants set to squared ReLU, without learned norm weights. `ModelConfig` changes each part.

Everything is stated here in plain torch operations, for every device. On a CPU sublayers of the
default kind are computed by `engine.model.fused`, which is faster.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import ModelConfig
from engine.model import fused, local_start
from engine.model.drawing import normal_by_name
from engine.model.kv_cache import KVCache, LayerCache
from engine.model.layers import Embedding, Linear
from engine.model.matrix import Matrix, matrices_in
from engine.model.passes import AttentionPass, MLPPass
from engine.model.rope import Rope, apply_rope, rope_cache

NORM_EPSILON = 1e-5
TIED_STD = 0.02
"""Standard deviation of an embedding that is also the head: the first logits are small."""


class Attention(nn.Module):
    """The attention sublayer: each position gathers values from itself and those before it."""

    fused_pass = AttentionPass

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.qkv = Linear(config.n_embd, 3 * config.n_embd)
        self.output = Linear(config.n_embd, config.n_embd)

    def forward(
        self,
        x: Tensor,
        rope: Rope | None,
        generator: torch.Generator | None = None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        """The residual stream (B, T, D) to the residual stream (B, T, D)."""
        query, key, value = self.heads(x, rope)
        if cache is not None:
            key, value = cache.append(key, value)
        y = F.scaled_dot_product_attention(query, key, value, is_causal=cache is None)
        return add(x, self.merge(y), self.config, generator)

    def heads(self, x: Tensor, rope: Rope | None) -> tuple[Tensor, Tensor, Tensor]:
        """The residual stream (B, T, D) to queries, keys and values, (B, H, T, K) each."""
        qkv = self.qkv(norm(x, self.config)).unflatten(-1, (3, self.config.n_head, -1))
        query, key, value = qkv.unbind(2)
        if self.config.qk_norm:
            query, key = rms_norm(query), rms_norm(key)
        if rope is not None:
            rope = rope[0].unsqueeze(1), rope[1].unsqueeze(1)  # for all heads of a position
            query, key = apply_rope(query, rope), apply_rope(key, rope)
        # Transposed last: in memory they stay as the products with weights write and read them.
        return query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)

    def merge(self, y: Tensor) -> Tensor:
        """What the heads gathered, (B, H, T, K), to what is added to the stream, (B, T, D)."""
        merged: Tensor = self.output(y.transpose(1, 2).flatten(2))
        return merged

    def activations(self, time: int) -> int:
        """Numbers kept for the backward pass, for each position of a text of that length: at most,
        on any device."""
        dropout_mask = self.config.dropout > 0
        return (11 + dropout_mask) * self.config.n_embd + self.config.n_head * time

    @property
    def weights(self) -> tuple[Tensor, Tensor]:
        """Of the first product and of the last."""
        return self.qkv.weight, self.output.weight

    def matrices(self) -> list[Matrix]:
        """Queries, keys and values are three."""
        return [*matrices_in(self.qkv.weight, 3), *matrices_in(self.output.weight, 1)]


class MLP(nn.Module):
    """The MLP sublayer: each position is transformed by itself."""

    fused_pass = MLPPass

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        # A gate is a third matrix: with two thirds of the hidden width, parameters stay equal.
        self.gated = config.activation == "swiglu"
        hidden = 8 * config.n_embd // 3 if self.gated else 4 * config.n_embd
        self.up = Linear(config.n_embd, 2 * hidden if self.gated else hidden)
        self.output = Linear(hidden, config.n_embd)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The residual stream (B, T, D) to the residual stream (B, T, D)."""
        return add(x, self.transform(x), self.config, generator)

    def transform(self, x: Tensor) -> Tensor:
        """The residual stream (B, T, D) to what is added to it, (B, T, D)."""
        y: Tensor = self.output(activate(self.up(norm(x, self.config)), self.config))
        return y

    def activations(self, time: int) -> int:
        """Numbers kept for the backward pass, for each position: at most, on any device."""
        dropout_mask, hidden = self.config.dropout > 0, self.output.in_features
        kept = self.up.out_features + (1 + self.gated) * hidden
        return (2 + dropout_mask) * self.config.n_embd + kept

    @property
    def weights(self) -> tuple[Tensor, Tensor]:
        """Of the first product and of the last."""
        return self.up.weight, self.output.weight

    def matrices(self) -> list[Matrix]:
        """A gate is a matrix of its own."""
        return [*matrices_in(self.up.weight, 1 + self.gated), *matrices_in(self.output.weight, 1)]


class Block(nn.Module):
    """Attention, then the MLP; either may be left out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = Attention(config) if config.attention else None
        self.mlp = MLP(config) if config.mlp else None

    def forward(
        self,
        x: Tensor,
        rope: Rope | None,
        generator: torch.Generator | None = None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        if self.attention is not None:
            x = self.attention(x, rope, generator, cache)
        return self.mlp(x, generator) if self.mlp is not None else x

    def sublayers(self) -> Iterator[Attention | MLP]:
        """Those that there are, in their order."""
        yield from (layer for layer in (self.attention, self.mlp) if layer is not None)


class GPT(nn.Module):
    """Characters in, a logit for every possible next character out."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: ModelConfig, vocabulary: int) -> None:
        """The shapes alone: `init_weights` or `load_state_dict` fills them."""
        super().__init__()
        self.config = config
        self.embedding = Embedding(vocabulary, config.n_embd)
        learned = config.positions == "learned"
        self.positions = Embedding(config.context_length, config.n_embd) if learned else None
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.head = None if config.tied_head else Linear(config.n_embd, vocabulary)
        cos, sin = rope_cache(0, config.context_length, config.head_dim, config.rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> "GPT":
        """Draw fresh weights from a CPU generator, so that the start is repeatable.

        The projections that end each sublayer and the head are zero: at step 0 every character is
        equally likely and the loss is ln V. Without residual connections zero would pass nothing
        on, and with a tied head the embedding cannot be zero: these are drawn.
        """
        draw, std = normal_by_name(self, generator), self.config.n_embd**-0.5
        for embedding in filter(None, (self.embedding, self.positions)):
            draw(embedding.weight, TIED_STD if self.config.tied_head else 1.0)
        for layer in self.sublayers():
            first, last = layer.weights
            draw(first, std)
            draw(last, 0.0 if self.config.residual else std)
        if self.head is not None:
            self.head.weight.zero_()
        if local_start.applies_to(self.config):
            qkv = [part.qkv.weight for part in self.sublayers() if isinstance(part, Attention)]
            local_start.start_local(self.embedding.weight, qkv, self.config)
        return self

    @property
    def device(self) -> torch.device:
        return self.embedding.weight.device

    def forward(
        self, ids: Tensor, generator: torch.Generator | None = None, cache: KVCache | None = None
    ) -> Tensor:
        """(B, T) ids to (B, T, V) logits.

        With a `generator` dropout applies. With a `cache` the ids continue those that it has seen:
        B is 1, T is 1.
        """
        time, start = ids.shape[1], cache.position if cache is not None else 0
        assert cache is not None or time <= self.config.context_length, "longer than the context"
        x = self.embed(ids, start)
        rope = self.rope(start, time)
        if cache is None and fused.supports(self.config, x):
            x = fused.sublayers(x, [*self.sublayers()], rope, NORM_EPSILON, generator)
            return self.logits(x)
        for number, block in enumerate(self.blocks):
            x = block(x, rope, generator, cache.layers[number] if cache is not None else None)
        return self.logits(x)

    def embed(self, ids: Tensor, start: int = 0) -> Tensor:
        """(B, T) ids, the first at position `start`, to the residual stream (B, T, D)."""
        x: Tensor = self.embedding(ids)
        if self.positions is not None:
            x = x + self.positions.weight[start : start + ids.shape[1]]
        return x

    def logits(self, x: Tensor) -> Tensor:
        """The residual stream (..., D) to logits (..., V)."""
        return F.linear(norm(x, self.config), self.output_embedding)

    @property
    def output_embedding(self) -> Tensor:
        """(V, D) the vectors whose products with the normalized stream are the logits."""
        return self.embedding.weight if self.head is None else self.head.weight

    def rope(self, start: int, time: int) -> Rope | None:
        """The rotary angles of positions `start` to `start + time`, if the model has them. Writing
        may go on beyond the context: attention depends on the distance of two positions only."""
        if self.config.positions != "rotary":
            return None
        if start + time <= len(self.cos):
            return self.cos[start : start + time], self.sin[start : start + time]
        cos, sin = rope_cache(start, time, self.config.head_dim, self.config.rope_base)
        return cos.to(self.device), sin.to(self.device)

    def sublayers(self) -> Iterator[Attention | MLP]:
        """Of all blocks, from the first to the last."""
        for block in self.blocks:
            assert isinstance(block, Block)
            yield from block.sublayers()

    def matrices(self) -> list[Matrix]:
        """What Muon takes: the matrices inside the blocks. Embeddings and head are for Adam."""
        return [matrix for layer in self.sublayers() for matrix in layer.matrices()]


def norm(x: Tensor, config: ModelConfig) -> Tensor:
    """Normalize over the last dimension, without learned weights."""
    match config.norm:
        case "rmsnorm":
            return rms_norm(x)
        case "layernorm":
            return F.layer_norm(x, (x.shape[-1],), eps=NORM_EPSILON)
        case "none":
            return x


def rms_norm(x: Tensor) -> Tensor:
    """Scale to a mean square of 1 (Zhang and Sennrich 2019)."""
    if fused.on_cpu(x):
        return fused.rms_norm(x, NORM_EPSILON)
    return F.rms_norm(x, (x.shape[-1],), eps=NORM_EPSILON)


def activate(x: Tensor, config: ModelConfig) -> Tensor:
    """The nonlinearity of the MLP."""
    match config.activation:
        case "squared_relu":  # So et al. 2021
            return x.relu().square()
        case "gelu":  # Hendrycks and Gimpel 2016
            return F.gelu(x)
        case "swiglu":  # Shazeer 2020
            gate, up = x.chunk(2, -1)
            return F.silu(gate) * up


def add(x: Tensor, y: Tensor, config: ModelConfig, generator: torch.Generator | None) -> Tensor:
    """The residual connection: what a sublayer adds to its input, after dropout."""
    y = dropout(y, config.dropout, generator)
    return x + y if config.residual else y


def dropout(x: Tensor, fraction: float, generator: torch.Generator | None) -> Tensor:
    """Zero a fraction of x and scale up the rest (Srivastava et al. 2014)."""
    mask = fused.dropout_mask(x, fraction, generator)
    return x if mask is None else x * mask
