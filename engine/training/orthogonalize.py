"""Orthogonalization of matrices: all singular values are brought near 1."""

from typing import NamedTuple

import torch
from torch import Tensor

SAFETY = 1.01
"""Keeps rounding errors from lifting a singular value out of the range of the polynomials."""
POLAR_EXPRESS = tuple(
    (a / SAFETY, b / SAFETY**3, c / SAFETY**5)
    for a, b, c in (
        (8.28721201814563, -23.595886519098837, 17.300387312530933),
        (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
        (3.9486908534822946, -2.908902115951949, 0.5518191394370137),
    )
)
"""The first three steps of Polar Express (Amsel et al. 2025): x times a + b (x x') + c (x x')²."""


class _Memory(NamedTuple):
    """Of N matrices, and of squares of their shorter side."""

    result: Tensor  # (N, rows, columns)
    gram: Tensor  # (N, side, side), as what follows
    factor: Tensor
    factor_diagonal: Tensor  # (N, side)
    product: Tensor
    other: Tensor


class Orthogonalizer:
    """Orthogonalizes stacks of matrices of one shape, always in the same memory: on a CPU that is
    still in the cache of the core."""

    def __init__(self, matrices: Tensor, precision: torch.dtype = torch.float32) -> None:
        """For stacks of up to as many as these (N, rows, columns). `precision`: the number format of
        the products."""
        count, rows, columns = matrices.shape
        side = min(rows, columns)
        self._result = torch.empty_like(matrices, dtype=precision)
        self._squares = self._result.new_empty(4, count, side, side)
        self._parts: dict[int, _Memory] = {}

    def __call__(self, matrices: Tensor) -> Tensor:
        """The matrices (N, rows, columns) with all singular values near 1, in float32; valid until
        the next call. `matrices` may be overwritten.

        Three steps leave the singular values between 0.2 and 1.9, but for the smallest; that trains
        as well as the five steps that Muon began with (docs/decisions.md). Each step multiplies by
        a polynomial of x @ x.T. All of these commute, so of a matrix with long rows their product is
        computed first, and applied at once; of one with long columns that of x.T @ x.
        """
        count, rows, columns = matrices.shape
        memory, x = self._memory(count), matrices.to(self._result.dtype)
        transposed, tall = x.mT, rows > columns
        torch.bmm(transposed if tall else x, x if tall else transposed, out=memory.gram)
        norms = memory.gram.diagonal(dim1=1, dim2=2).sum(1).sqrt_().view(count, 1, 1)
        unit = norms.mul_(SAFETY).add_(1e-7).reciprocal_()
        memory.gram.mul_(unit * unit)
        if rows == columns:
            return _steps(x.mul_(unit), memory).float()
        product = _product_of_factors(memory).mul_(unit)
        torch.bmm(x if tall else product, product if tall else x, out=memory.result)
        return memory.result.float()

    def _memory(self, count: int) -> _Memory:
        """Its views are made once for each count: `engine.model.workspace` says why."""
        if count not in self._parts:
            gram, factor, product, other = self._squares[:, :count]
            diagonal = factor.diagonal(dim1=1, dim2=2)
            self._parts[count] = _Memory(
                self._result[:count], gram, factor, diagonal, product, other
            )
        return self._parts[count]


def _steps(x: Tensor, memory: _Memory) -> Tensor:
    """The steps one after the other, for square matrices `x` and their `memory.gram`: in `x` or
    `memory.result`."""
    y, gram = memory.result, memory.gram
    for step, coefficients in enumerate(POLAR_EXPRESS):
        if step:
            torch.bmm(x, x.mT, out=gram)
        torch.bmm(_polynomial(memory, coefficients), x, out=y)
        x, y = y, x
    return x


def _product_of_factors(memory: _Memory) -> Tensor:
    """What the steps multiply by in all, from `memory.gram`: in `memory.product` or `memory.other`."""
    _, gram, _, _, product, other = memory
    first, *others = POLAR_EXPRESS
    product.copy_(_polynomial(memory, first))
    for coefficients in others:
        torch.bmm(torch.bmm(memory.factor, gram, out=other), memory.factor, out=gram)
        torch.bmm(_polynomial(memory, coefficients), product, out=other)
        product, other = other, product
    return product


def _polynomial(memory: _Memory, coefficients: tuple[float, float, float]) -> Tensor:
    """`memory.factor` = a I + b gram + c gram²."""
    a, b, c = coefficients
    torch.baddbmm(memory.gram, memory.gram, memory.gram, beta=b, alpha=c, out=memory.factor)
    memory.factor_diagonal.add_(a)
    return memory.factor
