"""Quantizes float32 matrices to integers of 8 or 16 bits, in the order that `engine.model.integer_tile`
reads.

Dimensions: the left matrix of a product is (M, K), the right one (K, N). The integers are in groups
of 32 bits, two or four consecutive ones along K. The type of `limit`, the largest integer, says how
many bits one has.

Numba's cache does not see a change of this file: `engine.model.integer_products` has to change, too.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import overload
from numpy import float32, int32, uint32
from numpy.typing import NDArray

from engine.model.integer_tile import COLUMNS, ROWS
from engine.model.kernels import ONE, Array, compiled

Limit = np.int8 | np.int16
Packed = NDArray[np.int8] | NDArray[np.int16]

LIMITS = {16: np.int16(5792), 8: np.int8(127)}
"""By the number of bits."""
TINY = float32(1e-30)
"""In place of the absolute maximum of zeros."""
BLOCK = 8 * ROWS
"""Rows of the left matrix that are packed at once."""
ROUNDING = float32(3 << 22)
"""Added to a smaller number, it leaves that number, rounded, in the last bits of a float32."""
ALIGNED = 64
"""Bytes in a line of the cache."""

exact = partial(compiled, fastmath=False)
exact_inner = partial(exact, inner=True)


@exact_inner
def bits_of(x: float32) -> int32:
    """Of the absolute value: compared as integers they have the order of the floats, with NaN last."""
    return float32(x).view(np.int32) & int32(0x7FFFFFFF)


@exact_inner
def update_largest(x: Array, largest: Array) -> None:
    """Update `largest` (D), the absolute maxima of columns, with those of x (M, D)."""
    bits, fours = largest.view(np.int32), len(x) // 4 * 4
    for row in range(0, fours, 4):
        first, second, third, last = x[row], x[row + 1], x[row + 2], x[row + 3]
        for c in range(len(bits)):
            a, b = max(bits_of(first[c]), bits_of(second[c])), bits_of(third[c])
            bits[c] = max(max(bits[c], bits_of(last[c])), max(a, b))
    for row in range(fours, len(x)):
        for c in range(len(bits)):
            bits[c] = max(bits[c], bits_of(x[row][c]))


@exact_inner
def scale_of(largest: float32, limit: Limit) -> float32:
    """The factor that maps this absolute maximum to the limit."""
    scale: float32 = float32(limit) / (TINY if largest < TINY else float32(largest))
    return scale


@exact_inner
def scales_of(largest: Array, limit: Limit) -> Array:
    scales = np.empty_like(largest)
    for c in range(len(largest)):
        scales[c] = scale_of(largest[c], limit)
    return scales


@exact_inner
def quantized(x: float32, scale: float32) -> int32:
    """x * scale, rounded, in the lower 16 bits."""
    return float32(x * scale + ROUNDING).view(np.int32)


@exact_inner
def aligned(size: int, limit: Limit) -> Any:
    """Memory for this number of groups, aligned to 64 bytes."""
    memory = np.empty(4 * size + ALIGNED, np.int8)
    first = -memory.ctypes.data % ALIGNED
    return memory[first : first + 4 * size].view(type(limit))


def group_of(limit: Limit) -> int:
    """Integers in a group of 32 bits, by the type of the limit. Only for compiled loops."""
    raise NotImplementedError


@overload(group_of, strict=False)
def _group_of(limit: Any) -> Callable[..., int]:
    group = 32 // limit.bitwidth
    return lambda limit: group


@exact_inner
def flip_of(limit: Limit) -> uint32:
    """The bits of a group that are flipped in a left matrix, whose 8-bit integers are unsigned: 128 is
    added to each."""
    return uint32(0x80808080 if group_of(limit) == 4 else 0)


@exact_inner
def pack_rows(x: Array, flip: uint32, limit: Limit, packed: Packed, factors: Array) -> None:
    """Quantize at most BLOCK rows (K), each by its own scale, to groups of (BLOCK, K), padded beyond K.
    `factors` become the inverse scales."""
    numbers, added = packed.reshape((BLOCK, packed.size // BLOCK)), int32(flip & uint32(0xFF))
    for r in range(len(x)):
        row, out, bits = x[r], numbers[r], int32(0)
        for k in range(len(row)):
            bits = max(bits, bits_of(row[k]))
        scale = scale_of(int32(bits).view(np.float32), limit)
        factors[r] = ONE / scale
        for k in range(len(row)):
            out[k] = quantized(row[k], scale) + added
        for k in range(len(row), len(out)):
            out[k] = 0


@exact_inner
def pack_columns(x: Array, first: int, scales: Array, flip: uint32, packed: Packed) -> None:
    """Quantize C columns of x (K, D) from the first on, each by its scale, to (groups, C, group), padded
    beyond x."""
    count, columns, group = packed.shape
    groups = packed.reshape(packed.size).view(np.uint32).reshape((count, columns))
    filled, full = min(columns, x.shape[1] - first), len(x) // group
    scales = scales[first : first + filled]
    pack_groups(x, first, scales, flip, groups[:full], packed)
    for g in range(count):
        for c in range(filled if g < full else 0, columns):
            groups[g, c] = 0
    added = int32(flip & uint32(0xFF))
    for k in range(full * group, len(x)):  # the last group is not full
        for c in range(filled):
            packed[full, c, k - full * group] = quantized(x[k, first + c], scales[c]) + added


def pack_groups(
    x: Array, first: int, scales: Array, flip: uint32, groups: NDArray[np.uint32], packed: Packed
) -> Any:
    """Quantize columns to full groups, of integers of the type of `packed`. Only for compiled loops."""
    raise NotImplementedError


@overload(pack_groups, jit_options={"fastmath": False, "nogil": True})
def _pack_groups(
    x: Any, first: Any, scales: Any, flip: Any, groups: Any, packed: Any
) -> Callable[..., Any]:
    return _pack_pairs if packed.dtype == types.int16 else _pack_quads


def _pack_pairs(x: Any, first: Any, scales: Any, flip: Any, groups: Any, packed: Any) -> Any:
    end = first + len(scales)
    for g in range(len(groups)):
        row, next_row, out = x[2 * g][first:end], x[2 * g + 1][first:end], groups[g]
        for c in range(len(scales)):
            low, high = quantized(row[c], scales[c]), quantized(next_row[c], scales[c])
            out[c] = (uint32(low) & uint32(0xFFFF)) | (uint32(high) << uint32(16))


def _pack_quads(x: Any, first: Any, scales: Any, flip: Any, groups: Any, packed: Any) -> Any:
    end, byte = first + len(scales), uint32(0xFF)
    for g in range(len(groups)):
        row0, row1 = x[4 * g][first:end], x[4 * g + 1][first:end]
        row2, row3, out = x[4 * g + 2][first:end], x[4 * g + 3][first:end], groups[g]
        for c in range(len(scales)):
            scale = scales[c]
            out[c] = flip ^ (
                (uint32(quantized(row0[c], scale)) & byte)
                | ((uint32(quantized(row1[c], scale)) & byte) << uint32(8))
                | ((uint32(quantized(row2[c], scale)) & byte) << uint32(16))
                | (uint32(quantized(row3[c], scale)) << uint32(24))
            )


@exact_inner
def panels_of(inner: int, columns: int, limit: Limit) -> Any:
    """Memory for a packed right matrix (K, N)."""
    group = group_of(limit)
    panels, groups = (columns + COLUMNS - 1) // COLUMNS, (inner + group - 1) // group
    return aligned(panels * groups * COLUMNS, limit).reshape((panels, groups, COLUMNS, group))
