"""Reads one character after another and says what may come next: the model, for writing.

Always on a processor, in one thread and one call: a single character is too little work to be
shared out, or to be sent to another device. Same numbers as `engine.model.gpt`, but for the last bits.

Dimensions: D width, H heads, K width of a head, V vocabulary, C context length, L layers.
"""

import numpy as np
import torch
from numpy import float32
from numpy.typing import NDArray

from engine.config import ModelConfig
from engine.model.gpt import GPT, frequencies
from engine.model.kernels import EPSILON, ONE, ZERO, Array, compiled, exp


class Decoder:
    """A copy of a model's weights, and the keys and values of the last C characters it read: C is
    the model's context length, or less while it has not learned to read that far.

    These are a ring: past the context length the newest overwrites the oldest, in place. Nothing
    is recomputed: a key keeps the rotation of its own position, and attention sees only the
    difference of two positions, which never exceeds C.
    """

    def __init__(self, config: ModelConfig, vocabulary: int) -> None:
        layers, width, head = config.n_layer, config.n_embd, config.n_embd // config.n_head
        self._rings = (layers, config.n_head, head)
        self.logits = np.zeros(vocabulary, float32)  # of the character after the last one read
        self._embedding = np.zeros((vocabulary, width), float32)
        self._qkv = np.zeros((layers, 3 * width, width), float32)
        self._attention_output = np.zeros((layers, width, width), float32)
        self._up = np.zeros((layers, 4 * width, width), float32)
        self._mlp_output = np.zeros((layers, width, 4 * width), float32)
        self._head = np.zeros((vocabulary, width), float32)
        self._frequencies = frequencies(head).numpy()
        self._forget(config.context_length)

    def take(self, model: GPT, context_length: int) -> None:
        """Take over the weights as they are now, to read that many characters at once."""
        blocks = model.blocks
        for ours, theirs in (
            (self._qkv, [b.attention.qkv.weight for b in blocks]),
            (self._attention_output, [b.attention.output.weight for b in blocks]),
            (self._up, [b.mlp.up.weight for b in blocks]),
            (self._mlp_output, [b.mlp.output.weight for b in blocks]),
            (self._embedding[None], [model.embedding.weight]),
            (self._head[None], [model.head.weight]),
        ):
            for array, weight in zip(ours, theirs, strict=True):
                torch.from_numpy(array).copy_(weight.detach())
        self._forget(context_length)

    def read(self, id_: int) -> Array:
        """Read on by one character; the (V,) logits of the next."""
        read(
            id_,
            self.position,
            self._embedding,
            self._qkv,
            self._attention_output,
            self._up,
            self._mlp_output,
            self._head,
            self._frequencies,
            self._keys,
            self._values,
            self.logits,
        )
        self.position += 1
        return self.logits

    def _forget(self, context_length: int) -> None:
        """Have read nothing."""
        layers, heads, width = self._rings
        self.context_length = context_length
        self.position = 0  # how many characters it has read, forgotten ones included
        self._keys = np.zeros((layers, heads, width, context_length), float32)
        self._values = np.zeros((layers, heads, context_length, width), float32)


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
    frequencies: NDArray[np.float64],
    keys: Array,
    values: Array,
    logits: Array,
) -> None:
    """One character, from its id to the logits of the next; its keys and values join the others.

    keys (L, H, K, C), values (L, H, C, K), each so that the innermost loop runs along memory.
    """
    layers, heads, width, context = keys.shape
    slot, known = position % context, min(position + 1, context)
    half, columns = width // 2, heads * width
    cos, sin = np.empty(half, np.float32), np.empty(half, np.float32)
    for j in range(half):
        cos[j] = np.cos(position * frequencies[j])
        sin[j] = np.sin(position * frequencies[j])
    x, y = embedding[id_].copy(), np.empty(columns, np.float32)
    qkv, hidden = np.empty(3 * columns, np.float32), np.empty(4 * columns, np.float32)
    chances = np.empty(known, np.float32)
    for layer in range(layers):
        # Look back.
        norm(x, y)
        multiply(qkv_weight[layer], y, qkv)
        for h in range(heads):
            query = qkv[h * width : (h + 1) * width]
            key = qkv[columns + h * width : columns + (h + 1) * width]
            value = qkv[2 * columns + h * width : 2 * columns + (h + 1) * width]
            norm(query, query)
            norm(key, key)
            rotate(query, cos, sin)
            rotate(key, cos, sin)
            for j in range(width):
                keys[layer, h, j, slot] = key[j]
                values[layer, h, slot, j] = value[j]
                query[j] /= np.sqrt(float32(width))
            attend(query, keys[layer, h], values[layer, h], chances, y[h * width : (h + 1) * width])
        add_product(attention_output[layer], y, x)
        # Think.
        norm(x, y)
        multiply(up[layer], y, hidden)
        for j in range(4 * columns):
            hidden[j] = max(hidden[j], ZERO) ** 2
        add_product(mlp_output[layer], hidden, x)
    norm(x, y)
    multiply(head, y, logits)


@compiled
def norm(x: Array, y: Array) -> None:
    """RMSNorm of (D,)."""
    total = ZERO
    for j in range(x.shape[0]):
        total += x[j] * x[j]
    scale = ONE / np.sqrt(total / float32(x.shape[0]) + EPSILON)
    for j in range(x.shape[0]):
        y[j] = x[j] * scale


@compiled
def rotate(x: Array, cos: Array, sin: Array) -> None:
    """Turn (K,) by (K / 2) angles, in place."""
    half = x.shape[0] // 2
    for j in range(half):
        left, right = x[j], x[j + half]
        x[j] = left * cos[j] - right * sin[j]
        x[j + half] = right * cos[j] + left * sin[j]


@compiled
def attend(query: Array, keys: Array, values: Array, chances: Array, y: Array) -> None:
    """y (K,): what a query finds in the values whose keys (K, C) it meets, the first of them
    that `chances` has room for."""
    chances[:] = ZERO
    for j in range(keys.shape[0]):
        for c in range(chances.shape[0]):
            chances[c] += query[j] * keys[j, c]
    total = ZERO
    for c in range(chances.shape[0]):
        chances[c] = exp(chances[c])
        total += chances[c]
    y[:] = ZERO
    for c in range(chances.shape[0]):
        for j in range(y.shape[0]):
            y[j] += chances[c] / total * values[c, j]


@compiled
def multiply(weight: Array, x: Array, y: Array) -> None:
    """y (E,) = weight (E, D) @ x (D,)"""
    y[:] = ZERO
    add_product(weight, x, y)


@compiled
def add_product(weight: Array, x: Array, y: Array) -> None:
    """y (E,) += weight (E, D) @ x (D,)"""
    for i in range(weight.shape[0]):
        total = ZERO
        for j in range(weight.shape[1]):
            total += weight[i, j] * x[j]
        y[i] += total
