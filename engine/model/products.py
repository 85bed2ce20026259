"""The products with weights in the passes of a sublayer on a CPU, in each number format; those of an
MLP together with the activation between them.

Dimensions: R rows, D inputs, E outputs of a weight.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.model import integer_tile, kernels
from engine.model.integer_packing import LIMITS
from engine.model.integer_products import (
    LONGEST,
    multiply,
    multiply_columns,
    multiply_twice,
)
from engine.model.kernels import Array
from engine.model.workspace import MLPActivations, MLPScratch

INTEGERS = {torch.int8: 8, torch.int16: 16}
"""The integer formats, the fastest first, and their bits."""
NOT_KNOWN: Array = np.empty(0, np.float32)

Scales = tuple[Array, Array]
"""Of the inputs of an MLP's two products."""
Weights = tuple[Tensor, Tensor]
"""Of an MLP's two products, up and output, or their gradients."""


class Products(Protocol):
    """The products of one number format. The scales of a matrix say how large the numbers of each
    column are, where that matters: what has read it in the forward pass tells the backward pass."""

    dtype: torch.dtype
    """What the matrices that they read and write are kept in."""

    def linear(self, x: Tensor, weight: Tensor, out: Tensor) -> Array:
        """out (R, E) = x (R, D) @ weight.T, where weight is (E, D). The scales of x."""

    def add_linear(self, residual: Tensor, x: Tensor, weight: Tensor, mask: Tensor | None) -> Array:
        """residual (R, E), in float32, += x (R, D) @ weight.T, times the mask of dropout. The scales
        of x."""

    def backward(
        self, grad: Tensor, weight: Tensor, x: Tensor, scales: Array, out: Tensor
    ) -> Tensor:
        """The gradients of a product x (R, D) @ weight.T from its own, grad (R, E): that of x in
        `out` (R, D); that of the weight (E, D), in float32, is returned. `scales` are those of x: with
        smaller ones its integers would overflow."""

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
    """torch's own, in float32 or bfloat16, of which no scales are known."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def linear(self, x: Tensor, weight: Tensor, out: Tensor) -> Array:
        F.linear(x, lowered(weight, x.dtype), out=out)  # type: ignore[call-arg]
        return NOT_KNOWN

    def add_linear(self, residual: Tensor, x: Tensor, weight: Tensor, mask: Tensor | None) -> Array:
        if mask is not None:
            product = F.linear(x, lowered(weight, x.dtype))
            residual.addcmul_(lowered(product, torch.float32), mask.view(residual.shape))
        elif x.dtype == torch.float32:
            residual.addmm_(x, weight.T)
        else:
            residual.add_(F.linear(x, lowered(weight, x.dtype)))
        return NOT_KNOWN

    def backward(
        self, grad: Tensor, weight: Tensor, x: Tensor, scales: Array, out: Tensor
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
    """Of integers, from float32 to float32. Scales are the absolute maxima."""

    dtype = torch.float32

    def __init__(self, bits: int) -> None:
        self.limit = LIMITS[bits]

    def linear(self, x: Tensor, weight: Tensor, out: Tensor) -> Array:
        return self._multiply(x, weight, out, transposed=True)

    def add_linear(self, residual: Tensor, x: Tensor, weight: Tensor, mask: Tensor | None) -> Array:
        if mask is None:
            return self._multiply(x, weight, residual, transposed=True, add=True)
        product = torch.empty_like(residual)
        scales = self.linear(x, weight, product)
        residual.addcmul_(product, mask.view(residual.shape))
        return scales

    def backward(
        self, grad: Tensor, weight: Tensor, x: Tensor, scales: Array, out: Tensor
    ) -> Tensor:
        of_grad = self._multiply(grad, weight, out, transposed=False)
        return self._of_weight(grad, x, (of_grad, scales))

    def mlp(
        self, kept: MLPActivations, weights: Weights, residual: Tensor, mask: Tensor | None
    ) -> Scales:
        out = residual if mask is None else torch.empty_like(residual)
        hidden, add = kept.hidden.tensor, mask is None
        scales = self._multiply_twice(
            (kept.y.tensor, hidden, out), weights, hidden, forward=True, add=add
        )
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
        (up, output), hidden, grad_hidden = weights, kept.hidden.tensor, grads.hidden.tensor
        of_grad, of_hidden = self._multiply_twice(
            (grad, grad_hidden, grads.y.tensor), (output, up), hidden
        )
        return (
            self._of_weight(grad_hidden, kept.y.tensor, (of_hidden, scales[0])),
            self._of_weight(grad, hidden, (of_grad, scales[1])),
        )

    def _multiply(
        self, left: Tensor, right: Tensor, out: Tensor, *, transposed: bool, add: bool = False
    ) -> Array:
        """out = left @ right, or with `add` added to it; or `transposed`, left @ right.T. The scales
        of `left`."""
        assert left.shape[1] <= LONGEST
        scales = np.empty(left.shape[1], np.float32)
        matrices = left.numpy(), right.detach().numpy(), transposed, out.numpy(), add
        multiply(self.limit, *matrices, scales)
        return scales

    def _multiply_twice(
        self,
        matrices: tuple[Tensor, Tensor, Tensor],
        weights: Weights,
        hidden: Tensor,
        *,
        forward: bool = False,
        add: bool = False,
    ) -> Scales:
        """Both products of an MLP, of what comes in, between them and goes out. The scales of the
        first two."""
        left, middle, out = (matrix.numpy() for matrix in matrices)
        first, last = (weight.detach().numpy() for weight in weights)
        scales = np.empty(left.shape[1], np.float32), np.empty(middle.shape[1], np.float32)
        arrays = left, first, middle, hidden.numpy(), last, out
        multiply_twice(self.limit, *arrays, forward, add, scales)
        return scales

    def _of_weight(self, grad: Tensor, x: Tensor, scales: Scales) -> Tensor:
        """grad.T @ x, of which the scales are known."""
        assert len(grad) <= LONGEST
        out = grad.new_empty(grad.shape[1], x.shape[1])
        if len(out) >= out.shape[1]:
            multiply_columns(self.limit, grad.numpy(), x.numpy(), scales, out.numpy())
        else:  # the left matrix is the one that is read in longer pieces
            transposed = out.new_empty(out.shape[::-1])
            multiply_columns(self.limit, x.numpy(), grad.numpy(), scales[::-1], transposed.numpy())
            out.copy_(transposed.T)
        return out


def integer_formats() -> list[torch.dtype]:
    """The integer formats that this processor supports, the fastest first."""
    return [precision for precision, bits in INTEGERS.items() if integer_tile.supported(bits)]


def formats_to_measure(*, integers: bool) -> list[torch.dtype]:
    """Those of which one may be the fastest on this CPU; `integers`: whether integer formats count."""
    faster = integer_formats()[:1] if integers else []
    if torch.int8 in faster and not integer_tile.FEATURES.get("amx-bf16"):
        # Without AMX an instruction processes half as many values in bfloat16.
        return [torch.float32, *faster]
    return [torch.float32, torch.bfloat16, *faster]


class _Thread(threading.local):
    bits: int | None = None
    """Of the integer format, if there is one."""


_thread = _Thread()


@contextmanager
def computing_in(precision: torch.dtype, device_type: str) -> Iterator[None]:
    """Products in this number format, in this thread: by autocast, or, of integers, those with
    the weights inside the blocks."""
    before, _thread.bits = _thread.bits, INTEGERS.get(precision)
    try:
        with torch.autocast(device_type, precision, precision == torch.bfloat16):
            yield
    finally:
        _thread.bits = before


def current_products() -> Products:
    """Those that this thread computes in."""
    if _thread.bits:
        return IntegerProducts(_thread.bits)
    in_float = not torch.is_autocast_enabled("cpu")
    return FloatProducts(torch.float32 if in_float else torch.get_autocast_dtype("cpu"))


def lowered(x: Tensor, precision: torch.dtype) -> Tensor:
    """x in the precision of products."""
    return x if x.dtype == precision else x.to(precision)
