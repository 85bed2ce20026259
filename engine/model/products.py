"""The products with weights in the passes of a sublayer on a CPU, in each number format.

Dimensions: R rows, D inputs, E outputs of a weight.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.model import integer_products


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
        `out` (R, D); that of the weight (E, D), in float32, is returned. `scale` is that of x."""


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


class IntegerProducts:
    """Of whole numbers, from float32 to float32. A scale is the largest absolute value."""

    dtype = torch.float32

    def linear(self, x: Tensor, weight: Tensor, out: Tensor) -> float:
        return self._multiply(x, weight, out, transposed=True)

    def add_linear(self, residual: Tensor, x: Tensor, weight: Tensor, mask: Tensor | None) -> float:
        if mask is None:
            return self._multiply(x, weight, residual, transposed=True, add=True)
        product = torch.empty_like(residual)
        largest = self.linear(x, weight, product)
        residual.addcmul_(product, mask.view(residual.shape))
        return largest

    def backward(
        self, grad: Tensor, weight: Tensor, x: Tensor, scale: float, out: Tensor
    ) -> Tensor:
        largest = self._multiply(grad, weight, out, transposed=False)
        of_weight = torch.empty_like(weight)
        if grad.shape[1] >= x.shape[1]:
            _multiply_transposed(grad, x, (largest, scale), of_weight)
        else:  # the left matrix is the one that is read in longer pieces
            wide = weight.new_empty(weight.shape[::-1])
            _multiply_transposed(x, grad, (scale, largest), wide)
            of_weight.copy_(wide.T)
        return of_weight

    @staticmethod
    def _multiply(
        left: Tensor, right: Tensor, out: Tensor, *, transposed: bool, add: bool = False
    ) -> float:
        matrices = left.numpy(), False, right.detach().numpy(), transposed
        largest: float = integer_products.multiply(*matrices, (0.0, 0.0), out.numpy(), add)
        return largest


def _multiply_transposed(
    left: Tensor, right: Tensor, largest: tuple[float, float], out: Tensor
) -> None:
    matrices = left.numpy(), True, right.numpy(), False
    integer_products.multiply(*matrices, largest, out.numpy(), False)


class _Thread(threading.local):
    integers = False


_thread = _Thread()


@contextmanager
def computing_in(precision: torch.dtype, device_type: str) -> Iterator[None]:
    """Products in this number format, in this thread: by autocast, or for int16 those with the
    weights inside the blocks."""
    _thread.integers = precision == torch.int16
    try:
        with torch.autocast(device_type, precision, precision == torch.bfloat16):
            yield
    finally:
        _thread.integers = False


def current_products() -> Products:
    """Those that this thread computes in."""
    if _thread.integers:
        return IntegerProducts()
    in_float = not torch.is_autocast_enabled("cpu")
    return FloatProducts(torch.float32 if in_float else torch.get_autocast_dtype("cpu"))


def lowered(x: Tensor, precision: torch.dtype) -> Tensor:
    """x in the precision of products."""
    return x if x.dtype == precision else x.to(precision)
