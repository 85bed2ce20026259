"""From logits to the next character, one after the other. Knows ids, no text."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from engine.config import SampleConfig
from engine.model import GPT, Cache


def next_id(logits: Tensor, config: SampleConfig, generator: torch.Generator) -> int:
    """Draw an id from (V,) logits.

    Temperature first, then top-k (exactly k; of equal ones the lower ids), then top-p: the
    likeliest ids whose chances reach p, at least one (Holtzman et al. 2019).
    `generator` is a CPU one, so that every device writes alike.
    """
    logits = logits.cpu().double()  # a tiny temperature would be zero in float32
    if config.temperature == 0:
        return int(logits.argmax())
    logits, ids = logits.sort(descending=True, stable=True)
    chances = ((logits - logits[0]) / config.temperature).softmax(0)
    if config.top_k:
        chances = chances[: config.top_k]
    mass = chances.cumsum(0)
    if config.top_p < 1:
        kept = int((mass < config.top_p * float(mass[-1])).sum()) + 1
        mass = mass[:kept]
    draw = torch.rand(1, generator=generator) * mass[-1]
    place = int(torch.searchsorted(mass, draw, right=True))
    return int(ids[min(place, len(mass) - 1)])


def sample(
    model: GPT, prompt: Sequence[int], config: SampleConfig, generator: torch.Generator
) -> Iterator[int]:
    """Ids that go on from `prompt`, without end. Only its last C ids are seen.

    One id is read per step; keys and values of the C before it are remembered (`Cache`).
    """
    assert prompt, "an empty prompt starts from some character: the caller chooses"
    cache = Cache(model)
    unread = list(prompt[-model.config.context_length :])
    while True:
        with torch.inference_mode():
            logits = model(torch.tensor([unread], device=model.device), cache=cache)
            unread = [next_id(logits[0, -1], config, generator)]
        yield unread[0]
