"""The validation part as an evaluation reads it: all of it, or an evenly spread sample."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

BLOCK = 16
"""Windows that are copied at a time."""


class FileOfIds(Protocol):
    """A file that ids are in (`engine.storage.kept_text.MappedIds`): it is notified of what was read,
    and gives memory back."""

    def has_read(self, count: int, places: int) -> None: ...


class ValidationText:
    """What an evaluation predicts, the same each time."""

    def __init__(
        self,
        ids: Tensor,
        context_length: int,
        characters: int | None,
        file: FileOfIds | None = None,
    ) -> None:
        """`ids`: (N,) of the validation part. `characters`: how many of them an evaluation
        predicts, about; None: all. `file`: where the ids are, if that is not the memory."""
        self._file = file
        self._ids = ids
        self._context_length = context_length
        self._sample = None if characters is None else self._spread(characters)

    def _spread(self, characters: int) -> Tensor | None:
        """(S, C + 1) ids: windows, evenly spread over the validation part, that make up that many
        characters; None where it has no more."""
        predicted, context = len(self._ids) - 1, self._context_length
        count = max(1, characters // context)
        if count * context >= predicted:
            return None
        starts = torch.arange(count) * (predicted - context) // max(1, count - 1)
        sample = torch.empty(count, context + 1, dtype=self._ids.dtype)
        for copied, places in zip(
            torch.split(sample, BLOCK), torch.split(starts, BLOCK), strict=True
        ):
            copied[:] = self._ids[places[:, None] + torch.arange(context + 1)]
            if self._file is not None:
                self._file.has_read(copied.numel(), len(copied))
        return sample

    def predicted(self, length: int) -> int:
        """The number of characters that an evaluation in windows of that length predicts."""
        if self._sample is None:
            return len(self._ids) - 1
        return len(self._sample) * (self._context_length // length * length)

    def batches(self, length: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All of it once, in windows of that length that do not overlap, about `size` characters at
        a time.

        (B, T) inputs and targets; the remainder of a whole part comes last, as (1, R).
        """
        text = self._ids[None] if self._sample is None else self._sample
        end = (text.shape[1] - 1) // length * length
        inputs = text[:, :end].reshape(-1, length)
        targets = text[:, 1 : end + 1].reshape(-1, length)
        count = max(1, size // length)
        for first in range(0, len(inputs), count):
            last = first + count
            yield inputs[first:last].long(), targets[first:last].long()
        if self._sample is None and end < text.shape[1] - 1:
            rest = text[:, end:].long()
            yield rest[:, :-1], rest[:, 1:]
