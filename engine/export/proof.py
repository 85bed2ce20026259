"""Whether a model that was read back from an export is that of the run: its logits over windows of
the text, and what it writes.

The run's model computes as in the app, the other one by whatever its format gives.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor

from data.text import Part
from engine.config import SampleConfig
from engine.export.source import ReadBack, Source
from engine.export.tokenizer_json import token_bytes
from engine.generation.sampler import sample
from engine.model.decoder import decoder_for
from engine.training.split import train_end

WINDOWS = 8
"""Windows of the validation part, evenly spread: their logits are compared, and their beginnings
are prompts."""
PROMPT = 16
"""Tokens of a prompt, at most."""
WRITTEN = 300
"""Tokens that continue it, at most: until the context is full, beyond which programs differ."""


class Proof(NamedTuple):
    """How two models compare."""

    largest_difference: float
    """Of two logits."""
    largest_logit: float
    """The largest absolute value, to compare that with."""
    characters: int
    """The number of tokens whose logits were compared."""
    prompts: int
    equal_prompts: int
    """Those that both continued with the same tokens, the likeliest each time."""
    written: int
    """Tokens of each continuation."""


def prove(source: Source, back: ReadBack) -> Iterator[float | Proof]:
    """Compare a model with the run's own: the fractions done, a slice of work each, then the
    result. ValueError, with a user-facing message, if their tokens differ."""
    if back.tokens != token_bytes(source.tokenizer):
        raise ValueError("What was written does not read back: its tokens are not the run's.")
    windows = passages(source, WINDOWS)
    difference = largest = 0.0
    for number, window in enumerate(windows):
        ours, theirs = _logits(source, window), _logits_read_back(back, window)
        difference = max(difference, float((ours - theirs).abs().max()))
        largest = max(largest, float(ours.abs().max()))
        yield number / len(windows) / 2
    equal = 0
    length = min(PROMPT, source.context_length // 2, len(windows[0]))
    count = min(WRITTEN, source.context_length - length)
    for number, window in enumerate(windows):
        text = window[:length].tolist()
        for id_ in _written(source, text, count):
            text.append(id_)
            yield (1 + number / len(windows)) / 2
        # Where each token of this text is the other model's likeliest after those before it, it
        # is the text that this model writes.
        likeliest = _logits_read_back(back, torch.tensor(text)).argmax(-1).tolist()
        equal += likeliest[length - 1 : -1] == text[length:]
    characters = sum(map(len, windows))
    yield Proof(difference, largest, characters, len(windows), equal, count)


def passages(source: Source, count: int) -> list[Tensor]:
    """(T,) ids of windows of the validation part, at most a context long, evenly spread."""
    end = train_end(source.info.config, len(source.text))
    text = Part(source.text, end)
    length = min(len(text), source.context_length)
    starts = (i * (len(text) - length) // max(1, count - 1) for i in range(count))
    distinct = dict.fromkeys(starts)
    # Of bytes, or of a text unlike the one that they were learned from, there are more than
    # characters.
    return [
        source.tokenizer.encode_corpus(text[start : start + length])[:length].long()
        for start in distinct
    ]


@torch.no_grad()
def _logits(source: Source, ids: Tensor) -> Tensor:
    """(T,) ids to (T, V) logits, by the run's model."""
    logits: Tensor = source.model(ids[None])[0]
    return logits


@torch.no_grad()
def _logits_read_back(back: ReadBack, ids: Tensor) -> Tensor:
    return back.logits(ids[None])[0]


def _written(source: Source, prompt: list[int], count: int) -> Iterator[int]:
    """The likeliest tokens after a prompt, as the app writes them."""
    decoder = decoder_for(source.model.config, len(source.tokenizer))
    decoder.load_weights(source.model, source.context_length)
    stream = sample(decoder, prompt, SampleConfig(temperature=0), torch.Generator())
    return islice((id_ for id_ in stream if id_ is not None), count)
