"""Matrices of float32 as whole numbers of 8 or 16 bits, as `engine.model.integer_tile` reads them.

Dimensions: the left matrix of a product is (M, K), the right one (K, N). The numbers are in groups of
32 bits, two or four that follow each other along K. `limit`, the largest number, says by its type
how many bits a number has.

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
"""In place of the largest number of zeros."""
BLOCK = 8 * ROWS
"""Rows of the left matrix that are packed at once."""
ROUNDING = float32(3 << 22)
"""Added to a smaller number, it leaves that, rounded, in the last bits of a float32."""
ALIGNED = 64
"""Bytes in a line of the cache."""

exact = partial(compiled, fastmath=False)
exact_inner = partial(exact, inner=True)


@exact_inner
def bits_of(x: float32) -> int32:
    """Of the absolute value: as whole numbers they are in the order of what they stand for, and those
    of what is not a number are the largest."""
    return float32(x).view(np.int32) & int32(0x7FFFFFFF)


@exact_inner
def update_largest(x: Array, largest: Array) -> None:
    """`largest` (D), the largest absolute values of columns, with those of x (M, D)."""
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
    """What brings this number to the limit."""
    scale: float32 = float32(limit) / (TINY if largest < TINY else float32(largest))
    return scale


@exact_inner
def scales_of(largest: Array, limit: Limit) -> Array:
    scales = np.empty_like(largest)
    for c in range(len(largest)):
        scales[c] = scale_of(largest[c], limit)
    return scales


@exact_inner
def whole(x: float32, scale: float32) -> int32:
    """x * scale, rounded, in the lower 16 bits."""
    return float32(x * scale + ROUNDING).view(np.int32)


@exact_inner
def aligned(size: int, limit: Limit) -> Any:
    """Memory for the numbers of so many groups, from a multiple of 64 bytes on."""
    memory = np.empty(4 * size + ALIGNED, np.int8)
    first = -memory.ctypes.data % ALIGNED
    return memory[first : first + 4 * size].view(type(limit))


@exact_inner
def group_of(limit: Limit) -> int:
    """Numbers in a group of 32 bits."""
    return 4 if limit == 127 else 2


@exact_inner
def flip_of(limit: Limit) -> uint32:
    """The bits of a group that are turned in a left matrix: 8-bit numbers have no sign there, and
    128 is added to each."""
    return uint32(0x80808080 if group_of(limit) == 4 else 0)


@exact_inner
def pack_rows(x: Array, flip: uint32, limit: Limit, packed: Packed, factors: Array) -> None:
    """At most BLOCK rows (K) to groups of (BLOCK, K), each row by a scale of its own, which `factors`
    undo; what is beyond K counts nothing."""
    numbers, added = packed.reshape((BLOCK, packed.size // BLOCK)), int32(flip & uint32(0xFF))
    for r in range(len(x)):
        row, out, bits = x[r], numbers[r], int32(0)
        for k in range(len(row)):
            bits = max(bits, bits_of(row[k]))
        scale = scale_of(int32(bits).view(np.float32), limit)
        factors[r] = ONE / scale
        for k in range(len(row)):
            out[k] = whole(row[k], scale) + added
        for k in range(len(row), len(out)):
            out[k] = 0


@exact_inner
def pack_columns(x: Array, first: int, scales: Array, flip: uint32, packed: Packed) -> None:
    """Columns of x (K, D) from the first on, each by its scale, to (groups, C, group) numbers; what is
    beyond x counts nothing."""
    count, columns, group = packed.shape
    groups = packed.reshape(packed.size).view(np.uint32).reshape((count, columns))
    filled, full = min(columns, x.shape[1] - first), len(x) // group
    scales = scales[first : first + filled]
    pack_groups(x, first, scales, flip, groups[:full], packed)
    for g in range(count):
        for c in range(filled if g < full else 0, columns):
            groups[g, c] = 0
    added = int32(flip & uint32(0xFF))
    for k in range(full * group, len(x)):  # the last group has fewer numbers
        for c in range(filled):
            packed[full, c, k - full * group] = whole(x[k, first + c], scales[c]) + added


def pack_groups(
    x: Array, first: int, scales: Array, flip: uint32, groups: NDArray[np.uint32], packed: Packed
) -> Any:
    """Whole groups of so many columns; `packed` says by its type of what. Only for compiled loops."""
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
            low, high = whole(row[c], scales[c]), whole(next_row[c], scales[c])
            out[c] = (uint32(low) & uint32(0xFFFF)) | (uint32(high) << uint32(16))


def _pack_quads(x: Any, first: Any, scales: Any, flip: Any, groups: Any, packed: Any) -> Any:
    end, byte = first + len(scales), uint32(0xFF)
    for g in range(len(groups)):
        row0, row1 = x[4 * g][first:end], x[4 * g + 1][first:end]
        row2, row3, out = x[4 * g + 2][first:end], x[4 * g + 3][first:end], groups[g]
        for c in range(len(scales)):
            scale = scales[c]
            out[c] = flip ^ (
                (uint32(whole(row0[c], scale)) & byte)
                | ((uint32(whole(row1[c], scale)) & byte) << uint32(8))
                | ((uint32(whole(row2[c], scale)) & byte) << uint32(16))
                | (uint32(whole(row3[c], scale)) << uint32(24))
            )


@exact_inner
def panels_of(inner: int, columns: int, limit: Limit) -> Any:
    """Memory for the numbers of a right matrix (K, N)."""
    group = group_of(limit)
    panels, groups = (columns + COLUMNS - 1) // COLUMNS, (inner + group - 1) // group
    return aligned(panels * groups * COLUMNS, limit).reshape((panels, groups, COLUMNS, group))
