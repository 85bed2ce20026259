"""The compiled loops of the decoder, for one character in one thread.

Dimensions: D embedding width, H heads, K head width, V vocabulary, C context length, L layers.
"""

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from engine.model.kernels import ONE, ZERO, Array, compiled, exp, inner


@compiled
def read(
    id_: int,
    position: int,
    embedding: Array,
    qkv_weight: Array,
    attention_output: Array,
    up: Array,
    mlp_output: Array,
    head: Array,
    inv_freq: NDArray[np.float64],
    keys: Array,
    values: Array,
    logits: Array,
    epsilon: float,
) -> None:
    """One character, from its id to the logits of the next; its keys and values join the cache.

    keys (L, H, K, C), values (L, H, C, K), each so that the innermost loop runs along memory.
    Weights are (L, outputs, inputs), but `mlp_output` (L, inputs, outputs).
    """
    layers, n_head, head_dim, context = keys.shape
    slot, visible = position % context, min(position + 1, context)
    half, width = head_dim // 2, n_head * head_dim
    cos, sin = np.empty(half, np.float32), np.empty(half, np.float32)
    for j in range(half):
        cos[j] = np.cos(position * inv_freq[j])
        sin[j] = np.sin(position * inv_freq[j])
    x, y = embedding[id_].copy(), np.empty(width, np.float32)
    qkv, hidden = np.empty(3 * width, np.float32), np.empty(4 * width, np.float32)
    probs, chosen = np.empty(visible, np.float32), np.empty(4 * width, np.intp)
    for layer in range(layers):
        # The attention sublayer.
        rms_norm(x, y, epsilon)
        multiply(qkv_weight[layer], y, qkv)
        for h in range(n_head):
            first, last = h * head_dim, (h + 1) * head_dim
            query, key = qkv[first:last], qkv[width + first : width + last]
            value = qkv[2 * width + first : 2 * width + last]
            for part in (query, key):
                rms_norm(part, part, epsilon)
                apply_rope(part, cos, sin)
            for j in range(head_dim):
                keys[layer, h, j, slot] = key[j]
                values[layer, h, slot, j] = value[j]
                query[j] /= np.sqrt(float32(head_dim))
            attend(query, keys[layer, h], values[layer, h], probs, y[first:last])
        add_product(attention_output[layer], y, x)
        # The MLP sublayer.
        rms_norm(x, y, epsilon)
        multiply(up[layer], y, hidden)
        count = squared_relu(hidden, chosen)
        add_chosen_rows(mlp_output[layer], chosen, hidden[:count], x)
    rms_norm(x, y, epsilon)
    multiply(head, y, logits)


@inner
def rms_norm(x: Array, y: Array, epsilon: float) -> None:
    """y = RMSNorm of x, (D,) each."""
    total = ZERO
    for j in range(x.shape[0]):
        total += x[j] * x[j]
    scale = ONE / np.sqrt(total / float32(x.shape[0]) + float32(epsilon))
    for j in range(x.shape[0]):
        y[j] = x[j] * scale


@inner
def apply_rope(x: Array, cos: Array, sin: Array) -> None:
    """Rotate (K,) by (K / 2) angles, in place."""
    half = x.shape[0] // 2
    for j in range(half):
        left, right = x[j], x[j + half]
        x[j] = left * cos[j] - right * sin[j]
        x[j + half] = right * cos[j] + left * sin[j]


@inner
def attend(query: Array, keys: Array, values: Array, probs: Array, y: Array) -> None:
    """y (K,) = the values (C, K) weighted by the softmax of the query's dot products with the keys
    (K, C); only the first positions count, as many as `probs` has."""
    probs[:] = ZERO
    add_rows(keys, query, probs)
    total = ZERO
    for c in range(probs.shape[0]):
        probs[c] = exp(probs[c])
        total += probs[c]
    factor = ONE / total
    for c in range(probs.shape[0]):
        probs[c] *= factor
    y[:] = ZERO
    add_rows(values, probs, y)


@inner
def multiply(weight: Array, x: Array, y: Array) -> None:
    """y (E,) = weight (E, D) @ x (D,)"""
    y[:] = ZERO
    add_product(weight, x, y)


@inner
def add_product(weight: Array, x: Array, y: Array) -> None:
    """y (E,) += weight (E, D) @ x (D,)"""
    for i in range(weight.shape[0]):
        total = ZERO
        for j in range(weight.shape[1]):
            total += weight[i, j] * x[j]
        y[i] += total


@inner
def add_rows(rows: Array, x: Array, y: Array) -> None:
    """y (E,) += x (D,) @ the first D of rows, by their first E numbers; four rows in one sweep."""
    whole = x.shape[0] // 4 * 4
    for i in range(0, whole, 4):
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(y.shape[0]):
            y[j] += (x0 * rows[i, j] + x1 * rows[i + 1, j]) + (
                x2 * rows[i + 2, j] + x3 * rows[i + 3, j]
            )
    for i in range(whole, x.shape[0]):
        for j in range(y.shape[0]):
            y[j] += x[i] * rows[i, j]


@inner
def add_chosen_rows(rows: Array, chosen: NDArray[np.intp], x: Array, y: Array) -> None:
    """y (E,) += x (N,) @ rows[chosen], N a multiple of eight, which are taken in one sweep."""
    for k in range(0, x.shape[0], 8):
        i0, i1, i2, i3 = chosen[k], chosen[k + 1], chosen[k + 2], chosen[k + 3]
        i4, i5, i6, i7 = chosen[k + 4], chosen[k + 5], chosen[k + 6], chosen[k + 7]
        x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
        x4, x5, x6, x7 = x[k + 4], x[k + 5], x[k + 6], x[k + 7]
        for j in range(y.shape[0]):
            y[j] += (
                (x0 * rows[i0, j] + x1 * rows[i1, j]) + (x2 * rows[i2, j] + x3 * rows[i3, j])
            ) + ((x4 * rows[i4, j] + x5 * rows[i5, j]) + (x6 * rows[i6, j] + x7 * rows[i7, j]))


@inner
def squared_relu(x: Array, chosen: NDArray[np.intp]) -> int:
    """The squares of the positive ones of x (E,), moved to its front, and where they were, in
    `chosen`; how many, zeros included that make it a multiple of eight, as E is."""
    count = 0
    for j in range(x.shape[0]):
        number = max(x[j], ZERO)
        chosen[count], x[count] = j, number * number
        count += number > ZERO
    while count % 8:
        chosen[count], x[count] = 0, ZERO
        count += 1
    return count
