"""The Apertus family as its own definition states it, in plain torch operations: a second statement
of the model, by the numbers in a file alone, that an export is compared with.

Dimensions: B batch, T time, D embedding width, H heads, K head width, V vocabulary.

Source: modeling_apertus.py of Hugging Face transformers, and xIELU (Huang and Schlag 2024).
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Shape(NamedTuple):
    """What the tensors do not tell."""

    n_layer: int
    n_head: int
    epsilon: float
    rope_theta: float
    tied_head: bool


class Reference:
    """A model of the family."""

    def __init__(self, shape: Shape, tensors: Mapping[str, Tensor]) -> None:
        """`tensors`: by their names in transformers."""
        self._shape = shape
        self._tensors = tensors

    @torch.no_grad()
    def logits(self, ids: Tensor) -> Tensor:
        """(B, T) ids to (B, T, V) logits."""
        x = F.embedding(ids, self._weight("model.embed_tokens"))
        for number in range(self._shape.n_layer):
            layer = f"model.layers.{number}"
            x = x + self._attention(layer, self._norm(f"{layer}.attention_layernorm", x))
            x = x + self._mlp(layer, self._norm(f"{layer}.feedforward_layernorm", x))
        head = "model.embed_tokens" if self._shape.tied_head else "lm_head"
        return F.linear(self._norm("model.norm", x), self._weight(head))

    def _attention(self, layer: str, x: Tensor) -> Tensor:
        def heads(name: str) -> Tensor:
            projected = F.linear(x, self._weight(f"{layer}.self_attn.{name}_proj"))
            return projected.view(*x.shape[:2], self._shape.n_head, -1).transpose(1, 2)

        query = self._rotate(self._norm(f"{layer}.self_attn.q_norm", heads("q")))
        key = self._rotate(self._norm(f"{layer}.self_attn.k_norm", heads("k")))
        y = F.scaled_dot_product_attention(query, key, heads("v"), is_causal=True)
        return F.linear(y.transpose(1, 2).flatten(2), self._weight(f"{layer}.self_attn.o_proj"))

    def _rotate(self, x: Tensor) -> Tensor:
        """(B, H, T, K), rotated by its position (RoFormer, in the form of Llama)."""
        time, width = x.shape[-2:]
        frequencies = self._shape.rope_theta ** -(torch.arange(0, width, 2).double() / width)
        angles = torch.outer(torch.arange(time).double(), frequencies).repeat(1, 2)
        left, right = x.chunk(2, -1)
        return x * angles.cos().float() + torch.cat((-right, left), -1) * angles.sin().float()

    def _mlp(self, layer: str, x: Tensor) -> Tensor:
        hidden = F.linear(x, self._weight(f"{layer}.mlp.up_proj"))
        return F.linear(self._xielu(layer, hidden), self._weight(f"{layer}.mlp.down_proj"))

    def _xielu(self, layer: str, x: Tensor) -> Tensor:
        constants = ("alpha_p", "alpha_n", "beta", "eps")
        raw_p, raw_n, beta, eps = (self._tensors[f"{layer}.mlp.act_fn.{c}"] for c in constants)
        alpha_p, alpha_n = F.softplus(raw_p), beta + F.softplus(raw_n)
        above = alpha_p * x * x + beta * x
        below = (torch.expm1(torch.minimum(x, eps)) - x) * alpha_n + beta * x
        return torch.where(x > 0, above, below)

    def _norm(self, name: str, x: Tensor) -> Tensor:
        """RMSNorm with a weight."""
        mean_square = x.square().mean(-1, keepdim=True)
        return x * torch.rsqrt(mean_square + self._shape.epsilon) * self._weight(name)

    def _weight(self, name: str) -> Tensor:
        return self._tensors[f"{name}.weight"]
