"""Reads one id after another and gives the logits of the next: the model, for writing text.

Always on a CPU, in one thread: a single character is too little work to be divided or sent to
another device. For the default kind of model that is one compiled call a character, four times
as fast as torch's operations one by one; any other is computed as `engine.model.gpt` states it.

Dimensions: D embedding width, H heads, K head width, V vocabulary, C context length, L layers.
"""

from typing import Protocol

import numpy as np
import torch
from numpy import float32
from numpy.typing import NDArray

from engine.config import ModelConfig
from engine.model import fused
from engine.model.gpt import GPT, NORM_EPSILON
from engine.model.kernels import ONE, ZERO, Array, compiled, exp
from engine.model.kv_cache import KVCache
from engine.model.rope import inv_freq


class Decoder(Protocol):
    """A copy of a model's weights with a KV cache of the last C characters: C is the model's
    context length, or less while it has not been trained on longer ones.

    Past the context length the newest position replaces the oldest in the cache.
    """

    context_length: int

    def load_weights(self, model: GPT, context_length: int) -> None:
        """Copy the weights as they are now, and begin with an empty cache of that length."""

    def read(self, id_: int) -> Array:
        """Read one more id; the (V,) logits of the next."""


def decoder_for(config: ModelConfig, vocabulary: int) -> Decoder:
    """The fastest decoder that knows all options of this config."""
    if fused.has_kernels(config) and config.attention and config.mlp:
        return CompiledDecoder(config, vocabulary)
    return PlainDecoder(config, vocabulary)


class PlainDecoder:
    """The model itself, with its KV cache."""

    def __init__(self, config: ModelConfig, vocabulary: int) -> None:
        self._model = GPT(config, vocabulary)
        self._empty(config.context_length)

    def load_weights(self, model: GPT, context_length: int) -> None:
        self._model.load_state_dict(model.state_dict())
        self._empty(context_length)

    @torch.no_grad()
    def read(self, id_: int) -> Array:
        if self._model.positions is not None and self._cache.position == self.context_length:
            self._move_window()
        return self._read(id_)

    def _read(self, id_: int) -> Array:
        self._ids.append(id_)
        logits = self._model(torch.tensor([[id_]]), cache=self._cache)
        self._cache.position += 1
        return logits[0, 0].numpy()  # type: ignore[no-any-return]

    def _move_window(self) -> None:
        """Read the newer half of the context again, from the first position on: there is no
        learned embedding for a position behind the last."""
        ids = self._ids[(self.context_length + 1) // 2 :]
        self._empty(self.context_length)
        for id_ in ids:
            self._read(id_)

    def _empty(self, context_length: int) -> None:
        self.context_length = context_length
        self._cache = KVCache(self._model.config, context_length)
        self._ids: list[int] = []


class CompiledDecoder:
    """The default kind of model, as one compiled loop."""

    def __init__(self, config: ModelConfig, vocabulary: int) -> None:
        layers, width = config.n_layer, config.n_embd
        self._config = config
        self.logits = np.zeros(vocabulary, float32)  # of the character after the last one read
        self._embedding = np.zeros((vocabulary, width), float32)
        self._qkv = np.zeros((layers, 3 * width, width), float32)
        self._attention_output = np.zeros((layers, width, width), float32)
        self._up = np.zeros((layers, 4 * width, width), float32)
        self._mlp_output = np.zeros((layers, width, 4 * width), float32)
        self._head = np.zeros((vocabulary, width), float32)
        self._inv_freq = inv_freq(config.head_dim).numpy()
        self._empty(config.context_length)

    def load_weights(self, model: GPT, context_length: int) -> None:
        weights = model.state_dict()
        for array, name in (
            (self._qkv, "attention.qkv"),
            (self._attention_output, "attention.output"),
            (self._up, "mlp.up"),
            (self._mlp_output, "mlp.output"),
        ):
            for layer in range(len(array)):
                _copy(weights[f"blocks.{layer}.{name}.weight"], array[layer])
        _copy(weights["embedding.weight"], self._embedding)
        _copy(weights["embedding.weight" if model.head is None else "head.weight"], self._head)
        self._empty(context_length)

    def read(self, id_: int) -> Array:
        read(
            id_,
            self.position,
            self._embedding,
            self._qkv,
            self._attention_output,
            self._up,
            self._mlp_output,
            self._head,
            self._inv_freq,
            self._keys,
            self._values,
            self.logits,
            NORM_EPSILON,
        )
        self.position += 1
        return self.logits

    def _empty(self, context_length: int) -> None:
        config = self._config
        shape = (config.n_layer, config.n_head)
        self.context_length = context_length
        self.position = 0  # how many characters were read, those that have left the cache included
        self._keys = np.zeros((*shape, config.head_dim, context_length), float32)
        self._values = np.zeros((*shape, context_length, config.head_dim), float32)


def _copy(weight: torch.Tensor, array: Array) -> None:
    """Copy a weight from any device."""
    torch.from_numpy(array).copy_(weight)


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
    probs = np.empty(visible, np.float32)
    for layer in range(layers):
        # The attention sublayer.
        rms_norm(x, y, epsilon)
        multiply(qkv_weight[layer], y, qkv)
        for h in range(n_head):
            first, last = h * head_dim, (h + 1) * head_dim
            query, key = qkv[first:last], qkv[width + first : width + last]
            value = qkv[2 * width + first : 2 * width + last]
            rms_norm(query, query, epsilon)
            rms_norm(key, key, epsilon)
            apply_rope(query, cos, sin)
            apply_rope(key, cos, sin)
            for j in range(head_dim):
                keys[layer, h, j, slot] = key[j]
                values[layer, h, slot, j] = value[j]
                query[j] /= np.sqrt(float32(head_dim))
            attend(query, keys[layer, h], values[layer, h], probs, y[first:last])
        add_product(attention_output[layer], y, x)
        # The MLP sublayer.
        rms_norm(x, y, epsilon)
        multiply(up[layer], y, hidden)
        for j in range(4 * width):
            hidden[j] = max(hidden[j], ZERO) ** 2
        add_product(mlp_output[layer], hidden, x)
    rms_norm(x, y, epsilon)
    multiply(head, y, logits)


@compiled
def rms_norm(x: Array, y: Array, epsilon: float) -> None:
    """y = RMSNorm of x, (D,) each."""
    total = ZERO
    for j in range(x.shape[0]):
        total += x[j] * x[j]
    scale = ONE / np.sqrt(total / float32(x.shape[0]) + float32(epsilon))
    for j in range(x.shape[0]):
        y[j] = x[j] * scale


@compiled
def apply_rope(x: Array, cos: Array, sin: Array) -> None:
    """Rotate (K,) by (K / 2) angles, in place."""
    half = x.shape[0] // 2
    for j in range(half):
        left, right = x[j], x[j + half]
        x[j] = left * cos[j] - right * sin[j]
        x[j + half] = right * cos[j] + left * sin[j]


@compiled
def attend(query: Array, keys: Array, values: Array, probs: Array, y: Array) -> None:
    """y (K,) = the values (C, K) weighted by the softmax of the query's dot products with the keys
    (K, C); only the first positions count, as many as `probs` has."""
    probs[:] = ZERO
    for j in range(keys.shape[0]):
        for c in range(probs.shape[0]):
            probs[c] += query[j] * keys[j, c]
    total = ZERO
    for c in range(probs.shape[0]):
        probs[c] = exp(probs[c])
        total += probs[c]
    y[:] = ZERO
    for c in range(probs.shape[0]):
        for j in range(y.shape[0]):
            y[j] += probs[c] / total * values[c, j]


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
