"""A text as ids: a training and a validation part, and the batches of both."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.training.split import LEAST_VAL_CHARACTERS, check_parts, split_at
from engine.training.validation import FileOfIds, ValidationText

if TYPE_CHECKING:  # imports this module
    from engine.training.taught import TaughtText


def step_seed(seed: int, step: int) -> int:
    """A seed for the random numbers of one step of a run (torch keeps 32 bits of a seed)."""
    return (seed * 1_000_003 + step) & 0xFFFF_FFFF


PIECES = 100
"""Of a training part of which some is looked at."""


class Dataset:
    """Training and validation ids, and their batches."""

    def __init__(
        self,
        ids: Tensor,
        context_length: int,
        validation: float,
        seed: int,
        val_characters: int | None = None,
        train: int | None = None,
        file: FileOfIds | None = None,
    ) -> None:
        """`ids`: (N,) of the whole text. `val_characters`: how many of the validation part an
        evaluation predicts, about; None: all of them. `train`: ids of the training part; None: all
        but the fraction `validation`. `file`: where the ids are, if that is not the memory."""
        self._file = file
        end = split_at(len(ids), validation) if train is None else train
        check_parts(end, len(ids) - end, context_length)
        self.train, self.validation = ids[:end], ids[end:]
        self.context_length = context_length
        self.seed = seed
        self.val_characters = val_characters
        self._windows = (len(self.train) - 1) // context_length
        self._orders: dict[int, Tensor] = {}
        self.taught: TaughtText | None = None
        """What is mixed into the batches."""
        self.evaluated = ValidationText(self.validation, context_length, val_characters, file)
        # All logits of an untrained model are zero, so its loss is that of any sample: a few
        # characters show it, and training does not wait for the rest.
        few = min(val_characters or LEAST_VAL_CHARACTERS, LEAST_VAL_CHARACTERS)
        self.evaluated_untrained = ValidationText(self.validation, context_length, few, file)

    def some(self, count: int) -> Tensor:
        """About so many ids of the training part, in pieces that are spread over it, or all."""
        if len(self.train) <= count:
            return self.train
        length = count // PIECES
        starts = (i * (len(self.train) - length) // (PIECES - 1) for i in range(PIECES))
        pieces = []
        for start in starts:
            pieces.append(self.train[start : start + length].clone())
            if self._file is not None:
                self._file.has_read(length, 1)
        return torch.cat(pieces)

    def batch(self, step: int, size: int, length: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets, (B, `length`) each: `size` windows of the training part, each cut
        into pieces of that length (a remainder is left out).

        Every window is read once per epoch, in a new order each time. The batch of a step follows
        from seed and step, and from what is taught then, so a resumed run needs no record of the
        batches before, and no other use of random numbers can change it.
        """
        numbers = range(step * size, (step + 1) * size)
        starts = [self._order(n // self._windows)[n % self._windows] for n in numbers]
        window = self.train[torch.stack(starts)[:, None] + torch.arange(self.context_length + 1)]
        if self._file is not None:
            self._file.has_read(window.numel(), size)
        if self.taught is not None:
            self.taught.mix_into(window, numbers.start)
        end = self.context_length // length * length
        inputs, targets = window[:, :end], window[:, 1 : end + 1]
        return inputs.reshape(-1, length).long(), targets.reshape(-1, length).long()

    def _order(self, epoch: int) -> Tensor:
        """The starts of the windows of one epoch, in its order. The first start is random within a
        context, so that words are at other positions in each epoch; a window that would run over
        the end of the text is moved back."""
        if epoch not in self._orders:
            generator = torch.Generator().manual_seed(step_seed(self.seed, epoch))
            first = torch.randint(self.context_length, (1,), generator=generator)
            # Of a large text and a short context they are many: in place, and as small as they fit.
            kind = torch.int32 if len(self.train) < 1 << 31 else torch.int64
            order = torch.randperm(self._windows, generator=generator, dtype=kind)
            order.mul_(self.context_length).add_(first)
            order.clamp_(max=len(self.train) - 1 - self.context_length)
            # A batch may span two epochs.
            self._orders = {e: o for e, o in self._orders.items() if abs(e - epoch) == 1}
            self._orders[epoch] = order
        return self._orders[epoch]
