"""Integer matrix products for an x86 CPU: with 16 bits 1.2 to 1.5 times as fast as in float32, and 1.4
to 1.8 times without AVX-512; with 8 bits twice as fast.

Both matrices are quantized to integers from -`limit` to `limit`, each row of the left one and each
column of the right one by its own scale. Their rounding is the only error but that of float32: for
normally distributed values 0.02% of a result with 16 bits and 1% with 8 bits (bfloat16: 0.2%).

Dimensions and the packed order are those of `engine.model.integer_packing`.
"""

from typing import Any

import numpy as np
from numpy import uint32
from numpy.typing import NDArray

from engine.model.integer_packing import (
    BLOCK,
    Limit,
    Packed,
    aligned,
    exact,
    exact_inner,
    flip_of,
    group_of,
    pack_columns,
    pack_rows,
    panels_of,
    scales_of,
    update_largest,
)
from engine.model.integer_tile import COLUMNS, ROWS, multiply_tile
from engine.model.kernels import (
    ONE,
    ZERO,
    Array,
    squared_relu,
    squared_relu_backward,
)

LONGEST = 1 << 17
"""The largest K: 8-bit products of so many integers do not overflow int32."""
Right = tuple[Packed, NDArray[np.int32], Array]
"""A packed right matrix: its integers (N / COLUMNS, groups, COLUMNS, group), the initial sums of products
with them (N / COLUMNS, COLUMNS), and the inverse scales (N)."""


@exact_inner
def right_by_rows(right: Array, limit: Limit) -> Right:
    """The right matrix from its transposed one, (N, K)."""
    columns, inner = right.shape
    packed = panels_of(inner, columns, limit)
    panels, groups, _, _ = packed.shape
    numbers = packed.reshape(packed.size).view(np.uint32).reshape((panels, groups, COLUMNS))
    block, factors = aligned(BLOCK * groups, limit), np.empty(columns, np.float32)
    rows = block.view(np.uint32).reshape((BLOCK, groups))
    rows[:] = 0
    for panel in range(panels):
        first, last = panel * COLUMNS, (panel + 1) * COLUMNS
        pack_rows(right[first:last], uint32(0), limit, block, factors[first:last])
        for c in range(COLUMNS):
            for g in range(groups):
                numbers[panel, g, c] = rows[c, g]
    return packed, initial_sums(packed, limit), factors


@exact_inner
def right_by_columns(right: Array, largest: Array, limit: Limit) -> Right:
    """The right matrix (K, N), with the absolute maxima of its columns (N)."""
    inner, columns = right.shape
    packed, scales = panels_of(inner, columns, limit), scales_of(largest, limit)
    for panel in range(len(packed)):
        pack_columns(right, panel * COLUMNS, scales, uint32(0), packed[panel])
    return packed, initial_sums(packed, limit), ONE / scales


@exact_inner
def right_of(right: Array, transposed: bool, limit: Limit) -> Any:
    if transposed:
        return right_by_rows(right, limit)
    largest = np.zeros(right.shape[1], np.float32)
    update_largest(right, largest)
    return right_by_columns(right, largest, limit)


@exact_inner
def initial_sums(right: Packed, limit: Limit) -> Any:
    """(panels, COLUMNS): minus what 128, added to each 8-bit integer of the left matrix, adds to
    products. These are exact in float32 up to a sum of 2^31, being multiples of 128."""
    panels, groups, _, _ = right.shape
    initial = aligned(panels * COLUMNS, limit).view(np.int32).reshape((panels, COLUMNS))
    initial[:] = 0
    if group_of(limit) == 2:
        return initial
    added, sums = aligned(1, limit), block_of_sums(limit)
    added.view(np.uint32)[:] = flip_of(limit)
    for panel in range(panels):
        at, right_at = initial[panel].ctypes.data, right[panel].ctypes.data
        multiply_tile(limit, added.ctypes.data, 0, 0, right_at, groups, at, sums.ctypes.data, 0)
        for c in range(COLUMNS):
            initial[panel, c] = -sums[0, c]
    return initial


@exact_inner
def block_of_sums(limit: Limit) -> Any:
    """Memory for (BLOCK, COLUMNS) in float32."""
    return aligned(BLOCK * COLUMNS, limit).view(np.float32).reshape((BLOCK, COLUMNS))


@exact_inner
def chunk_of(limit: Limit) -> int:
    """Groups whose products are accumulated in int32 before float32: 64 products of 5792² are just below
    2^31, and so are LONGEST products of 8-bit integers."""
    return 32 if group_of(limit) == 2 else LONGEST // 4


@exact_inner
def multiply_block(
    left: Packed,
    steps: tuple[int, int],
    right: Right,
    factors: Array,
    out: Array,
    add: bool,
    limit: Limit,
) -> None:
    """`out` (at most BLOCK, N) becomes the product of a packed block of the left matrix, in which rows
    and groups are so many bytes apart, and a right one, each row times its factor; with `add` that is
    added to it."""
    packed, initial, of_columns = right
    groups, (row_step, step) = packed.shape[1], steps
    chunk, sums = chunk_of(limit), block_of_sums(limit)
    left_at, right_at, sums_at = left.ctypes.data, packed.ctypes.data, sums.ctypes.data
    for panel in range(len(packed)):
        for g in range(0, groups, chunk):
            for row in range(0, len(out), ROWS):
                multiply_tile(
                    limit,
                    left_at + row * row_step + g * step,
                    row_step,
                    step,
                    right_at + 4 * COLUMNS * (panel * groups + g),
                    min(chunk, groups - g),
                    initial.ctypes.data + 4 * COLUMNS * panel,
                    sums_at + 4 * COLUMNS * row,
                    g,
                )
        first = panel * COLUMNS
        of_panel = of_columns[first : first + COLUMNS]
        for row in range(len(out)):
            summed, factor = sums[row], factors[row]
            result = out[row][first : first + COLUMNS]
            if add:
                for c in range(len(result)):
                    result[c] += summed[c] * (factor * of_panel[c])
            else:
                for c in range(len(result)):
                    result[c] = summed[c] * (factor * of_panel[c])


@exact
def multiply(
    limit: Limit,
    left: Array,
    right: Array,
    transposed: bool,
    out: Array,
    add: bool,
    largest: Array,
) -> None:
    """out (M, N) = left @ right, or with `add` added to it. The right matrix is (K, N), or (N, K) if it
    is `transposed`. `largest` (K) becomes the absolute maximum of each column of the left
    matrix."""
    prepared = right_of(right, transposed, limit)
    groups, flip = prepared[0].shape[1], flip_of(limit)
    block, factors = aligned(BLOCK * groups, limit), np.empty(BLOCK, np.float32)
    largest[:] = ZERO
    for first in range(0, len(out), BLOCK):
        last = first + BLOCK
        pack_rows(left[first:last], flip, limit, block, factors)
        update_largest(left[first:last], largest)
        multiply_block(block, (4 * groups, 4), prepared, factors, out[first:last], add, limit)


@exact
def multiply_columns(
    limit: Limit, left: Array, right: Array, largest: tuple[Array, Array], out: Array
) -> None:
    """out (M, N) = left.T @ right, of (K, M) and (K, N), with the absolute maxima of the columns of each,
    (M) and (N), or somewhat more."""
    prepared, scales = right_by_columns(right, largest[1], limit), scales_of(largest[0], limit)
    groups = prepared[0].shape[1]
    block, group = aligned(BLOCK * groups, limit), group_of(limit)
    for first in range(0, len(out), BLOCK):
        last = first + BLOCK
        packed = block.reshape((groups, BLOCK, group))
        pack_columns(left, first, scales, flip_of(limit), packed)
        factors = ONE / scales[first:last]
        multiply_block(block, (4, 4 * BLOCK), prepared, factors, out[first:last], False, limit)


@exact
def multiply_twice(
    limit: Limit,
    left: Array,
    right: Array,
    middle: Array,
    hidden: Array,
    last_right: Array,
    out: Array,
    forward: bool,
    add: bool,
    largest: tuple[Array, Array],
) -> None:
    """An MLP, `forward`, or the gradients of its inputs: middle (M, E) = left (M, D) @ right, then
    max(0, middle)² or its gradient, for which `hidden` is what was the middle in the forward pass;
    then out (M, D) = middle @ last_right, or with `add` added to it. `forward`, both right matrices
    are transposed.

    A block of rows goes through both products while it is in the cache. `largest` becomes the absolute
    maxima of the columns of `left` and `middle`.
    """
    prepared, last_prepared = right_of(right, forward, limit), right_of(last_right, forward, limit)
    groups, wide_groups = prepared[0].shape[1], last_prepared[0].shape[1]
    block, wide_block = aligned(BLOCK * groups, limit), aligned(BLOCK * wide_groups, limit)
    factors, (of_left, of_middle) = np.empty(BLOCK, np.float32), largest
    of_left[:] = of_middle[:] = ZERO
    flip = flip_of(limit)
    for first in range(0, len(left), BLOCK):
        last = first + BLOCK
        in_middle = middle[first:last]
        pack_rows(left[first:last], flip, limit, block, factors)
        update_largest(left[first:last], of_left)
        multiply_block(block, (4 * groups, 4), prepared, factors, in_middle, False, limit)
        if forward:
            squared_relu(in_middle)
        else:
            squared_relu_backward(in_middle, hidden[first:last])
        pack_rows(in_middle, flip, limit, wide_block, factors)
        update_largest(in_middle, of_middle)
        steps = 4 * wide_groups, 4
        multiply_block(wide_block, steps, last_prepared, factors, out[first:last], add, limit)
