"""From logits to the next token id, one after the other."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from engine.config import SampleConfig
from engine.generation.likeliest import likeliest
from engine.model.decoder import Decoder
from engine.model.kernels import Array

DRAWS = 64
"""Random numbers that are drawn at once."""


def candidates(
    logits: Array, config: SampleConfig
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The ids that may come next by (V,) logits, the likeliest first, and their cumulative
    probabilities, up to a factor.

    Temperature first, then top-k (exactly k; of equal logits the lower ids), then top-p: the
    smallest set of most likely ids whose probabilities reach p, at least one (nucleus sampling,
    Holtzman et al. 2019).
    """
    if config.temperature == 0:
        return np.array([logits.argmax()]), np.ones(1)
    size = len(logits)
    ids, cumulative = np.empty(size, np.int64), np.empty(size)
    # For other types, such as a whole number, it would be compiled again.
    temperature, top_p = float(config.temperature), float(config.top_p)
    count = likeliest(logits, temperature, config.top_k or size, top_p, ids, cumulative)
    return ids[:count], cumulative[:count]


def next_id(logits: Array, config: SampleConfig, draws: Iterator[float]) -> int:
    """Sample an id from (V,) logits, with the next draw."""
    if config.temperature == 0:
        return int(logits.argmax())
    ids, cumulative = candidates(logits, config)
    index = cumulative.searchsorted(next(draws) * cumulative[-1], side="right")
    return int(ids[min(index, len(ids) - 1)])


def uniform(generator: torch.Generator) -> Iterator[float]:
    """Numbers from 0 to 1, the same as one at a time, which would cost as much as all of them."""
    while True:
        yield from torch.rand(DRAWS, generator=generator).tolist()


def sample(
    decoder: Decoder, prompt: Sequence[int], config: SampleConfig, generator: torch.Generator
) -> Iterator[int | None]:
    """Ids that continue `prompt`, without end.

    None for each id of the prompt that is prefilled before the first one; of a prompt longer than
    the context only the end counts.
    """
    assert prompt, "the caller replaces an empty prompt"
    draws = uniform(generator)
    *before, last = prompt[-decoder.context_length :]
    for id_ in before:
        decoder.read(id_)
        yield None
    while True:
        last = next_id(decoder.read(last), config, draws)
        yield last
