"""The default kind of sublayers and the norm as autograd functions over compiled loops, for a CPU.

They compute what `engine.model.gpt` states in plain torch operations, and the gradients of these: on
a CPU a training step spends more time on moving numbers than on multiplying them, and these take
fewer sweeps over memory (`engine.model.passes`).

Dimensions: B batch, T time, R = B * T rows, D embedding width.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.config import ModelConfig
from engine.model import kernels
from engine.model.passes import AttentionPass, MLPPass, PassSettings, Rows, rows_of
from engine.model.products import current_products
from engine.model.workspace import Workspace

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


def sublayers(
    x: Tensor,
    layers: Sequence["Attention | MLP"],
    rope: "Rope | None",
    epsilon: float,
    generator: torch.Generator | None,
) -> Tensor:
    """The residual stream (B, T, D) after these sublayers, with dropout and residual connections.
    It is x, overwritten."""
    config, (batch, time, _) = layers[0].config, x.shape
    angles = tuple(part.numpy() for part in rope or ())
    workspace = Workspace.current()
    settings = PassSettings(config, batch, time, angles, epsilon, current_products(), workspace)
    passes = (
        layer.fused_pass(*layer.weights, dropout_mask(x, config.dropout, generator), settings)
        for layer in layers
    )
    weights = [weight for layer in layers for weight in layer.weights]
    if torch.is_grad_enabled() and any(each.requires_grad for each in (x, *weights)):
        y: Tensor = Sublayers.apply(x, passes, *weights)  # type: ignore[no-untyped-call]
        return y
    rows = Rows.of(x)
    for one in passes:
        one.forward(rows)
        workspace.give_back(one.kept)  # no backward pass reads it
    return x


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
        grad_y, grad_x = rows_of(grad.contiguous()), torch.zeros_like(y)
        kernels.rms_norm_backward(grad_y.numpy(), y.numpy(), scales.numpy(), grad_x.numpy())
        return grad_x.view(grad.shape), None


class Sublayers(torch.autograd.Function):
    """Sublayers, one after the other: x (B, T, D), and the two weights of each in their order."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, passes: Iterable[AttentionPass | MLPPass], *weights: Tensor
    ) -> Tensor:
        rows = Rows.of(x)
        ctx.passes = []
        for one in passes:
            one.forward(rows)
            ctx.passes.append(one)
        ctx.save_for_backward(*weights, *(one.mask for one in ctx.passes))
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        _ = ctx.saved_tensors  # an error where a weight was changed since the forward pass
        # Autograd may hand the same gradient to others.
        grad = grad.clone(memory_format=torch.contiguous_format)
        rows = Rows.of(grad)
        of_weights = [one.backward(rows) for one in reversed(ctx.passes)]
        return grad, None, *(each for pair in reversed(of_weights) for each in pair)
