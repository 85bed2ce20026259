"""The sublayers of the GPT as one autograd function each, for a CPU.

They compute what `Attention.forward` and `MLP.forward` in `engine.model.gpt` state in plain torch
operations, and their gradients, over the compiled loops of `engine.model.kernels`: on a CPU a
training step spends more time on moving numbers than on multiplying them, and these take fewer
sweeps over memory. Products with weights are in the precision of autocast, all else is float32.

Dimensions: B batch, T time, R = B * T rows, D embedding width, E rows of a weight, H heads,
K head width, N = B * H.
"""

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.config import ModelConfig
from engine.model import kernels
from engine.model.causal_blocks import BLOCK
from engine.model.kernels import Product
from engine.model.workspace import (
    AttentionActivations,
    AttentionScratch,
    MLPActivations,
    MLPScratch,
    Workspace,
)

if TYPE_CHECKING:  # they are built on this module
    from engine.model.gpt import MLP, Attention
    from engine.model.rope import Rope


def supports(config: ModelConfig, x: Tensor) -> bool:
    """Whether the sublayers of a model of this config are computed here for such an x."""
    return on_cpu(x) and has_kernels(config)


def on_cpu(x: Tensor) -> bool:
    """Whether the compiled loops can read x."""
    return x.is_cpu and x.dtype == torch.float32


def has_kernels(config: ModelConfig) -> bool:
    """Whether the compiled loops know all options of this config."""
    return (
        config.norm == "rmsnorm"
        and config.positions == "rotary"
        and config.qk_norm
        and config.residual
        and config.activation == "squared_relu"
    )


def attention(
    x: Tensor,
    layer: "Attention",
    rope: "Rope | None",
    epsilon: float,
    generator: torch.Generator | None,
) -> Tensor:
    """The attention sublayer: (B, T, D) to (B, T, D), dropout and residual connection included."""
    assert rope is not None, "only rotary positions have kernels"
    mask = dropout_mask(x, layer.config.dropout, generator)
    workspace, config = Workspace.current(), layer.config
    kept = workspace.take(
        AttentionActivations, *x.shape[:2], config.n_head, config.head_dim, matmul_precision()
    )
    y: Tensor = AttentionSublayer.apply(  # type: ignore[no-untyped-call]
        x, layer.qkv.weight, layer.output.weight, *rope, mask, epsilon, kept, workspace
    )
    if not y.requires_grad:  # no backward pass will give it back
        workspace.give_back(kept)
    return y


def mlp(x: Tensor, layer: "MLP", epsilon: float, generator: torch.Generator | None) -> Tensor:
    """The MLP sublayer: (B, T, D) to (B, T, D), dropout and residual connection included."""
    mask = dropout_mask(x, layer.config.dropout, generator)
    batch, time, width = x.shape
    workspace, hidden = Workspace.current(), layer.output.in_features
    kept = workspace.take(MLPActivations, batch * time, width, hidden, matmul_precision())
    y: Tensor = MLPSublayer.apply(  # type: ignore[no-untyped-call]
        x, layer.up.weight, layer.output.weight, mask, epsilon, kept, workspace
    )
    if not y.requires_grad:  # no backward pass will give it back
        workspace.give_back(kept)
    return y


def rms_norm(x: Tensor, epsilon: float) -> Tensor:
    """RMSNorm over the last dimension of (..., D)."""
    return RMSNorm.apply(x, epsilon)  # type: ignore[no-any-return, no-untyped-call]


def dropout_mask(x: Tensor, fraction: float, generator: torch.Generator | None) -> Tensor | None:
    """What x is multiplied by to zero a fraction of it and scale up the rest; None: nothing."""
    if not fraction or generator is None:
        return None
    if torch.compiler.is_compiling():  # which knows the device's own generator only
        return torch.empty_like(x).bernoulli_(1 - fraction).div_(1 - fraction)
    return torch.empty_like(x).bernoulli_(1 - fraction, generator=generator).div_(1 - fraction)


def matmul_precision() -> torch.dtype:
    """The number format that autocast asks for."""
    if torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu")
    return torch.float32


class RMSNorm(torch.autograd.Function):
    """RMSNorm over the last dimension."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, epsilon: float) -> Tensor:
        rows = rows_of(x.contiguous())
        y, scales = torch.empty_like(rows), torch.empty(len(rows))
        kernels.rms_norm(rows.numpy(), y.numpy(), scales.numpy(), epsilon)
        ctx.save_for_backward(y, scales)
        return y.view(x.shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        y, scales = ctx.saved_tensors
        no_residual = torch.zeros_like(y)
        grad_y = rows_of(grad.contiguous())
        grad_x = normed_backward(grad_y.numpy(), y.numpy(), scales.numpy(), no_residual)
        return grad_x.view(grad.shape), None


class AttentionSublayer(torch.autograd.Function):
    """x + dropout(attention(norm(x)))"""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        qkv_weight: Tensor,
        output_weight: Tensor,
        cos: Tensor,
        sin: Tensor,
        mask: Tensor | None,
        epsilon: float,
        kept: AttentionActivations,
        workspace: Workspace,
    ) -> Tensor:
        rows, scratch = rows_of(x), workspace.take(AttentionScratch, *kept.sizes)
        kernels.rms_norm(rows.numpy(), kept.y.array, kept.y_scales.array, epsilon)
        linear(kept.y.tensor, qkv_weight, scratch.qkv.tensor)
        angles = cos.numpy(), sin.numpy()
        kernels.qk_norm_rope(
            scratch.qkv.array, *angles, kept.heads.array, kept.scales.array, epsilon
        )
        attend(kept, scratch)
        kernels.merge_heads(scratch.attended.array, kept.merged.array)
        ctx.save_for_backward(qkv_weight, output_weight, mask)
        ctx.angles, ctx.kept, ctx.workspace = angles, kept, workspace
        ctx.mark_dirty(x)
        add_product(rows, kept.merged.tensor, output_weight, mask)
        workspace.give_back(scratch)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        qkv_weight, output_weight, mask = ctx.saved_tensors
        kept: AttentionActivations = ctx.kept
        grads = ctx.workspace.take(AttentionScratch, *kept.sizes)
        grad_out = rows_of(grad.contiguous())
        grad_output_weight = linear_backward(
            masked(grad_out, mask), kept.merged.tensor, output_weight, grads.merged.tensor
        )
        kernels.split_heads(grads.merged.array, grads.attended.array)
        attend_backward(kept, grads)
        kernels.qk_norm_rope_backward(
            grads.heads.array, kept.heads.array, kept.scales.array, *ctx.angles, grads.qkv.array
        )
        grad_qkv_weight = linear_backward(
            grads.qkv.tensor, kept.y.tensor, qkv_weight, grads.y.tensor
        )
        grad_x = normed_backward(grads.y.array, kept.y.array, kept.y_scales.array, grad_out)
        ctx.workspace.give_back(grads)
        ctx.workspace.give_back(kept)
        return grad_x.view(grad.shape), grad_qkv_weight, grad_output_weight, *[None] * 6


def attend(kept: AttentionActivations, scratch: AttentionScratch) -> None:
    """`kept.probs` and `scratch.attended`, from query, key and value."""
    # A product with `out` is in float32 under autocast, too.
    for x in kept.blocks:
        torch.bmm(x.query, x.key_visible.mT, out=x.probs)
    kernels.causal_softmax(kept.probs.array, BLOCK)
    for x, y in zip(kept.blocks, scratch.blocks, strict=True):
        torch.bmm(x.probs, x.value_visible, out=y.attended)


def attend_backward(kept: AttentionActivations, grads: AttentionScratch) -> None:
    """The gradients of query, key and value, from that of `attended`."""
    for x, grad in zip(kept.blocks, grads.blocks, strict=True):
        torch.bmm(x.probs_onward.mT, grad.attended_onward, out=grad.value)
        torch.bmm(grad.attended, x.value_visible.mT, out=grad.scores)
    kernels.causal_softmax_backward(grads.scores.array, kept.probs.array, BLOCK)
    for x, grad in zip(kept.blocks, grads.blocks, strict=True):
        torch.bmm(grad.scores, x.key_visible, out=grad.query)
        torch.bmm(grad.scores_onward.mT, x.query_onward, out=grad.key)


class MLPSublayer(torch.autograd.Function):
    """x + dropout(mlp(norm(x)))"""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        up_weight: Tensor,
        output_weight: Tensor,
        mask: Tensor | None,
        epsilon: float,
        kept: MLPActivations,
        workspace: Workspace,
    ) -> Tensor:
        rows = rows_of(x)
        kernels.rms_norm(rows.numpy(), kept.y.array, kept.y_scales.array, epsilon)
        linear(kept.y.tensor, up_weight, kept.hidden.tensor)
        kernels.squared_relu(kept.hidden.array)
        ctx.save_for_backward(up_weight, output_weight, mask)
        ctx.kept, ctx.workspace = kept, workspace
        ctx.mark_dirty(x)
        add_product(rows, kept.hidden.tensor, output_weight, mask)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        up_weight, output_weight, mask = ctx.saved_tensors
        kept: MLPActivations = ctx.kept
        grads = ctx.workspace.take(MLPScratch, *kept.sizes)
        grad_out = rows_of(grad.contiguous())
        grad_output_weight = linear_backward(
            masked(grad_out, mask), kept.hidden.tensor, output_weight, grads.hidden.tensor
        )
        kernels.squared_relu_backward(grads.hidden.array, kept.hidden.array)
        grad_up_weight = linear_backward(
            grads.hidden.tensor, kept.y.tensor, up_weight, grads.y.tensor
        )
        grad_x = normed_backward(grads.y.array, kept.y.array, kept.y_scales.array, grad_out)
        ctx.workspace.give_back(grads)
        ctx.workspace.give_back(kept)
        return grad_x.view(grad.shape), grad_up_weight, grad_output_weight, *[None] * 4


def normed_backward(grad_y: Product, y: Product, scales: Product, grad_residual: Tensor) -> Tensor:
    """The gradient of x (R, D), from those of its norm and of the residual connection.

    In memory of its own: autograd may hand the same incoming gradient to others.
    """
    grad_x = torch.empty_like(grad_residual)
    kernels.rms_norm_backward(grad_y, y, scales, grad_residual.numpy(), grad_x.numpy())
    return grad_x


def lowered(x: Tensor, precision: torch.dtype) -> Tensor:
    """x in the precision of products."""
    return x if x.dtype == precision else x.to(precision)


def linear(x: Tensor, weight: Tensor, out: Tensor) -> None:
    """out (R, E) = x (R, D) @ weight.T, in the precision of x and out."""
    torch.mm(x, lowered(weight, x.dtype).T, out=out)


def linear_backward(grad: Tensor, x: Tensor, weight: Tensor, grad_x: Tensor) -> Tensor:
    """From the gradient of x @ weight.T (R, E): that of x to `grad_x` (R, D), in the precision of
    both; that of the weight (E, D), in float32, is returned."""
    grad = lowered(grad, x.dtype)
    torch.mm(grad, lowered(weight, x.dtype), out=grad_x)
    return lowered(torch.mm(grad.T, x), torch.float32)


def add_product(residual: Tensor, x: Tensor, weight: Tensor, mask: Tensor | None) -> None:
    """residual (R, E) += x (R, D) @ weight.T, with dropout."""
    if mask is not None:
        product = F.linear(x, lowered(weight, x.dtype))
        residual.addcmul_(lowered(product, torch.float32), mask.view(residual.shape))
    elif x.dtype == torch.float32:
        residual.addmm_(x, weight.T)
    else:
        residual.add_(F.linear(x, lowered(weight, x.dtype)))


def rows_of(x: Tensor) -> Tensor:
    """(R, D) of (..., D), in the same memory, without a gradient."""
    return x.detach().view(-1, x.shape[-1])


def masked(grad: Tensor, mask: Tensor | None) -> Tensor:
    """The gradient (R, D) through dropout."""
    return grad if mask is None else grad * mask.view(grad.shape)
