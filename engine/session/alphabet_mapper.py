"""Answers how the model sees the alphabet: by its output embeddings, which begin at zero, so that all
of them is learned. The input embeddings are drawn at random, and training moves them so little that
no two tokens come near each other.
"""

import torch
from torch import Tensor

from engine.insight.alphabet import map_alphabet
from engine.model.tokenizer import Tokenizer
from engine.protocol import AlphabetMapped, CharacterPoint, MapAlphabet
from engine.session.moment_models import MomentModels
from engine.training.dataset import Dataset

MOST_SHOWN = 200
"""Of a larger vocabulary the most frequent ones are shown."""
COUNTED = 1_000_000
"""Tokens of the text, spread over it, that tell which these are."""


class AlphabetMapper:
    """Maps the alphabet of one run, with the signs of the picture before."""

    def __init__(self, models: MomentModels, dataset: Dataset, tokenizer: Tokenizer) -> None:
        self._models = models
        self._dataset = dataset
        self._tokenizer = tokenizer
        self._shown: list[int] = []
        self._plane: Tensor | None = None

    def answer(self, command: MapAlphabet) -> AlphabetMapped:
        """ValueError, with a user-facing message, if the weights of that step are not kept."""
        weights = self._models.at(command.step)
        if not self._shown:
            self._shown = self._most_frequent()
        selected = self._tokenizer.id_of(command.selected)
        more = [selected] if selected >= 0 and selected not in self._shown else []
        embedding = weights.model.output_embedding
        alphabet = map_alphabet(embedding, self._shown, more, self._plane)
        if alphabet.plane.any():
            self._plane = alphabet.plane[: len(self._shown)]
        pieces = self._tokenizer.pieces
        points = [
            CharacterPoint(
                pieces[id_], x, y, tuple(zip([pieces[i] for i in near], cosines, strict=True))
            )
            for id_, (x, y), near, cosines in zip(
                [*self._shown, *more],
                alphabet.plane.tolist(),
                alphabet.nearest.tolist(),
                alphabet.similarity.tolist(),
                strict=True,
            )
        ]
        return AlphabetMapped(
            command.request,
            weights.step,
            tuple(points[: len(self._shown)]),
            alphabet.explained,
            len(self._tokenizer),
            points[-1] if more else None,
        )

    def _most_frequent(self) -> list[int]:
        """The ids that are shown; of a large vocabulary, the most frequent first."""
        size = len(self._tokenizer)
        if size <= MOST_SHOWN:
            return list(range(size))
        counts = torch.bincount(self._dataset.some(COUNTED), minlength=size)
        order = torch.sort(counts, descending=True, stable=True).indices
        return order[: min(MOST_SHOWN, int(counts.count_nonzero()))].tolist()
