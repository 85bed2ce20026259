"""Orthogonalization of matrices: all singular values are brought near 1."""

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


class Orthogonalizer:
    """Orthogonalizes stacks of matrices of one shape, always in the same memory: on a CPU that is
    still in the cache of the core."""

    def __init__(self, matrices: Tensor, precision: torch.dtype = torch.float32) -> None:
        """For stacks of up to as many as these (N, rows, columns). `precision`: the number format of
        the products."""
        count, rows, columns = matrices.shape
        side = min(rows, columns)
        self._result = torch.empty_like(matrices, dtype=precision)
        self._gram, self._factor, self._product, self._other = (
            self._result.new_empty(count, side, side) for _ in range(4)
        )

    def __call__(self, matrices: Tensor) -> Tensor:
        """The matrices (N, rows, columns) with all singular values near 1, in float32; valid until
        the next call. `matrices` may be overwritten.

        Three steps leave the singular values between 0.2 and 1.9, but for the smallest; that trains
        as well as the five steps that Muon began with (docs/decisions.md). Each step multiplies by
        a polynomial of x @ x.T. All of these commute, so of a matrix with long rows their product is
        computed first, and applied at once; of one with long columns that of x.T @ x.
        """
        count, rows, columns = matrices.shape
        x, result = matrices.to(self._result.dtype), self._result[:count]
        gram, factor = self._gram[:count], self._factor[:count]
        tall = rows > columns
        torch.bmm(x.mT if tall else x, x if tall else x.mT, out=gram)
        norms = gram.diagonal(dim1=1, dim2=2).sum(1).sqrt()[:, None, None]
        unit = 1 / (SAFETY * norms + 1e-7)
        gram *= unit**2
        if rows == columns:
            return steps(x.mul_(unit), gram, result, factor).float()
        product = product_of_factors(gram, factor, self._product[:count], self._other[:count])
        product *= unit
        torch.bmm(x if tall else product, product if tall else x, out=result)
        return result.float()


def steps(x: Tensor, gram: Tensor, y: Tensor, factor: Tensor) -> Tensor:
    """The steps one after the other, for N square matrices and their `gram`: in `x` or `y`. All of
    the arguments, of one shape, are overwritten."""
    for step, coefficients in enumerate(POLAR_EXPRESS):
        if step:
            torch.bmm(x, x.mT, out=gram)
        torch.bmm(polynomial(gram, coefficients, factor), x, out=y)
        x, y = y, x
    return x


def product_of_factors(gram: Tensor, factor: Tensor, product: Tensor, other: Tensor) -> Tensor:
    """What the steps multiply by in all, from the `gram` of N matrices: in `product` or `other`. All
    of the arguments, of one shape, are overwritten."""
    first, *others = POLAR_EXPRESS
    product.copy_(polynomial(gram, first, factor))
    for coefficients in others:
        torch.bmm(torch.bmm(factor, gram, out=other), factor, out=gram)
        torch.bmm(polynomial(gram, coefficients, factor), product, out=other)
        product, other = other, product
    return product


def polynomial(gram: Tensor, coefficients: tuple[float, float, float], out: Tensor) -> Tensor:
    """out = a I + b gram + c gram², for (N, rows, rows)."""
    a, b, c = coefficients
    torch.baddbmm(gram, gram, gram, beta=b, alpha=c, out=out)
    out.diagonal(dim1=1, dim2=2).add_(a)
    return out
