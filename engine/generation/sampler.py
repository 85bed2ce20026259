"""From logits to the next character, one after the other. Knows ids, no text."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from engine.config import SampleConfig
from engine.model.decoder import Decoder
from engine.model.kernels import Array


def next_id(logits: Array, config: SampleConfig, generator: torch.Generator) -> int:
    """Draw an id from (V,) logits.

    Temperature first, then top-k (exactly k; of equal ones the lower ids), then top-p: the
    likeliest ids whose chances reach p, at least one (Holtzman et al. 2019).
    """
    if config.temperature == 0:
        return int(logits.argmax())
    ids = np.argsort(-logits, kind="stable")[: config.top_k or None]
    scores = logits[ids].astype(np.float64)  # a tiny temperature would be zero in float32
    with np.errstate(over="ignore"):  # and a huge quotient is as good as infinite
        mass = np.exp((scores - scores[0]) / config.temperature).cumsum()
    if config.top_p < 1:
        mass = mass[: np.searchsorted(mass, config.top_p * mass[-1]) + 1]
    draw = float(torch.rand(1, generator=generator)) * mass[-1]
    return int(ids[min(np.searchsorted(mass, draw, side="right"), len(mass) - 1)])


def sample(
    decoder: Decoder, prompt: Sequence[int], config: SampleConfig, generator: torch.Generator
) -> Iterator[int | None]:
    """Ids that go on from `prompt`, without end; None for each id of the prompt that it reads
    before. Only the prompt's last C ids are seen."""
    assert prompt, "an empty prompt starts from some character: the caller chooses"
    *before, last = prompt[-decoder.context_length :]
    for id_ in before:
        decoder.read(id_)
        yield None
    while True:
        last = next_id(decoder.read(last), config, generator)
        yield last
