"""Matrix products of whole numbers, for an x86 CPU: 1.1 to 1.4 times as fast as those of float32, and
1.4 to 1.8 times where it has no AVX-512.

Both matrices are scaled so that their numbers become whole ones from -5,792 to 5,792: the right one
by one factor, the left one by a factor for each row, or by one where it is transposed. The products
of up to 64 such numbers add up without any rounding, and these sums are added in float32.
Rounding to whole numbers is the only other error, 0.03% of a result where numbers are normally
distributed; it is 0.2% for bfloat16.

Dimensions: the left matrix is (M, K), the right one (K, N). Packed, the numbers of a matrix are
16-bit pairs, two that follow each other along K, as `engine.model.integer_tile` reads them.
"""

from functools import partial

import numpy as np
from numpy import float32, int16, int32, uint32
from numpy.typing import NDArray

from engine.model.integer_tile import COLUMNS, ROWS, add_tile
from engine.model.kernels import (
    ONE,
    ZERO,
    Array,
    compiled,
    squared_relu,
    squared_relu_backward,
)

Packed = NDArray[np.uint32]

CHUNK = 64
"""Products that are added up as whole numbers."""
LARGEST = float32(5792)
"""Its square times `CHUNK` is just below 2^31."""
TINY = float32(1e-30)
"""In place of the largest number of a matrix of zeros."""
BLOCK = 8 * ROWS
"""Rows of the left matrix that are packed at once."""
ROUNDING = float32(3 << 22)
"""Added to a smaller number, it leaves that, rounded, in the last bits of a float32."""
ALIGNED = 16
"""32-bit numbers in 64 bytes, a line of the cache."""

exact = partial(compiled, fastmath=False)
exact_inner = partial(exact, inner=True)


@exact_inner
def largest_in(x: Array) -> float32:
    """The largest absolute value; not a number where one of them is not."""
    bits = int32(0)
    for i in range(len(x)):
        bits = max(bits, int32(float32(x[i]).view(np.int32) & int32(0x7FFFFFFF)))
    return int32(bits).view(np.float32)  # as numbers they are in the order of their bits


@exact_inner
def larger(x: float32, y: float32) -> float32:
    """The larger one; not a number if one of them is not."""
    return x if x > y or x != x else y


@exact_inner
def whole(x: float32, scale: float32) -> int32:
    """x * scale, rounded, in the lower 16 bits."""
    return float32(x * scale + ROUNDING).view(np.int32)


@exact_inner
def pair(x: float32, y: float32, scale: float32) -> uint32:
    """Both numbers as a pair."""
    lower = uint32(whole(x, scale)) & uint32(0xFFFF)
    return lower | (uint32(whole(y, scale)) << uint32(16))


@exact_inner
def aligned(size: int) -> Packed:
    """Memory for so many 32-bit numbers, from a multiple of 64 bytes on."""
    memory = np.empty(size + ALIGNED, np.uint32)
    first = (-memory.ctypes.data // 4) % ALIGNED
    return memory[first : first + size]


@exact_inner
def pack_pairs(x: Array, first: int, scale: float32, packed: Packed) -> None:
    """Columns of x (K, D) from the first on to (K / 2, C) pairs; what is beyond x is zero."""
    columns = min(packed.shape[1], x.shape[1] - first)
    zeros = np.zeros(columns, np.float32)
    for k in range(len(packed)):
        row = x[2 * k][first : first + columns]
        next_row = x[2 * k + 1][first : first + columns] if 2 * k + 1 < len(x) else zeros
        for c in range(columns):
            packed[k, c] = pair(row[c], next_row[c], scale)
        for c in range(columns, packed.shape[1]):
            packed[k, c] = 0


@exact_inner
def pack_row(x: Array, scale: float32, packed: NDArray[np.int16]) -> None:
    """x (K) to (K / 2) pairs; what is beyond x is zero."""
    for k in range(len(x)):
        packed[k] = int16(whole(x[k], scale))
    for k in range(len(x), len(packed)):
        packed[k] = 0


@exact_inner
def multiply_block(
    left: Packed, by_row: bool, right: Packed, factors: Array, out: Array, first_row: int, add: bool
) -> None:
    """BLOCK rows of `out` (M, N) become the product of a packed block of the left matrix, the memory of
    (BLOCK, K / 2) if it is `by_row` or else of (K / 2, BLOCK), and the packed right one, each row
    times its factor; with `add` that is added to them."""
    rows = min(BLOCK, len(out) - first_row)
    panels, pairs, _ = right.shape
    row_step, pair_step = (4 * pairs, 4) if by_row else (4, 4 * BLOCK)
    left_at, right_at = left.ctypes.data, right.ctypes.data
    sums = aligned(BLOCK * COLUMNS).view(np.float32).reshape((BLOCK, COLUMNS))
    for panel in range(panels):
        sums[:] = ZERO
        for k in range(0, pairs, CHUNK // 2):
            for row in range(0, rows, ROWS):
                add_tile(
                    left_at + row * row_step + k * pair_step,
                    row_step,
                    pair_step,
                    right_at + 4 * COLUMNS * (panel * pairs + k),
                    sums.ctypes.data + 4 * COLUMNS * row,
                    min(CHUNK // 2, pairs - k),
                )
        for row in range(rows):
            summed, factor = sums[row], factors[row]
            result = out[first_row + row][panel * COLUMNS : (panel + 1) * COLUMNS]
            if add:
                for c in range(len(result)):
                    result[c] += summed[c] * factor
            else:
                for c in range(len(result)):
                    result[c] = summed[c] * factor


@exact_inner
def scale_of(largest: float32) -> float32:
    """What brings this number to `LARGEST`."""
    scale: float32 = LARGEST / larger(float32(largest), TINY)
    return scale


@exact_inner
def packed_right(right: Array, transposed: bool, largest: float32) -> tuple[Packed, float32]:
    """The right matrix, (K, N), or (N, K) if it is `transposed`, as (N / COLUMNS, K / 2, COLUMNS)
    pairs, and its scale. `largest`: its largest absolute value, or 0 if that is not known."""
    if largest == ZERO:
        largest = largest_in(right.ravel())
    scale = scale_of(largest)
    inner, columns = right.shape[::-1] if transposed else right.shape
    pairs, panels = (inner + 1) // 2, (columns + COLUMNS - 1) // COLUMNS
    packed = aligned(panels * pairs * COLUMNS).reshape((panels, pairs, COLUMNS))
    row = np.zeros(pairs, np.uint32)
    for panel in range(panels):
        first = panel * COLUMNS
        if not transposed:
            pack_pairs(right, first, scale, packed[panel])
            continue
        for c in range(COLUMNS):
            if first + c < columns:
                pack_row(right[first + c], scale, row.view(np.int16))
            else:
                row[:] = 0
            for k in range(pairs):
                packed[panel, k, c] = row[k]
    return packed, scale


@exact_inner
def pack_rows(
    left: Array, first: int, right_scale: float32, packed: Packed, factors: Array
) -> float32:
    """A block of the left matrix (M, K), from the first row on, to (BLOCK, K / 2) pairs, each row by a
    scale of its own; `factors` undo that and the scale of the right matrix. The largest absolute
    value is returned."""
    numbers = packed.view(np.int16).reshape((BLOCK, 2 * len(packed) // BLOCK))
    largest = ZERO
    for row in range(min(BLOCK, len(left) - first)):
        in_row = largest_in(left[first + row])
        largest = larger(in_row, largest)
        scale = scale_of(in_row)
        pack_row(left[first + row], scale, numbers[row])
        factors[row] = ONE / scale / right_scale
    return largest


@exact
def multiply(
    left: Array,
    left_transposed: bool,
    right: Array,
    right_transposed: bool,
    largest: tuple[float32, float32],
    out: Array,
    add: bool,
) -> float32:
    """out (M, N) = left @ right, or with `add` added to it. The left matrix is (M, K), or (K, M) if it
    is transposed, the right one (K, N) or (N, K).

    `largest`: the largest absolute value of each, or somewhat more; of the right one 0 if it is not
    known. Of the left one it is returned, and has to be known only if that is transposed: else
    each row has a scale of its own.
    """
    packed, right_scale = packed_right(right, right_transposed, float32(largest[1]))
    of_left = float32(largest[0])
    scale = scale_of(of_left)
    pairs = packed.shape[1]
    block, factors = aligned(BLOCK * pairs), np.full(BLOCK, ONE / scale / right_scale, np.float32)
    for first in range(0, len(out), BLOCK):
        if left_transposed:
            pack_pairs(left, first, scale, block.reshape((pairs, BLOCK)))
        else:
            of_left = larger(pack_rows(left, first, right_scale, block, factors), of_left)
        multiply_block(block, not left_transposed, packed, factors, out, first, add)
    return of_left


@exact
def multiply_twice(
    left: Array,
    right: Array,
    middle: Array,
    hidden: Array,
    last_right: Array,
    out: Array,
    forward: bool,
    add: bool,
) -> tuple[float32, float32]:
    """An MLP, `forward`, or the gradients of its inputs: middle (M, E) = left (M, D) @ right, then
    max(0, middle)² or its gradient, for which `hidden` is what was the middle in the forward pass;
    then out (M, D) = middle @ last_right, or with `add` added to it. `forward`, both right matrices
    are transposed.

    A block of rows goes through both products while it is in the cache. The largest absolute values
    of `left` and `middle` are returned.
    """
    packed, scale = packed_right(right, forward, ZERO)
    last_packed, last_scale = packed_right(last_right, forward, ZERO)
    block, wide_block = aligned(BLOCK * packed.shape[1]), aligned(BLOCK * last_packed.shape[1])
    factors, of_left, of_middle = np.empty(BLOCK, np.float32), ZERO, ZERO
    for first in range(0, len(left), BLOCK):
        of_left = larger(pack_rows(left, first, scale, block, factors), of_left)
        multiply_block(block, True, packed, factors, middle, first, False)
        last = first + BLOCK
        if forward:
            squared_relu(middle[first:last])
        else:
            squared_relu_backward(middle[first:last], hidden[first:last])
        of_middle = larger(pack_rows(middle, first, last_scale, wide_block, factors), of_middle)
        multiply_block(wide_block, True, last_packed, factors, out, first, add)
    return of_left, of_middle
