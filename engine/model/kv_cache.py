"""The KV cache: keys and values of the positions before, so that writing computes each once."""

import torch
from torch import Tensor

from engine.config import ModelConfig


class LayerCache:
    """Keys and values of one attention sublayer, (1, H, C, K) each: a ring, in which the newest
    position overwrites the oldest."""

    def __init__(self, config: ModelConfig, context_length: int) -> None:
        self._keys, self._values = torch.zeros(
            2, 1, config.n_head, context_length, config.head_dim
        ).unbind()
        self._position = 0

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add those (1, H, 1, K) of one position; all that are visible from it, (1, H, N, K).

        Their order does not matter: attention is a weighted sum, and a key is rotated by its own
        position.
        """
        length = self._keys.shape[2]
        slot = self._position % length
        self._keys[:, :, slot], self._values[:, :, slot] = key[:, :, 0], value[:, :, 0]
        self._position += 1
        visible = min(self._position, length)
        return self._keys[:, :, :visible], self._values[:, :, :visible]


class KVCache:
    """The caches of all blocks, and how many positions they have seen."""

    def __init__(self, config: ModelConfig, context_length: int) -> None:
        self.layers = [LayerCache(config, context_length) for _ in range(config.n_layer)]
        self.position = 0
