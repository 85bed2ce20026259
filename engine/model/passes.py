"""One forward and one backward pass of a sublayer, for a CPU, over the compiled loops of
`engine.model.kernels`.

They compute what `Attention.forward` and `MLP.forward` in `engine.model.gpt` state in plain torch
operations, and the gradients of these. Products with weights are in one precision, all else is
float32. Both passes change the residual stream, or its gradient, in place. All views that they need
are in a `Workspace`, for the reason that is given there. The scales of a matrix, from forward to
backward pass, are what `engine.model.products` asks for.

Dimensions: B batch, T time, R = B * T rows, D embedding width, E rows of a weight, H heads,
K head width, N = B * H.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from engine.config import ModelConfig
from engine.model import kernels
from engine.model.causal_blocks import BLOCK
from engine.model.kernels import Array
from engine.model.products import NOT_KNOWN, Products, lowered
from engine.model.workspace import (
    AttentionActivations,
    AttentionScratch,
    MLPActivations,
    MLPScratch,
    Workspace,
)


class Rows(NamedTuple):
    """The residual stream (R, D), or its gradient, as torch and as the compiled loops see it."""

    tensor: Tensor
    array: Array

    @classmethod
    def of(cls, x: Tensor) -> "Rows":
        """Of (..., D)."""
        rows = rows_of(x)
        return cls(rows, rows.numpy())


def rows_of(x: Tensor) -> Tensor:
    """(R, D) of (..., D), in the same memory, without a gradient."""
    return x.detach().view(-1, x.shape[-1])


class PassSettings(NamedTuple):
    """What all sublayers of a pass have in common."""

    config: ModelConfig
    batch: int
    time: int
    angles: tuple[Array, ...]  # cosine and sine, (T, K / 2) each, where there is attention
    epsilon: float
    products: Products  # with weights
    workspace: Workspace


class AttentionPass:
    """x + dropout(attention(norm(x)))"""

    def __init__(
        self, qkv: Tensor, output: Tensor, mask: Tensor | None, settings: PassSettings
    ) -> None:
        """`qkv` (3 D, D) and `output` (D, D) are the weights, `mask` (B, T, D) is that of dropout."""
        self.qkv, self.output, self.mask, self.settings = qkv, output, mask, settings
        heads = settings.config.n_head, settings.config.head_dim
        self.kept = settings.workspace.take(
            AttentionActivations, settings.batch, settings.time, *heads, settings.products.dtype
        )
        self.y_scales = self.merged_scales = NOT_KNOWN

    def forward(self, x: Rows) -> None:
        """Add the sublayer to the residual stream."""
        kept, workspace, angles = self.kept, self.settings.workspace, self.settings.angles
        scratch, epsilon = workspace.take(AttentionScratch, *kept.sizes), self.settings.epsilon
        products = self.settings.products
        kernels.rms_norm(x.array, kept.y.array, kept.y_scales.array, epsilon)
        self.y_scales = products.linear(kept.y.tensor, self.qkv, scratch.qkv.tensor)
        kernels.qk_norm_rope(
            scratch.qkv.array, *angles, kept.heads.array, kept.scales.array, epsilon
        )
        attend(kept, scratch)
        kernels.merge_heads(scratch.attended.array, kept.merged.array)
        merged = kept.merged.tensor
        self.merged_scales = products.add_linear(x.tensor, merged, self.output, self.mask)
        workspace.give_back(scratch)

    def backward(self, grad: Rows) -> tuple[Tensor, Tensor]:
        """The gradients of both weights; `grad`, that of the output, becomes that of x."""
        kept, workspace, angles = self.kept, self.settings.workspace, self.settings.angles
        grads = workspace.take(AttentionScratch, *kept.sizes)
        products = self.settings.products
        out = with_dropout(grad.tensor, self.mask, products.dtype)
        grad_output = products.backward(
            out, self.output, kept.merged.tensor, self.merged_scales, grads.merged.tensor
        )
        kernels.split_heads(grads.merged.array, grads.attended.array)
        attend_backward(kept, grads)
        kernels.qk_norm_rope_backward(
            grads.heads.array, kept.heads.array, kept.scales.array, *angles, grads.qkv.array
        )
        grad_qkv = products.backward(
            grads.qkv.tensor, self.qkv, kept.y.tensor, self.y_scales, grads.y.tensor
        )
        kernels.rms_norm_backward(grads.y.array, kept.y.array, kept.y_scales.array, grad.array)
        workspace.give_back(grads)
        workspace.give_back(kept)
        return grad_qkv, grad_output


def attend(kept: AttentionActivations, scratch: AttentionScratch) -> None:
    """`kept.probs` and `scratch.attended`, from query, key and value."""
    # A product with `out` is in float32 under autocast, too.
    for x in kept.blocks:
        torch.bmm(x.query, x.key_visible_transposed, out=x.probs)
    kernels.causal_softmax(kept.probs.array, BLOCK)
    for x, y in zip(kept.blocks, scratch.blocks, strict=True):
        torch.bmm(x.probs, x.value_visible, out=y.attended)


def attend_backward(kept: AttentionActivations, grads: AttentionScratch) -> None:
    """The gradients of query, key and value, from that of `attended`."""
    for x, grad in zip(kept.blocks, grads.blocks, strict=True):
        torch.bmm(x.probs_onward_transposed, grad.attended_onward, out=grad.value)
        torch.bmm(grad.attended, x.value_visible_transposed, out=grad.scores)
    kernels.causal_softmax_backward(grads.scores.array, kept.probs.array, BLOCK)
    for x, grad in zip(kept.blocks, grads.blocks, strict=True):
        torch.bmm(grad.scores, x.key_visible, out=grad.query)
        torch.bmm(grad.scores_onward_transposed, x.query_onward, out=grad.key)


class MLPPass:
    """x + dropout(mlp(norm(x)))"""

    def __init__(
        self, up: Tensor, output: Tensor, mask: Tensor | None, settings: PassSettings
    ) -> None:
        """`up` (E, D) and `output` (D, E) are the weights, `mask` (B, T, D) is that of dropout."""
        self.weights, self.mask, self.settings = (up, output), mask, settings
        rows = settings.batch * settings.time
        self.kept = settings.workspace.take(
            MLPActivations, rows, *output.shape, settings.products.dtype
        )
        self.scales = NOT_KNOWN, NOT_KNOWN

    def forward(self, x: Rows) -> None:
        """Add the sublayer to the residual stream."""
        kept, products = self.kept, self.settings.products
        kernels.rms_norm(x.array, kept.y.array, kept.y_scales.array, self.settings.epsilon)
        self.scales = products.mlp(kept, self.weights, x.tensor, self.mask)

    def backward(self, grad: Rows) -> tuple[Tensor, Tensor]:
        """The gradients of both weights; `grad`, that of the output, becomes that of x."""
        kept, workspace = self.kept, self.settings.workspace
        grads, products = workspace.take(MLPScratch, *kept.sizes), self.settings.products
        out = with_dropout(grad.tensor, self.mask, products.dtype)
        of_weights = products.mlp_backward(out, kept, self.scales, self.weights, grads)
        kernels.rms_norm_backward(grads.y.array, kept.y.array, kept.y_scales.array, grad.array)
        workspace.give_back(grads)
        workspace.give_back(kept)
        return of_weights


def with_dropout(grad: Tensor, mask: Tensor | None, precision: torch.dtype) -> Tensor:
    """The gradient (R, D) of what a sublayer adds, before dropout, in the precision of products."""
    return lowered(grad if mask is None else grad * mask.view(grad.shape), precision)
