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
from engine.model.kernels import Product

if TYPE_CHECKING:  # they are built on this module
    from engine.model.gpt import MLP, Attention, Rope


def supports(config: ModelConfig, x: Tensor) -> bool:
    """Whether the sublayers of a model of this config are computed here for such an x."""
    return on_cpu(x) and has_kernels(config)


def on_cpu(x: Tensor) -> bool:
    """Whether the compiled loops can read x."""
    return x.device.type == "cpu" and x.dtype == torch.float32


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
    settings = (layer.config.n_head, epsilon, matmul_precision())
    return AttentionSublayer.apply(  # type: ignore[no-any-return, no-untyped-call]
        x, layer.qkv.weight, layer.output.weight, *rope, mask, *settings
    )


def mlp(x: Tensor, layer: "MLP", epsilon: float, generator: torch.Generator | None) -> Tensor:
    """The MLP sublayer: (B, T, D) to (B, T, D), dropout and residual connection included."""
    mask = dropout_mask(x, layer.config.dropout, generator)
    return MLPSublayer.apply(  # type: ignore[no-any-return, no-untyped-call]
        x, layer.up.weight, layer.output.weight, mask, epsilon, matmul_precision()
    )


def rms_norm(x: Tensor, epsilon: float) -> Tensor:
    """RMSNorm over the last dimension of (..., D)."""
    return RMSNorm.apply(x, epsilon)  # type: ignore[no-any-return, no-untyped-call]


def dropout_mask(x: Tensor, fraction: float, generator: torch.Generator | None) -> Tensor | None:
    """What x is multiplied by to zero a fraction of it and scale up the rest; None: nothing."""
    if not fraction or generator is None:
        return None
    return torch.empty_like(x).bernoulli_(1 - fraction, generator=generator).div_(1 - fraction)


def matmul_precision() -> torch.dtype:
    """The number format that autocast asks for."""
    if torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu")
    return torch.float32


def array(x: Tensor, *shape: int) -> Product:
    """What the compiled loops read and write, in a shape: the numbers, or the bits of bfloat16.

    Views are taken of arrays, not of tensors: each operation of torch, however small, lets go of
    the GIL, and workers then wait for each other.
    """
    numbers = (x.view(torch.uint16) if x.dtype == torch.bfloat16 else x).numpy()
    return numbers.reshape(shape) if shape else numbers


class RMSNorm(torch.autograd.Function):
    """RMSNorm over the last dimension."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, epsilon: float) -> Tensor:
        y, scales = normed(rows_of(x.contiguous()), epsilon, torch.float32)
        ctx.save_for_backward(y, scales)
        return y.view(x.shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        y, scales = ctx.saved_tensors
        no_residual = torch.zeros_like(y)
        grad_x = normed_backward(rows_of(grad.contiguous()), y, scales, no_residual)
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
        n_head: int,
        epsilon: float,
        precision: torch.dtype,
    ) -> Tensor:
        batch, time, width = x.shape
        sizes = (batch, time, n_head, width // n_head)
        by_head = (batch, n_head, time, width // n_head)
        rows = rows_of(x)
        y, y_scales = normed(rows, epsilon, precision)
        qkv = F.linear(y, lowered(qkv_weight, precision))
        heads = torch.empty(3, batch * n_head, time, width // n_head)
        scales = torch.empty(batch, time, 2, n_head)
        kernels.qk_norm_rope(
            array(qkv, batch, time, 3, n_head, -1),
            cos.numpy(),
            sin.numpy(),
            array(heads, 3, *by_head),
            scales.numpy(),
            epsilon,
        )
        query, key, value = heads.unbind()
        # Autocast leaves a product with `out` in float32.
        probs = torch.bmm(query, key.mT, out=torch.empty(len(query), time, time))
        kernels.causal_softmax(probs.numpy())
        attended = torch.bmm(probs, value, out=torch.empty(batch * n_head, *by_head[2:]))
        merged = torch.empty(len(rows), width, dtype=precision)
        kernels.merge_heads(array(attended, *by_head), array(merged, *sizes))
        ctx.save_for_backward(
            qkv_weight, output_weight, cos, sin, mask, y, y_scales, heads, scales, probs, merged
        )
        ctx.mark_dirty(x)
        add_product(rows, merged, output_weight, mask)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        qkv_weight, output_weight, cos, sin, mask, y, y_scales, *saved = ctx.saved_tensors
        heads, scales, probs, merged = saved
        batch, time, _, n_head = scales.shape
        head_dim = heads.shape[-1]
        by_head = (batch, n_head, time, head_dim)
        grad_out = rows_of(grad.contiguous())
        grad_merged, grad_output_weight = product_backward(
            masked(grad_out, mask), merged, output_weight
        )
        grad_attended = torch.empty(batch * n_head, time, head_dim)
        kernels.split_heads(
            array(grad_merged, batch, time, n_head, head_dim), array(grad_attended, *by_head)
        )
        query, key, value = heads.unbind()
        grad_heads = torch.empty_like(heads)
        grad_query, grad_key, grad_value = grad_heads.unbind()
        torch.bmm(probs.mT, grad_attended, out=grad_value)
        grad_scores = torch.bmm(grad_attended, value.mT)
        kernels.causal_softmax_backward(grad_scores.numpy(), probs.numpy())
        torch.bmm(grad_scores, key, out=grad_query)
        torch.bmm(grad_scores.mT, query, out=grad_key)
        grad_qkv = torch.empty(len(y), len(qkv_weight), dtype=y.dtype)
        kernels.qk_norm_rope_backward(
            array(grad_heads, 3, *by_head),
            array(heads, 3, *by_head),
            scales.numpy(),
            cos.numpy(),
            sin.numpy(),
            array(grad_qkv, batch, time, 3, n_head, head_dim),
        )
        grad_y, grad_qkv_weight = product_backward(grad_qkv, y, qkv_weight)
        grad_x = normed_backward(grad_y, y, y_scales, grad_out)
        return grad_x.view(grad.shape), grad_qkv_weight, grad_output_weight, *[None] * 6


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
        precision: torch.dtype,
    ) -> Tensor:
        rows = rows_of(x)
        y, y_scales = normed(rows, epsilon, precision)
        hidden = F.linear(y, lowered(up_weight, precision))
        kernels.squared_relu(array(hidden))
        ctx.save_for_backward(up_weight, output_weight, mask, y, y_scales, hidden)
        ctx.mark_dirty(x)
        add_product(rows, hidden, output_weight, mask)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        up_weight, output_weight, mask, y, y_scales, hidden = ctx.saved_tensors
        grad_out = rows_of(grad.contiguous())
        grad_hidden, grad_output_weight = product_backward(
            masked(grad_out, mask), hidden, output_weight
        )
        kernels.squared_relu_backward(array(grad_hidden), array(hidden))
        grad_y, grad_up_weight = product_backward(grad_hidden, y, up_weight)
        grad_x = normed_backward(grad_y, y, y_scales, grad_out)
        return grad_x.view(grad.shape), grad_up_weight, grad_output_weight, *[None] * 3


def normed(x: Tensor, epsilon: float, precision: torch.dtype) -> tuple[Tensor, Tensor]:
    """RMSNorm of (R, D), ready for a product, and its scales (R)."""
    y, scales = torch.empty_like(x, dtype=precision), torch.empty(len(x))
    kernels.rms_norm(x.numpy(), array(y), scales.numpy(), epsilon)
    return y, scales


def normed_backward(grad_y: Tensor, y: Tensor, scales: Tensor, grad_residual: Tensor) -> Tensor:
    """The gradient of x (R, D), from those of its norm and of the residual connection.

    In memory of its own: autograd may hand the same incoming gradient to others.
    """
    grad_x = torch.empty_like(grad_residual)
    kernels.rms_norm_backward(
        array(grad_y), array(y), scales.numpy(), grad_residual.numpy(), grad_x.numpy()
    )
    return grad_x


def lowered(x: Tensor, precision: torch.dtype) -> Tensor:
    """x in the precision of products."""
    return x if x.dtype == precision else x.to(precision)


def product_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of x (R, D), in its precision, and of the weight (E, D), in float32, from that
    of x @ weight.T (R, E)."""
    grad = lowered(grad, x.dtype)
    grad_x, grad_weight = torch.mm(grad, lowered(weight, x.dtype)), torch.mm(grad.T, x)
    return grad_x, lowered(grad_weight, torch.float32)


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
