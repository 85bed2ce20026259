"""The operations between two matrix products, each in one sweep over memory, for a CPU.

torch takes five to ten sweeps for some of these, and a training step on a CPU spends more time on
moving numbers than on multiplying them. Numba compiles the loops below for the machine they run
on, once, and caches the result on disk. They release the GIL, so that each worker of a step runs
its own.

Arrays are C-contiguous: `Array` is float32, `Product` is what matrix products take and give, float32
or the bits of bfloat16 (Numba has no bfloat16). Dimensions: R rows, D columns, B batch, T time,
H heads, K head width, N = B * H. The callers are in `engine.model.passes` and
`engine.model.decoder_kernels`, whose loops are for one character.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import njit
from numba.core import types
from numba.extending import overload
from numpy import float32
from numpy.typing import NDArray

Array = NDArray[np.float32]
Product = NDArray[np.float32] | NDArray[np.uint16]

ZERO, ONE, TWO = float32(0), float32(1), float32(2)
VECTOR = 32
"""Numbers that a loop computes at once, at most."""
LOG2_E = float32(math.log2(math.e))
EXPONENT_BIAS, EXPONENT_UNIT = float32(127), float32(1 << 23)
# 2 ** x for 0 <= x < 1 to 1.6e-7 of its value: least squares on Chebyshev nodes, reweighted.
C0, C1, C2, C3, C4, C5 = (
    float32(c)
    for c in (0.9999999251, 0.6931530731, 0.2401536176, 0.0558263166, 0.0089893419, 0.0018775760)
)


def compiled(loop: Callable[..., Any], *, fastmath: bool = True, inner: bool = False) -> Any:
    """The loop as machine code; cached on disk until its own file changes.

    Without `fastmath`, it computes in the order that is written, and knows infinity. An `inner` loop
    is called by others only, which saves some of the time to compile it.
    """
    options = {"no_cpython_wrapper": inner, "no_cfunc_wrapper": inner}
    compiler = partial(njit, nogil=True, fastmath=fastmath, error_model="numpy", **options)
    try:
        return compiler(cache=True)(loop)
    except RuntimeError:  # no writable folder for the cache: it is compiled in each process
        return compiler()(loop)


inner = partial(compiled, inner=True)


@compiled
def exp(x: float32) -> float32:
    """e ** x for -80 < x < 80, written out so that the compiler can vectorize it."""
    power = x * LOG2_E
    whole = np.floor(power)
    part = power - whole
    y = ((((C5 * part + C4) * part + C3) * part + C2) * part + C1) * part + C0
    # The whole part is the exponent in the bits of a float.
    return y * np.int32((whole + EXPONENT_BIAS) * EXPONENT_UNIT).view(np.float32)  # type: ignore[no-any-return]


def widen(x: Any) -> Any:
    """An element of a `Product` as float32. Only for compiled loops."""
    raise NotImplementedError


def narrow(x: Any, array: Product) -> Any:
    """A float32 as an element of this `Product`, rounded to nearest even. Only for compiled loops."""
    raise NotImplementedError


@overload(widen, strict=False)
def _widen(x: Any) -> Any:
    if x == types.uint16:
        return lambda x: np.uint32(np.uint32(x) << np.uint32(16)).view(np.float32)
    return lambda x: x


@overload(narrow, strict=False)
def _narrow(x: Any, array: Any) -> Any:
    if array.dtype == types.uint16:
        return _rounded
    return lambda x, array: x


def _rounded(x: Any, array: Any) -> Any:
    bits = float32(x).view(np.uint32)
    half = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return np.uint16((bits + half) >> np.uint32(16))


@compiled
def rms_norm(x: Array, y: Product, scales: Array, epsilon: float) -> None:
    """y (R, D) = x (R, D) * scales (R), which make the mean square of each row 1."""
    rows, columns = x.shape
    for i in range(rows):
        total = ZERO
        for j in range(columns):
            total += x[i, j] * x[i, j]
        scale = ONE / np.sqrt(total / float32(columns) + float32(epsilon))
        scales[i] = scale
        for j in range(columns):
            y[i, j] = narrow(x[i, j] * scale, y)


@compiled
def rms_norm_backward(grad_y: Product, y: Product, scales: Array, grad: Array) -> None:
    """Add the gradient through the norm to grad (R, D), that of the residual connection.

    A row of y keeps its length whatever x is, so the gradient along it is taken out.
    """
    rows, columns = y.shape
    for i in range(rows):
        dot = ZERO
        for j in range(columns):
            dot += widen(grad_y[i, j]) * widen(y[i, j])
        dot /= float32(columns)
        for j in range(columns):
            grad[i, j] += (widen(grad_y[i, j]) - widen(y[i, j]) * dot) * scales[i]


@compiled
def squared_relu(x: Product) -> None:
    """max(0, x)² in place of x (R, D)."""
    rows, columns = x.shape
    for i in range(rows):
        for j in range(columns):
            positive = max(widen(x[i, j]), ZERO)
            x[i, j] = narrow(positive * positive, x)


@compiled
def squared_relu_backward(grad: Product, y: Product) -> None:
    """In place of the gradient (R, D); what was squared is the root of the output y (R, D)."""
    rows, columns = y.shape
    for i in range(rows):
        for j in range(columns):
            grad[i, j] = narrow(widen(grad[i, j]) * TWO * np.sqrt(widen(y[i, j])), grad)


@compiled
def qk_norm_rope(
    qkv: Product, cos: Array, sin: Array, heads: Array, scales: Array, epsilon: float
) -> None:
    """QK-norm and RoPE: qkv (B, T, 3, H, K) to heads (3, B, H, T, K), values copied as they are.

    scales (B, T, 2, H) are those of the norms; cos and sin (T, K / 2) the rotary angles. Queries
    are also divided by the root of K, which attention asks for.
    """
    batch, time, _, n_head, head_dim = qkv.shape
    half = head_dim // 2
    for b in range(batch):
        for t in range(time):
            for h in range(n_head):
                for which in range(2):
                    x, y = qkv[b, t, which, h], heads[which, b, h, t]
                    total = ZERO
                    for j in range(head_dim):
                        total += widen(x[j]) * widen(x[j])
                    scale = ONE / np.sqrt(total / float32(head_dim) + float32(epsilon))
                    if which == 0:
                        scale /= np.sqrt(float32(head_dim))
                    scales[b, t, which, h] = scale
                    for j in range(half):
                        left, right = widen(x[j]) * scale, widen(x[j + half]) * scale
                        y[j] = left * cos[t, j] - right * sin[t, j]
                        y[j + half] = right * cos[t, j] + left * sin[t, j]
                x, y = qkv[b, t, 2, h], heads[2, b, h, t]
                for j in range(head_dim):
                    y[j] = widen(x[j])


@compiled
def qk_norm_rope_backward(
    grad_heads: Array, heads: Array, scales: Array, cos: Array, sin: Array, grad_qkv: Product
) -> None:
    """grad_heads and heads (3, B, H, T, K) to grad_qkv (B, T, 3, H, K); overwrites grad_heads.

    The gradient through the norm is that of `rms_norm_backward`, taken before the rotation is
    undone: a rotation changes neither lengths nor dot products.
    """
    batch, time, _, n_head, head_dim = grad_qkv.shape
    half = head_dim // 2
    for b in range(batch):
        for t in range(time):
            for h in range(n_head):
                for which in range(2):
                    g, y = grad_heads[which, b, h, t], heads[which, b, h, t]
                    x = grad_qkv[b, t, which, h]
                    dot = ZERO
                    for j in range(head_dim):
                        dot += g[j] * y[j]
                    if which == 1:  # a key's mean square is 1, a query's 1 / K
                        dot /= float32(head_dim)
                    scale = scales[b, t, which, h]
                    # Two short loops vectorize better than one.
                    for j in range(head_dim):
                        g[j] = (g[j] - y[j] * dot) * scale
                    for j in range(half):
                        left, right = g[j], g[j + half]
                        x[j] = narrow(left * cos[t, j] + right * sin[t, j], grad_qkv)
                        x[j + half] = narrow(right * cos[t, j] - left * sin[t, j], grad_qkv)
                g, x = grad_heads[2, b, h, t], grad_qkv[b, t, 2, h]
                for j in range(head_dim):
                    x[j] = narrow(g[j], grad_qkv)


@compiled
def merge_heads(heads: Array, rows: Product) -> None:
    """heads (B, H, T, K) to rows (B, T, H, K)."""
    batch, n_head, time, head_dim = heads.shape
    for b in range(batch):
        for t in range(time):
            for h in range(n_head):
                x, y = heads[b, h, t], rows[b, t, h]
                for j in range(head_dim):
                    y[j] = narrow(x[j], rows)


@compiled
def split_heads(rows: Product, heads: Array) -> None:
    """rows (B, T, H, K) to heads (B, H, T, K)."""
    batch, n_head, time, head_dim = heads.shape
    for b in range(batch):
        for h in range(n_head):
            for t in range(time):
                x, y = rows[b, t, h], heads[b, h, t]
                for j in range(head_dim):
                    y[j] = widen(x[j])


@compiled
def causal_softmax(scores: Array, block: int) -> None:
    """(N, T, T) in place: row t becomes probabilities over columns 0 to t, and zero after them, to
    the end of its block of rows: further columns are not written (`engine.model.causal_blocks`).

    No maximum is subtracted before the exponential: scores of normed queries and keys stay within
    the root of K, which is 46 for the widest head that a config allows.
    """
    heads, time, _ = scores.shape
    for n in range(heads):
        for t in range(time):
            row = scores[n, t]
            # Whole vectors: what is left over would be computed one by one.
            end = min(time, (t // VECTOR + 1) * VECTOR)
            total = ZERO
            for j in range(end):
                power = exp(row[j]) if j <= t else ZERO
                row[j] = power
                total += power
            factor = ONE / total
            for j in range(end):
                row[j] *= factor
            for j in range(end, min(time, (t // block + 1) * block)):
                row[j] = ZERO


@compiled
def causal_softmax_backward(grad: Array, probs: Array, block: int) -> None:
    """(N, T, T) each; the gradient of the scores replaces that of the probabilities, in the columns
    that `causal_softmax` writes."""
    heads, time, _ = probs.shape
    for n in range(heads):
        for t in range(time):
            g, p = grad[n, t], probs[n, t]
            dot = ZERO
            for j in range(t + 1):
                dot += g[j] * p[j]
            for j in range(min(time, (t // block + 1) * block)):
                g[j] = p[j] * (g[j] - dot)
