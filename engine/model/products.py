"""The products with weights in the passes of a sublayer on a CPU, in each number format; those of an
MLP together with the activation between them.

Dimensions: R rows, D inputs, E outputs of a weight.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.model import kernels
from engine.model.integer_products import multiply, multiply_twice
from engine.model.workspace import MLPActivations, MLPScratch

Scales = tuple[float, float]
"""Of the inputs of an MLP's two products."""
Weights = tuple[Tensor, Tensor]
"""Of an MLP's two products, up and output, or their gradients."""


class Products(Protocol):
    """The products of one number format. The scale of a matrix says how large its numbers are, where
    that matters: what has read it in the forward pass tells the backward pass."""

    dtype: torch.dtype
    """What the matrices that they read and write are kept in."""

    def linear(self, x: Tensor, weight: Tensor, out: Tensor) -> float:
        """out (R, E) = x (R, D) @ weight.T, where weight is (E, D). The scale of x."""

    def add_linear(self, residual: Tensor, x: Tensor, weight: Tensor, mask: Tensor | None) -> float:
        """residual (R, E), in float32, += x (R, D) @ weight.T, times the mask of dropout. The scale
        of x."""

    def backward(
        self, grad: Tensor, weight: Tensor, x: Tensor, scale: float, out: Tensor
    ) -> Tensor:
        """The gradients of a product x (R, D) @ weight.T from its own, grad (R, E): that of x in
        `out` (R, D); that of the weight (E, D), in float32, is returned. `scale` is that of x: with a smaller
        one its whole numbers would overflow."""

    def mlp(
        self, kept: MLPActivations, weights: Weights, residual: Tensor, mask: Tensor | None
    ) -> Scales:
        """kept.hidden = max(0, kept.y @ up.T)², and residual += kept.hidden @ output.T, times the
        mask of dropout. The scales of both."""

    def mlp_backward(
        self,
        grad: Tensor,
        kept: MLPActivations,
        scales: Scales,
        weights: Weights,
        grads: MLPScratch,
    ) -> Weights:
        """The gradients of y in `grads.y`, from `grad`, that of what is added to the residual stream;
        those of both weights are returned. `scales` are what `mlp` returned."""


class FloatProducts:
    """torch's own, in float32 or bfloat16, of which no scale is known."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def linear(self, x: Tensor, weight: Tensor, out: Tensor) -> float:
        F.linear(x, lowered(weight, x.dtype), out=out)  # type: ignore[call-arg]
        return 0.0

    def add_linear(self, residual: Tensor, x: Tensor, weight: Tensor, mask: Tensor | None) -> float:
        if mask is not None:
            product = F.linear(x, lowered(weight, x.dtype))
            residual.addcmul_(lowered(product, torch.float32), mask.view(residual.shape))
        elif x.dtype == torch.float32:
            residual.addmm_(x, weight.T)
        else:
            residual.add_(F.linear(x, lowered(weight, x.dtype)))
        return 0.0

    def backward(
        self, grad: Tensor, weight: Tensor, x: Tensor, scale: float, out: Tensor
    ) -> Tensor:
        torch.mm(grad, lowered(weight, grad.dtype), out=out)
        return lowered(torch.mm(grad.T, x), torch.float32)

    def mlp(
        self, kept: MLPActivations, weights: Weights, residual: Tensor, mask: Tensor | None
    ) -> Scales:
        up, output = weights
        y_scale = self.linear(kept.y.tensor, up, kept.hidden.tensor)
        kernels.squared_relu(kept.hidden.array)
        return y_scale, self.add_linear(residual, kept.hidden.tensor, output, mask)

    def mlp_backward(
        self,
        grad: Tensor,
        kept: MLPActivations,
        scales: Scales,
        weights: Weights,
        grads: MLPScratch,
    ) -> Weights:
        (up, output), hidden, grad_hidden = weights, kept.hidden.tensor, grads.hidden.tensor
        grad_output = self.backward(grad, output, hidden, scales[1], grad_hidden)
        kernels.squared_relu_backward(grads.hidden.array, kept.hidden.array)
        return (
            self.backward(grad_hidden, up, kept.y.tensor, scales[0], grads.y.tensor),
            grad_output,
        )


class IntegerProducts:
    """Of whole numbers, from float32 to float32. A scale is the largest absolute value."""

    dtype = torch.float32

    def linear(self, x: Tensor, weight: Tensor, out: Tensor) -> float:
        return _multiply(x, weight, out, transposed=True)

    def add_linear(self, residual: Tensor, x: Tensor, weight: Tensor, mask: Tensor | None) -> float:
        if mask is None:
            return _multiply(x, weight, residual, transposed=True, add=True)
        product = torch.empty_like(residual)
        largest = self.linear(x, weight, product)
        residual.addcmul_(product, mask.view(residual.shape))
        return largest

    def backward(
        self, grad: Tensor, weight: Tensor, x: Tensor, scale: float, out: Tensor
    ) -> Tensor:
        return _of_weight(grad, x, (_multiply(grad, weight, out, transposed=False), scale))

    def mlp(
        self, kept: MLPActivations, weights: Weights, residual: Tensor, mask: Tensor | None
    ) -> Scales:
        out = residual if mask is None else torch.empty_like(residual)
        y, hidden, add = kept.y.array, kept.hidden.array, mask is None
        up, output = (weight.detach().numpy() for weight in weights)
        scales: Scales = multiply_twice(y, up, hidden, hidden, output, out.numpy(), True, add)
        if mask is not None:
            residual.addcmul_(out, mask.view(residual.shape))
        return scales

    def mlp_backward(
        self,
        grad: Tensor,
        kept: MLPActivations,
        scales: Scales,
        weights: Weights,
        grads: MLPScratch,
    ) -> Weights:
        up, output = (weight.detach().numpy() for weight in weights)
        hidden, grad_hidden = kept.hidden.array, grads.hidden.array
        of_grad, of_hidden = multiply_twice(
            grad.numpy(), output, grad_hidden, hidden, up, grads.y.array, False, False
        )
        return (
            _of_weight(grads.hidden.tensor, kept.y.tensor, (of_hidden, scales[0])),
            _of_weight(grad, kept.hidden.tensor, (of_grad, scales[1])),
        )


def _multiply(
    left: Tensor, right: Tensor, out: Tensor, *, transposed: bool, add: bool = False
) -> float:
    """out = left @ right, or with `add` added to it; or `transposed`, left @ right.T. The largest
    absolute value of `left`."""
    matrices = left.numpy(), False, right.detach().numpy(), transposed
    largest: float = multiply(*matrices, (0.0, 0.0), out.numpy(), add)
    return largest


def _of_weight(grad: Tensor, x: Tensor, largest: tuple[float, float]) -> Tensor:
    """grad.T @ x, whose largest absolute values are known."""
    out = grad.new_empty(grad.shape[1], x.shape[1])
    if len(out) >= out.shape[1]:
        multiply(grad.numpy(), True, x.numpy(), False, largest, out.numpy(), False)
    else:  # the left matrix is the one that is read in longer pieces
        transposed = out.new_empty(out.shape[::-1])
        matrices = x.numpy(), True, grad.numpy(), False
        multiply(*matrices, largest[::-1], transposed.numpy(), False)
        out.copy_(transposed.T)
    return out


class _Thread(threading.local):
    integers = False


_thread = _Thread()


@contextmanager
def computing_in(precision: torch.dtype, device_type: str) -> Iterator[None]:
    """Products in this number format, in this thread: by autocast, or for int16 those with the
    weights inside the blocks."""
    before, _thread.integers = _thread.integers, precision == torch.int16
    try:
        with torch.autocast(device_type, precision, precision == torch.bfloat16):
            yield
    finally:
        _thread.integers = before


def current_products() -> Products:
    """Those that this thread computes in."""
    if _thread.integers:
        return IntegerProducts()
    in_float = not torch.is_autocast_enabled("cpu")
    return FloatProducts(torch.float32 if in_float else torch.get_autocast_dtype("cpu"))


def lowered(x: Tensor, precision: torch.dtype) -> Tensor:
    """x in the precision of products."""
    return x if x.dtype == precision else x.to(precision)
