"""The GPT once more, in float64 and one number after the other: what insight is compared with."""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.config import ModelConfig
from engine.model.gpt import GPT

Array = NDArray[np.float64]
EPSILON = 1e-5


class Plain(NamedTuple):
    """What happens in one pass over T ids."""

    streams: list[Array]
    """(T, D) after the embedding and after each block."""
    added: list[Array]
    """(T, D) of each sublayer."""
    attention: list[Array]
    """(H, T, T) of each block with attention: how each position weights those up to it."""


def array(weights: Tensor) -> Array:
    values: Array = weights.detach().double().numpy()
    return values


def plain_pass(model: GPT, ids: Tensor) -> Plain:
    """(T,) ids through the model."""
    config = model.config
    x = array(model.embedding.weight)[ids.numpy()]
    if model.positions is not None:
        x = x + array(model.positions.weight)[: len(ids)]
    result = Plain([x], [], [])
    for number in range(config.n_layer):
        for name in ("attention", "mlp"):
            if not getattr(config, name):
                continue
            layer = model.get_submodule(f"blocks.{number}.{name}")
            first = layer.qkv if name == "attention" else layer.up
            hidden = plain_norm(x, config.norm) @ array(first.weight).T  # type: ignore[union-attr, arg-type]
            if name == "attention":
                hidden, weights = attend(hidden, config)
                result.attention.append(weights)
            else:
                hidden = activated(hidden, config.activation)
            y = hidden @ array(layer.output.weight).T  # type: ignore[union-attr, arg-type]
            result.added.append(y)
            x = x + y if config.residual else y
        result.streams.append(x)
    return result


def plain_log_probs(model: GPT, stream: Array) -> Array:
    """(T, D) of the residual stream to (T, V) log-probabilities, in nats."""
    head = model.embedding if model.head is None else model.head
    logits = plain_norm(stream, model.config.norm) @ array(head.weight).T
    logits = logits - logits.max(1, keepdims=True)
    log_probs: Array = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return log_probs


def plain_norm(x: Array, kind: str) -> Array:
    if kind == "layernorm":
        x = x - x.mean(-1, keepdims=True)
    if kind != "none":
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON)
    return x


def activated(x: Array, kind: str) -> Array:
    if kind == "squared_relu":
        return np.maximum(x, 0) ** 2
    if kind == "gelu":
        return array(torch.from_numpy(x) * (1 + torch.erf(torch.from_numpy(x) / math.sqrt(2))) / 2)
    gate, up = np.split(x, 2, axis=1)
    swish: Array = gate / (1 + np.exp(-gate)) * up
    return swish


def attend(qkv: Array, config: ModelConfig) -> tuple[Array, Array]:
    """(T, 3 D) queries, keys and values to what the heads gather, (T, D), and how each position
    weights the others, (H, T, T)."""
    time, width, size = len(qkv), config.n_embd, config.head_dim
    gathered, all_weights = np.zeros((time, width)), np.zeros((config.n_head, time, time))
    for head in range(config.n_head):
        columns = slice(head * size, (head + 1) * size)
        query, key, value = (part[:, columns] for part in np.split(qkv, 3, axis=1))
        if config.qk_norm:
            query, key = plain_norm(query, "rmsnorm"), plain_norm(key, "rmsnorm")
        if config.positions == "rotary":
            query, key = (rotated(x, config.rope_base) for x in (query, key))
        for t in range(time):
            scores = key[: t + 1] @ query[t] / math.sqrt(size)
            weights = np.exp(scores - scores.max())
            all_weights[head, t, : t + 1] = weights / weights.sum()
        gathered[:, columns] = all_weights[head] @ value
    return gathered, all_weights


def rotated(x: Array, base: float) -> Array:
    """(T, K) queries or keys: pair j of position t is a complex number, turned by t radians divided
    by the base to the power of j / (K / 2)."""
    half = x.shape[1] // 2
    angles = np.outer(np.arange(len(x)), base ** (-np.arange(half) / half))
    turned = (x[:, :half] + 1j * x[:, half:]) * np.exp(1j * angles)
    return np.concatenate((turned.real, turned.imag), 1)
