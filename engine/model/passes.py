"""One forward and one backward pass of a sublayer, for a CPU, over the compiled loops of
`engine.model.kernels`.

They compute what `Attention.forward` and `MLP.forward` in `engine.model.gpt` state in plain torch
operations, and the gradients of these. Products with weights are in one precision, all else is
float32. Both passes change the residual stream, or its gradient, in place. All views that they need
are in a `Workspace`, for the reason that is given there.

Dimensions: B batch, T time, R = B * T rows, D embedding width, E rows of a weight, H heads,
K head width, N = B * H.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.config import ModelConfig
from engine.model import kernels
from engine.model.causal_blocks import BLOCK
from engine.model.kernels import Array
from engine.model.workspace import (
    AttentionActivations,
    AttentionScratch,
    Buffer,
    MLPActivations,
    MLPScratch,
    Workspace,
)


class Rows(NamedTuple):
    """The residual stream (R, D), or its gradient, as torch and as the compiled loops see it."""

    tensor: Tensor
    transposed: Tensor
    array: Array

    @classmethod
    def of(cls, x: Tensor) -> "Rows":
        """Of (..., D)."""
        rows = rows_of(x)
        return cls(rows, rows.T, rows.numpy())


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
    precision: torch.dtype  # of the products with weights
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
            AttentionActivations, settings.batch, settings.time, *heads, settings.precision
        )

    def forward(self, x: Rows) -> None:
        """Add the sublayer to the residual stream."""
        kept, workspace, angles = self.kept, self.settings.workspace, self.settings.angles
        scratch, epsilon = workspace.take(AttentionScratch, *kept.sizes), self.settings.epsilon
        kernels.rms_norm(x.array, kept.y.array, kept.y_scales.array, epsilon)
        linear(kept.y.tensor, self.qkv, scratch.qkv.tensor)
        kernels.qk_norm_rope(
            scratch.qkv.array, *angles, kept.heads.array, kept.scales.array, epsilon
        )
        attend(kept, scratch)
        kernels.merge_heads(scratch.attended.array, kept.merged.array)
        add_product(x.tensor, kept.merged.tensor, self.output, self.mask)
        workspace.give_back(scratch)

    def backward(self, grad: Rows) -> tuple[Tensor, Tensor]:
        """The gradients of both weights; `grad`, that of the output, becomes that of x."""
        kept, workspace, angles = self.kept, self.settings.workspace, self.settings.angles
        grads = workspace.take(AttentionScratch, *kept.sizes)
        grad_output = output_backward(
            grad, self.mask, kept.merged.tensor, self.output, grads.merged.tensor
        )
        kernels.split_heads(grads.merged.array, grads.attended.array)
        attend_backward(kept, grads)
        kernels.qk_norm_rope_backward(
            grads.heads.array, kept.heads.array, kept.scales.array, *angles, grads.qkv.array
        )
        grad_qkv = input_backward(
            grads.qkv.tensor, grads.qkv_transposed, self.qkv, kept, grads.y, grad
        )
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
        self.up, self.output, self.mask, self.settings = up, output, mask, settings
        rows = settings.batch * settings.time
        self.kept = settings.workspace.take(MLPActivations, rows, *output.shape, settings.precision)

    def forward(self, x: Rows) -> None:
        """Add the sublayer to the residual stream."""
        kept = self.kept
        kernels.rms_norm(x.array, kept.y.array, kept.y_scales.array, self.settings.epsilon)
        linear(kept.y.tensor, self.up, kept.hidden.tensor)
        kernels.squared_relu(kept.hidden.array)
        add_product(x.tensor, kept.hidden.tensor, self.output, self.mask)

    def backward(self, grad: Rows) -> tuple[Tensor, Tensor]:
        """The gradients of both weights; `grad`, that of the output, becomes that of x."""
        kept, workspace = self.kept, self.settings.workspace
        grads = workspace.take(MLPScratch, *kept.sizes)
        grad_output = output_backward(
            grad, self.mask, kept.hidden.tensor, self.output, grads.hidden.tensor
        )
        kernels.squared_relu_backward(grads.hidden.array, kept.hidden.array)
        grad_up = input_backward(
            grads.hidden.tensor, grads.hidden_transposed, self.up, kept, grads.y, grad
        )
        workspace.give_back(grads)
        workspace.give_back(kept)
        return grad_up, grad_output


def lowered(x: Tensor, precision: torch.dtype) -> Tensor:
    """x in the precision of products."""
    return x if x.dtype == precision else x.to(precision)


def linear(x: Tensor, weight: Tensor, out: Tensor) -> None:
    """out (R, E) = x (R, D) @ weight.T, in the precision of x and out."""
    F.linear(x, lowered(weight, x.dtype), out=out)  # type: ignore[call-arg]


def input_backward(
    product: Tensor,
    transposed: Tensor,
    weight: Tensor,
    kept: AttentionActivations | MLPActivations,
    grad_y: Buffer,
    grad: Rows,
) -> Tensor:
    """The backward pass of the norm and the product that a sublayer begins with, from the gradient
    of the `product` (R, E): that of x is added to `grad`, by way of that of the norm in `grad_y`;
    that of the weight (E, D), in float32, is returned."""
    torch.mm(product, lowered(weight, product.dtype), out=grad_y.tensor)
    kernels.rms_norm_backward(grad_y.array, kept.y.array, kept.y_scales.array, grad.array)
    return lowered(torch.mm(transposed, kept.y.tensor), torch.float32)


def add_product(residual: Tensor, x: Tensor, weight: Tensor, mask: Tensor | None) -> None:
    """residual (R, D) += x (R, E) @ weight.T, with dropout."""
    if mask is not None:
        product = F.linear(x, lowered(weight, x.dtype))
        residual.addcmul_(lowered(product, torch.float32), mask.view(residual.shape))
    elif x.dtype == torch.float32:
        residual.addmm_(x, weight.T)
    else:
        residual.add_(F.linear(x, lowered(weight, x.dtype)))


def output_backward(
    grad: Rows, mask: Tensor | None, x: Tensor, weight: Tensor, grad_x: Tensor
) -> Tensor:
    """The backward pass of `add_product`, from the gradient of the residual stream: that of x (R, E)
    to `grad_x`, in the precision of both; that of the weight (D, E), in float32, is returned."""
    out = grad.tensor if mask is None else grad.tensor * mask.view(grad.tensor.shape)
    out = lowered(out, x.dtype)
    transposed = grad.transposed if out is grad.tensor else out.T
    torch.mm(out, lowered(weight, x.dtype), out=grad_x)
    return lowered(torch.mm(transposed, x), torch.float32)
