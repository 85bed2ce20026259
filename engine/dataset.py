"""A text as ids: what is learned from, what is held out, and the batches of both."""

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.splitting import check_length, split_at

EVALUATION_TOKENS = 4_096
"""Characters in one batch of an evaluation: large enough to be quick, small enough to pause in."""


def step_seed(seed: int, step: int) -> int:
    """A seed for what is drawn in one step of a run (torch keeps 32 bits of a seed)."""
    return (seed * 1_000_003 + step) & 0xFFFF_FFFF


class Dataset:
    """Training and validation ids, and their batches."""

    def __init__(self, ids: Tensor, context_length: int, validation: float, seed: int) -> None:
        """`ids`: (N,) of the whole text."""
        check_length(len(ids), context_length, validation)
        end = split_at(len(ids), validation)
        self.train, self.validation = ids[:end], ids[end:]
        self.context_length = context_length
        self.seed = seed

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets, (B, T) each, from random places of the training part.

        The places follow from seed and step alone, so a run that is resumed needs no memory of
        the batches before, and nothing else that draws numbers can disturb it.
        """
        generator = torch.Generator().manual_seed(step_seed(self.seed, step))
        last = len(self.train) - self.context_length
        start = torch.randint(last, (size, 1), generator=generator)
        window = self.train[start + torch.arange(self.context_length + 1)].long()
        return window[:, :-1], window[:, 1:]

    def validation_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The whole validation part once, in windows of the context that do not overlap.

        (B, T) inputs and targets; the rest that fills no window comes last, as (1, R).
        """
        length = self.context_length
        predicted = len(self.validation) - 1
        windows = predicted // length
        inputs = self.validation[: windows * length].view(windows, length)
        targets = self.validation[1 : windows * length + 1].view(windows, length)
        size = max(1, EVALUATION_TOKENS // length)
        for first in range(0, windows, size):
            last = first + size
            yield inputs[first:last].long(), targets[first:last].long()
        if predicted % length:
            rest = self.validation[windows * length :].long()[None]
            yield rest[:, :-1], rest[:, 1:]
