"""The likeliest ids, as a compiled loop: no more of them are sorted than are asked for."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from engine.model.kernels import Array, compiled

Ids = NDArray[np.int64]

exactly = partial(compiled, fastmath=False)


@exactly
def likeliest(
    logits: Array,
    temperature: float,
    top_k: int,
    top_p: float,
    ids: Ids,
    cumulative: NDArray[np.float64],
) -> int:
    """How many ids may come next by (V,) logits; they and their cumulative probabilities, up to a
    factor, replace the first of `ids` and `cumulative`, (V,) each. `top_k` is at least 1."""
    size = len(logits)
    heap = np.empty(size, np.int64)  # the likeliest id is the first
    for i in range(size):
        heap[i] = i
    for i in range(size // 2 - 1, -1, -1):
        sift(heap, size, i, logits)
    highest = np.float64(logits[heap[0]])  # float32 would round a tiny temperature to zero
    enough = np.inf
    if top_p < 1 and top_k >= size:
        enough = 0.0
        for i in range(size):
            enough += np.exp((logits[i] - highest) / temperature)
        enough *= top_p
    total, count = 0.0, 0
    while count < min(top_k, size) and (count == 0 or total < enough):
        id_ = heap[0]
        total += np.exp((logits[id_] - highest) / temperature)
        ids[count], cumulative[count] = id_, total
        count += 1
        heap[0] = heap[size - count]
        sift(heap, size - count, 0, logits)
    if top_p < 1 and top_k < size:
        count = 1
        while cumulative[count - 1] < top_p * total:
            count += 1
    return count


@partial(exactly, inner=True)
def sift(heap: Ids, size: int, i: int, logits: Array) -> None:
    """Move the id at `i` down, among the first `size`, to where those below are less likely."""
    id_ = heap[i]
    while 2 * i + 1 < size:
        below = 2 * i + 1
        if below + 1 < size and likelier(heap[below + 1], heap[below], logits):
            below += 1
        if likelier(id_, heap[below], logits):
            break
        heap[i] = heap[below]
        i = below
    heap[i] = id_


@partial(exactly, inner=True)
def likelier(a: int, b: int, logits: Array) -> bool:
    """Of equal logits, the lower id counts as likelier."""
    return logits[a] > logits[b] or (logits[a] == logits[b] and a < b)
