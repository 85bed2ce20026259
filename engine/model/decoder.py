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

from engine.config import ModelConfig
from engine.model import fused
from engine.model.decoder_kernels import read
from engine.model.gpt import GPT, NORM_EPSILON
from engine.model.kernels import Array
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
        # As inputs times outputs: a hidden number that is zero leaves out what it multiplies.
        self._mlp_output = np.zeros((layers, 4 * width, width), float32)
        self._head = np.zeros((vocabulary, width), float32)
        self._inv_freq = inv_freq(config.head_dim, config.rope_base).numpy()
        self._empty(config.context_length)

    def load_weights(self, model: GPT, context_length: int) -> None:
        weights = model.state_dict()
        for array, name in (
            (self._qkv, "attention.qkv"),
            (self._attention_output, "attention.output"),
            (self._up, "mlp.up"),
            (self._mlp_output.transpose(0, 2, 1), "mlp.output"),
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
