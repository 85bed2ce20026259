"""The passes between two matrix products, each in one sweep over memory, for a processor.

torch takes five to ten sweeps for some of these, and a step on a processor spends more time on
moving numbers than on multiplying them. Numba compiles the loops below for the machine they run
on, once, and keeps the result on disk. They release the GIL: each thread of a step runs its own.

Arrays are C-contiguous float32. Dimensions: R rows, D columns, B batch, T time, H heads, K width
of a head, N = B * H. A backward pass takes the gradient of the output and writes that of the
input; `engine.model.fused` calls them.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import njit
from numpy import float32
from numpy.typing import NDArray

Array = NDArray[np.float32]

NORM_EPSILON = 1e-5

EPSILON, ZERO, ONE, TWO = float32(NORM_EPSILON), float32(0), float32(1), float32(2)
LOG2_E = float32(math.log2(math.e))
EXPONENT_BIAS, EXPONENT_UNIT = float32(127), float32(1 << 23)
# 2 ** x for 0 <= x < 1 to 1.6e-7 of its value: least squares on Chebyshev nodes, reweighted.
C0, C1, C2, C3, C4, C5 = (
    float32(c)
    for c in (0.9999999251, 0.6931530731, 0.2401536176, 0.0558263166, 0.0089893419, 0.0018775760)
)


def compiled(loop: Callable[..., Any]) -> Any:
    """The loop as machine code; kept on disk until its own file changes."""
    compiler = partial(njit, nogil=True, fastmath=True, error_model="numpy")
    try:
        return compiler(cache=True)(loop)
    except RuntimeError:  # no folder that can be written to: it is compiled anew each time
        return compiler()(loop)


@compiled
def exp(x: float32) -> float32:
    """e ** x for -80 < x < 80, written out so that the compiler can take many at once."""
    power = x * LOG2_E
    whole = np.floor(power)
    part = power - whole
    y = ((((C5 * part + C4) * part + C3) * part + C2) * part + C1) * part + C0
    # The whole part is the exponent in the bits of a float.
    return y * np.int32((whole + EXPONENT_BIAS) * EXPONENT_UNIT).view(np.float32)  # type: ignore[no-any-return]


@compiled
def rms_norm(x: Array, y: Array, scales: Array) -> None:
    """y (R, D) = x (R, D) * scales (R), which make the mean square of each row 1."""
    rows, columns = x.shape
    for i in range(rows):
        total = ZERO
        for j in range(columns):
            total += x[i, j] * x[i, j]
        scale = ONE / np.sqrt(total / float32(columns) + EPSILON)
        scales[i] = scale
        for j in range(columns):
            y[i, j] = x[i, j] * scale


@compiled
def rms_norm_backward(gradient: Array, y: Array, scales: Array, out: Array) -> None:
    """Adds to out: a row's length cannot change, so the gradient along it is taken away."""
    rows, columns = y.shape
    for i in range(rows):
        along = ZERO
        for j in range(columns):
            along += gradient[i, j] * y[i, j]
        along /= float32(columns)
        for j in range(columns):
            out[i, j] += (gradient[i, j] - y[i, j] * along) * scales[i]


@compiled
def squared_relu(x: Array) -> None:
    """max(0, x)² in place of x (R, D)."""
    rows, columns = x.shape
    for i in range(rows):
        for j in range(columns):
            positive = max(x[i, j], ZERO)
            x[i, j] = positive * positive


@compiled
def squared_relu_backward(gradient: Array, y: Array) -> None:
    """In place of the gradient, (R, D) each; what was squared is the root of the output y."""
    rows, columns = y.shape
    for i in range(rows):
        for j in range(columns):
            gradient[i, j] *= TWO * np.sqrt(y[i, j])


@compiled
def split_heads(qkv: Array, cos: Array, sin: Array, qkv_heads: Array, scales: Array) -> None:
    """qkv (B, T, 3, H, K) to qkv_heads (3, B, H, T, K).

    Queries and keys are normed (scales (B, T, 2, H)) and turned by the angles of their positions
    (cos, sin (T, K / 2)); queries are also divided by the root of K, which attention asks for.
    """
    batch, time, _, heads, width = qkv.shape
    half = width // 2
    for b in range(batch):
        for t in range(time):
            for h in range(heads):
                for which in range(2):
                    x, y = qkv[b, t, which, h], qkv_heads[which, b, h, t]
                    total = ZERO
                    for j in range(width):
                        total += x[j] * x[j]
                    scale = ONE / np.sqrt(total / float32(width) + EPSILON)
                    if which == 0:
                        scale /= np.sqrt(float32(width))
                    scales[b, t, which, h] = scale
                    for j in range(half):
                        left, right = x[j] * scale, x[j + half] * scale
                        y[j] = left * cos[t, j] - right * sin[t, j]
                        y[j + half] = right * cos[t, j] + left * sin[t, j]
                x, y = qkv[b, t, 2, h], qkv_heads[2, b, h, t]
                for j in range(width):
                    y[j] = x[j]


@compiled
def split_heads_backward(
    gradient: Array, qkv_heads: Array, scales: Array, cos: Array, sin: Array, out: Array
) -> None:
    """gradient and qkv_heads (3, B, H, T, K) to out (B, T, 3, H, K): as in `rms_norm_backward`,
    then turned back (a turn changes no length and no product)."""
    batch, time, _, heads, width = out.shape
    half = width // 2
    for b in range(batch):
        for t in range(time):
            for h in range(heads):
                for which in range(2):
                    g, y, x = (
                        gradient[which, b, h, t],
                        qkv_heads[which, b, h, t],
                        out[b, t, which, h],
                    )
                    along = ZERO
                    for j in range(width):
                        along += g[j] * y[j]
                    if which == 1:  # a key's mean square is 1, a query's 1 / K
                        along /= float32(width)
                    scale = scales[b, t, which, h]
                    for j in range(width):
                        x[j] = (g[j] - y[j] * along) * scale
                    for j in range(half):
                        left, right = x[j], x[j + half]
                        x[j] = left * cos[t, j] + right * sin[t, j]
                        x[j + half] = right * cos[t, j] - left * sin[t, j]
                g, x = gradient[2, b, h, t], out[b, t, 2, h]
                for j in range(width):
                    x[j] = g[j]


@compiled
def causal_softmax(scores: Array) -> None:
    """(N, T, T) in place: row t becomes chances over columns 0 to t, and zero after them.

    No score is taken off before the powers: those of normed queries and keys stay within the
    root of K, which is 46 for the widest head that a config allows.
    """
    heads, time, _ = scores.shape
    for n in range(heads):
        for t in range(time):
            row = scores[n, t]
            total = ZERO
            for j in range(t + 1):
                power = exp(row[j])
                row[j] = power
                total += power
            share = ONE / total
            for j in range(t + 1):
                row[j] *= share
            for j in range(t + 1, time):
                row[j] = ZERO


@compiled
def causal_softmax_backward(gradient: Array, chances: Array) -> None:
    """(N, T, T) each; the gradient of the scores takes the place of that of the chances."""
    heads, time, _ = chances.shape
    for n in range(heads):
        for t in range(time):
            g, p = gradient[n, t], chances[n, t]
            along = ZERO
            for j in range(t + 1):
                along += g[j] * p[j]
            for j in range(time):
                g[j] = p[j] * (g[j] - along)
