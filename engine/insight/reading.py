"""A passage as the model reads it: how surprised it is by each character, and what it expected, at
each depth (the logit lens, nostalgebraist 2020).

Dimensions: T time, D embedding width, V vocabulary.
"""

import math

import torch
from torch import Tensor

from engine.insight.parts import NOTHING, Off
from engine.insight.trace import Trace, trace
from engine.model.gpt import GPT, Attention, Block
from engine.protocol.insight import Likely, Place

NEXT = 10
"""The number of likeliest characters at a place."""
LENS = 3
"""Their number at each depth."""
TIE = 1e-12
"""What tells equal logits apart."""


def sublayers(model: GPT) -> tuple[str, ...]:
    """The names of the sublayers in their order, counted from 1."""
    names: list[str] = []
    for number, block in enumerate(model.blocks, start=1):
        assert isinstance(block, Block)
        names += [
            f"{number}.{'attention' if isinstance(layer, Attention) else 'mlp'}"
            for layer in block.sublayers()
        ]
    return tuple(names)


def read(
    model: GPT, characters: str, ids: Tensor, context_length: int, off: Off = NOTHING
) -> list[Place]:
    """(T,) ids of a text: a Place for each, and one after the end. `characters`: those of the
    vocabulary.

    A text longer than the context is read in windows that overlap by half, so that each prediction
    sees at least half a context.
    """
    places = [Place(characters[ids[0]], None, 0, 0.0, (), (), ())] if len(ids) else []
    for first, known in _windows(len(ids), context_length):
        traced = trace(model, ids[first : first + context_length], off)
        targets = ids[first + 1 : first + context_length + 1].tolist()
        places += _places(model, characters, traced, targets, known)
    return places


def _windows(length: int, context_length: int) -> list[tuple[int, int]]:
    """The first character of each window, and how many of its predictions were made before."""
    windows = [(0, 0)] if length else []
    step = max(1, context_length // 2)
    while windows and windows[-1][0] + context_length < length:
        before = windows[-1][0]
        windows.append((before + step, context_length - step))
    return windows


@torch.no_grad()
def _places(
    model: GPT, characters: str, traced: Trace, targets: list[int], known: int
) -> list[Place]:
    """The places after each position of a window but for the first `known`."""
    lens = []
    for stream in (traced.embedding, *traced.blocks):
        logits = distinct_logits(model, stream[known:])
        lens.append(_likeliest(logits, characters, LENS))
    log_probs = logits.log_softmax(-1)
    entropy = (-(log_probs.exp() * log_probs).nan_to_num(0.0).sum(-1) / math.log(2)).tolist()
    next_ = _likeliest(logits, characters, NEXT)
    added = [y[known:].square().mean(-1).sqrt().tolist() for y in traced.added]
    places = []
    for i in range(len(logits)):
        target = targets[known + i] if known + i < len(targets) else None
        bits, rank = None, 0
        if target is not None:
            bits = float(-log_probs[i, target] / math.log(2))
            rank = int((logits[i] > logits[i, target]).sum()) + 1
        places.append(
            Place(
                "" if target is None else characters[target],
                bits,
                rank,
                entropy[i],
                next_[i],
                tuple(depth[i] for depth in lens),
                tuple(values[i] for values in added),
            )
        )
    return places


def distinct_logits(model: GPT, stream: Tensor) -> Tensor:
    """(T, D) of the residual stream to (T, V) logits, of which no two are equal: the lower id comes
    first, by less than a float32 can tell. An untrained model has all of them equal, and would
    otherwise be right about everything."""
    logits = model.logits(stream).cpu().double()  # not every device has float64
    return logits - TIE * torch.arange(logits.shape[1])


def _likeliest(logits: Tensor, characters: str, number: int) -> list[Likely]:
    """The likeliest characters at each position, (T, V) logits."""
    values, ids = logits.topk(min(number, len(characters)))
    probs = (values - logits.logsumexp(-1, keepdim=True)).exp()
    return [
        tuple((characters[i], value) for i, value in zip(row, likely, strict=True))
        for row, likely in zip(ids.tolist(), probs.tolist(), strict=True)
    ]
