"""Where the loss lives: by the kind of what is predicted, and by how many tokens are seen.

Dimensions: B batch, T time.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from data.character_kinds import KINDS, KINDS_OF_TOKENS, kind_at
from engine.model.gpt import GPT
from engine.model.tokenizer import Tokenizer, Vocabulary
from engine.protocol.insight import LossPart


class LossByKind:
    """Adds up the losses of predictions."""

    def __init__(self, tokenizer: Tokenizer, context_length: int) -> None:
        """`context_length`: the most tokens that a prediction sees."""
        self._tokenizer = tokenizer
        self._names = KINDS if isinstance(tokenizer, Vocabulary) else KINDS_OF_TOKENS
        self._sizes = torch.tensor(tokenizer.sizes, dtype=torch.float64)
        self._context_length = context_length
        self._by_kind = torch.zeros(3, len(KINDS), dtype=torch.float64)
        self._by_position = torch.zeros(3, context_length, dtype=torch.float64)

    @torch.no_grad()
    def add(self, model: GPT, inputs: Tensor, targets: Tensor) -> None:
        """Predict (B, T) targets, at most a context of them in a row."""
        logits = model(inputs.to(model.device)).float().flatten(0, 1).cpu()
        losses = F.cross_entropy(logits, targets.flatten(), reduction="none").double()
        positions = torch.arange(inputs.shape[1]).expand_as(inputs)
        bytes_ = self._sizes[targets.flatten()]
        for sums, of in (
            (self._by_position, positions),
            (self._by_kind, self._kinds(inputs, targets)),
        ):
            sums[0] += torch.bincount(of.flatten(), losses, sums.shape[1])
            sums[1] += torch.bincount(of.flatten(), minlength=sums.shape[1])
            sums[2] += torch.bincount(of.flatten(), bytes_, sums.shape[1])

    def _kinds(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """(B, T) kinds of the targets. Of what stands before the window nothing is known."""
        rows = torch.cat([inputs[:, :1], targets], dim=1)
        return torch.tensor([self._kinds_in(row)[1:] for row in rows.tolist()])

    def _kinds_in(self, ids: list[int]) -> list[int]:
        """The kinds of the tokens of a text."""
        text, pieces = self._tokenizer.decode(ids), self._tokenizer.pieces
        starts = self._tokenizer.starts(ids) or range(len(ids))
        return [kind_at(text, start, pieces[id_]) for id_, start in zip(ids, starts, strict=True)]

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
        return self._parts(list(zip(self._names, self._by_kind.T, strict=True)))

    def positions(self) -> tuple[LossPart, ...]:
        """By how many tokens a prediction sees: 1, 2, 3 to 4, 5 to 8 and so on."""
        groups, first = [], 1
        while first <= self._context_length:
            last = min(self._context_length, 1 << (first - 1).bit_length())
            name = f"{first}" if first == last else f"{first}-{last}"
            groups.append((name, self._by_position[:, first - 1 : last].sum(1)))
            first = last + 1
        return self._parts(groups)

    def _parts(self, groups: list[tuple[str, Tensor]]) -> tuple[LossPart, ...]:
        return tuple(
            LossPart(
                name,
                float(loss / count / math.log(2)),
                float(count) / self.characters,
                float(bytes_ / count),
            )
            for name, (loss, count, bytes_) in groups
            if count
        )
