"""Where the loss lives: by the kind of character that is predicted, and by how many are seen.

Dimensions: B batch, T time, V vocabulary.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from data.character_kinds import APOSTROPHES, FIRST, INSIDE, KINDS, continues_word, kind_of
from engine.model.gpt import GPT
from engine.protocol.insight import LossPart


class _Tables(NamedTuple):
    """(V,) of each character of the vocabulary."""

    kind: Tensor
    """Its kind; of a small letter, `INSIDE`."""
    continues: Tensor
    """Whether a letter after it is inside a word."""
    apostrophe: Tensor
    """Whether a letter after it is inside a word if there is another such character before it."""


class LossByKind:
    """Adds up the losses of predictions."""

    def __init__(self, characters: str, context_length: int) -> None:
        """`characters`: those of the vocabulary; empty: its tokens are longer, or bytes, and are of
        no kind. `context_length`: the most that a prediction
        sees."""
        kinds = [kind_of(character) for character in characters]
        self._tables = _Tables(
            torch.tensor(kinds),
            torch.tensor([continues_word(character) for character in characters]),
            torch.tensor([character in APOSTROPHES for character in characters]),
        )
        self._of_a_kind = bool(characters)
        self._context_length = context_length
        self._by_kind = torch.zeros(2, len(KINDS), dtype=torch.float64)
        self._by_position = torch.zeros(2, context_length, dtype=torch.float64)

    @torch.no_grad()
    def add(self, model: GPT, inputs: Tensor, targets: Tensor) -> None:
        """Predict (B, T) targets, at most a context of them in a row."""
        logits = model(inputs.to(model.device)).float().flatten(0, 1).cpu()
        losses = F.cross_entropy(logits, targets.flatten(), reduction="none").double()
        positions = torch.arange(inputs.shape[1]).expand_as(inputs)
        divided = [(self._by_position, positions)]
        if self._of_a_kind:
            divided.append((self._by_kind, self._kinds(inputs, targets)))
        for sums, of in divided:
            sums[0] += torch.bincount(of.flatten(), losses, sums.shape[1])
            sums[1] += torch.bincount(of.flatten(), minlength=sums.shape[1])

    def _kinds(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """(B, T) kinds of the targets. Of the one or two characters before each, those before the
        window are not known."""
        word, apostrophe = self._tables.continues[inputs], self._tables.apostrophe[inputs]
        inside = word.clone()
        inside[:, 1:] |= apostrophe[:, 1:] & word[:, :-1]
        kinds = self._tables.kind[targets]
        return kinds.where((kinds != INSIDE) | inside, FIRST)

    @property
    def characters(self) -> int:
        """The number of predictions."""
        return int(self._by_position[1].sum())

    @property
    def bits(self) -> float:
        """The mean loss."""
        return float(self._by_position[0].sum() / max(1, self.characters) / math.log(2))

    def kinds(self) -> tuple[LossPart, ...]:
        """The kinds that occur."""
        return self._parts([(name, self._by_kind[:, number]) for number, name in enumerate(KINDS)])

    def positions(self) -> tuple[LossPart, ...]:
        """By how many characters a prediction sees: 1, 2, 3 to 4, 5 to 8 and so on."""
        groups, first = [], 1
        while first <= self._context_length:
            last = min(self._context_length, 1 << (first - 1).bit_length())
            name = f"{first}" if first == last else f"{first}-{last}"
            groups.append((name, self._by_position[:, first - 1 : last].sum(1)))
            first = last + 1
        return self._parts(groups)

    def _parts(self, groups: list[tuple[str, Tensor]]) -> tuple[LossPart, ...]:
        return tuple(
            LossPart(name, float(loss / count / math.log(2)), float(count) / self.characters)
            for name, (loss, count) in groups
            if count
        )
