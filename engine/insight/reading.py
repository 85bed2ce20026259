"""A passage as the model reads it: how surprised it is by each token, and what it expected, at
each depth (the logit lens, nostalgebraist 2020).

Dimensions: T time, D embedding width, V vocabulary.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from engine.insight.parts import NOTHING, Off
from engine.insight.trace import Trace, trace
from engine.model.gpt import GPT, Attention, Block
from engine.protocol.place import Likely, Place

NEXT = 10
"""The number of likeliest tokens at a place."""
LENS = 3
"""Their number at each depth."""
TIE = 1e-12
"""What tells equal logits apart."""
LOGITS = 2**19
"""About how many are computed at a time: they fit a cache, and take some hundredths of a second."""


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
    model: GPT, pieces: Sequence[str], ids: Tensor, context_length: int, off: Off = NOTHING
) -> Iterator[float | list[Place]]:
    """(T,) ids of a text: a Place for each, and one after the end. `pieces`: what the tokens
    are. Yields the fractions done, then the places.

    A text longer than the context is read in windows that overlap by half, so that each prediction
    sees at least half a context.
    """
    places = [Place(pieces[int(ids[0])], None, 0, 0.0, (), (), ())] if len(ids) else []
    for some in _stretches(model, ids, context_length, off):
        lens = []
        for stream in (some.traced.embedding, *some.traced.blocks):
            logits = _logits(model, stream[some.rows])
            lens.append(_likeliest(logits, pieces, LENS))
            yield len(places) / (len(ids) + 1)
        places += _places(pieces, some, lens, logits)
    yield places


def surprises(model: GPT, ids: Tensor, context_length: int) -> Iterator[float | list[float]]:
    """The bits of each place of `read` that has some, without the rest. Yields the fractions done,
    then the bits."""
    bits: list[float] = []
    for some in _stretches(model, ids, context_length):
        logits = _logits(model, some.traced.blocks[-1][some.rows])
        bits += _bits(logits.log_softmax(-1), some.targets)
        yield len(bits) / len(ids)
    yield bits


def read_row(
    model: GPT, pieces: Sequence[str], inputs: Tensor, targets: Tensor, at: int
) -> tuple[Place, list[float]]:
    """A row of a batch, (T,) ids and those that follow each: the Place of the target at index `at`,
    and the surprise of every target."""
    traced = trace(model, inputs)
    bits: list[float] = []
    for rows in _rows(0, len(inputs), model):
        logits = _logits(model, traced.blocks[-1][rows])
        bits += _bits(logits.log_softmax(-1), targets[rows])
    some = Stretch(traced, slice(at, at + 1), targets[at : at + 1])
    depths = [_logits(model, x[some.rows]) for x in (traced.embedding, *traced.blocks)]
    lens = [_likeliest(logits, pieces, LENS) for logits in depths]
    (place,) = _places(pieces, some, lens, depths[-1])
    return place, bits


class Stretch(NamedTuple):
    """Some of the positions of a window."""

    traced: Trace
    rows: slice
    """The positions."""
    targets: Tensor
    """The ids that follow them; none follows the last one of the text."""


def _stretches(
    model: GPT, ids: Tensor, context_length: int, off: Off = NOTHING
) -> Iterator[Stretch]:
    """Each position once."""
    for first, known in _windows(len(ids), context_length):
        window = ids[first : first + context_length]
        traced = trace(model, window, off)
        for rows in _rows(known, len(window), model):
            yield Stretch(traced, rows, ids[first + rows.start + 1 : first + rows.stop + 1].long())


def _rows(first: int, end: int, model: GPT) -> Iterator[slice]:
    """Positions whose logits are computed at a time."""
    at_once = max(1, LOGITS // len(model.embedding.weight))
    for row in range(first, end, at_once):
        yield slice(row, min(row + at_once, end))


def _windows(length: int, context_length: int) -> list[tuple[int, int]]:
    """The first character of each window, and how many of its predictions were made before."""
    windows = [(0, 0)] if length else []
    step = max(1, context_length // 2)
    while windows and windows[-1][0] + context_length < length:
        before = windows[-1][0]
        windows.append((before + step, context_length - step))
    return windows


def _places(
    pieces: Sequence[str], some: Stretch, lens: list[list[Likely]], logits: Tensor
) -> list[Place]:
    """The places after these positions. `lens`: the likeliest at each depth; `logits`: (T, V) of the
    last."""
    log_probs = logits.log_softmax(-1)
    entropy = (-(log_probs.exp() * log_probs).sum(-1) / math.log(2)).tolist()
    next_ = _likeliest(logits, pieces, NEXT)
    added = [y[some.rows].square().mean(-1).sqrt().tolist() for y in some.traced.added]
    bits, ranks = _bits(log_probs, some.targets), _ranks(logits, some.targets)
    targets = some.targets.tolist()
    return [
        Place(
            pieces[targets[i]] if i < len(targets) else "",
            bits[i] if i < len(targets) else None,
            ranks[i] if i < len(targets) else 0,
            entropy[i],
            next_[i],
            tuple(depth[i] for depth in lens),
            tuple(values[i] for values in added),
        )
        for i in range(len(logits))
    ]


@torch.no_grad()
def _logits(model: GPT, stream: Tensor) -> Tensor:
    """(T, D) of the residual stream to (T, V) logits, as float32 on the CPU."""
    return model.logits(stream).float().cpu()


def distinct_logits(model: GPT, stream: Tensor) -> Tensor:
    """The same, with no two of them equal: the lower id comes first. An untrained model has all of
    them equal, and would otherwise be right about everything."""
    return _distinct(_logits(model, stream))


def _distinct(logits: Tensor) -> Tensor:
    """Logits of which no two are equal: the lower id comes first, by less than a float32 can
    tell."""
    return logits.double() - TIE * torch.arange(logits.shape[1])


def _bits(log_probs: Tensor, targets: Tensor) -> list[float]:
    """The surprise of the targets, of which there may be fewer than rows."""
    found = log_probs[: len(targets)].gather(-1, targets[:, None])[:, 0]
    return (-found.double() / math.log(2)).tolist()


def _ranks(logits: Tensor, targets: Tensor) -> list[int]:
    """The ranks of the targets, counted from 1; of equal logits the lower id comes first."""
    logits = logits[: len(targets)]
    own = logits.gather(-1, targets[:, None])
    before = (logits > own).sum(-1)
    earlier = torch.arange(logits.shape[1]) < targets[:, None]
    before += ((logits == own) & earlier).sum(-1)
    return (before + 1).tolist()


def _likeliest(logits: Tensor, pieces: Sequence[str], number: int) -> list[Likely]:
    """The likeliest tokens at each position, (T, V) logits; of equal ones the lower id comes
    first."""
    number = min(number, len(pieces))
    values, ids = logits.topk(min(number + 1, len(pieces)))
    # Only where two are equal does the order, or which of them are there, have to be looked at.
    tied = (values[:, 1:] == values[:, :-1]).any(-1)
    if tied.any():
        ids[tied, :number] = _distinct(logits[tied]).topk(number).indices
    probs = (values[:, :number] - logits.logsumexp(-1, keepdim=True)).exp()
    return [
        tuple((pieces[i], value) for i, value in zip(row, likely, strict=True))
        for row, likely in zip(ids[:, :number].tolist(), probs.tolist(), strict=True)
    ]
