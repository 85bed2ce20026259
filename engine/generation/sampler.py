"""From logits to the next token id, one after the other."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from engine.config import SampleConfig
from engine.model.decoder import Decoder
from engine.model.kernels import Array


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
    ids = np.argsort(-logits, kind="stable")[: config.top_k or None]
    scores = logits[ids].astype(np.float64)  # float32 would round a tiny temperature to zero
    with np.errstate(over="ignore"):  # an overflow to infinity is as good as the true quotient
        cumulative: NDArray[np.float64] = np.exp((scores - scores[0]) / config.temperature).cumsum()
    if config.top_p < 1:
        cumulative = cumulative[: np.searchsorted(cumulative, config.top_p * cumulative[-1]) + 1]
    return ids[: len(cumulative)], cumulative


def next_id(logits: Array, config: SampleConfig, generator: torch.Generator) -> int:
    """Sample an id from (V,) logits."""
    if config.temperature == 0:
        return int(logits.argmax())
    ids, cumulative = candidates(logits, config)
    draw = float(torch.rand(1, generator=generator)) * cumulative[-1]
    index = np.searchsorted(cumulative, draw, side="right")
    return int(ids[min(index, len(cumulative) - 1)])


def sample(
    decoder: Decoder, prompt: Sequence[int], config: SampleConfig, generator: torch.Generator
) -> Iterator[int | None]:
    """Ids that continue `prompt`, without end.

    None for each id of the prompt that is prefilled before the first one; of a prompt longer than
    the context only the end counts.
    """
    assert prompt, "the caller replaces an empty prompt"
    *before, last = prompt[-decoder.context_length :]
    for id_ in before:
        decoder.read(id_)
        yield None
    while True:
        last = next_id(decoder.read(last), config, generator)
        yield last
