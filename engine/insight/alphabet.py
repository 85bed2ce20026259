"""The alphabet as the model sees it: tokens by their embeddings.

Dimensions: V vocabulary, N tokens on the plane, D embedding width.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

NEIGHBOURS = 5
"""The nearest tokens of each."""
AT_ONCE = 4_096
"""Rows of the embedding that are compared at a time: as float64 they are a few megabytes."""
LEAST = 1e-12
"""The share of the variance from which on a component has a direction."""


class Alphabet(NamedTuple):
    """Tokens on a plane, and which are alike."""

    plane: Tensor
    """(N, 2) coordinates along the first two principal components, and a row for one more token, if
    there is one."""
    explained: tuple[float, float]
    """The share of the variance along each of them, 0 to 1."""
    nearest: Tensor
    """(N, M) the ids of the nearest tokens of all, of those that there are; in as many rows."""
    similarity: Tensor
    """(N, M) their cosine similarity."""


@torch.no_grad()
def map_alphabet(
    embedding: Tensor, shown: Sequence[int], more: Sequence[int] = (), earlier: Tensor | None = None
) -> Alphabet:
    """(V, D) embeddings of a vocabulary, of which the N tokens `shown`, at least one, make the
    plane. `more`: a token that is put on that plane, too. `earlier`: the plane of these tokens at
    another moment of the run, (N, 2).

    A principal component has no sign of its own. Each gets the one by which the picture is most
    like the earlier one, so that it does not flip; the first time, the one by which its largest
    coordinate is positive.
    """
    embedding = embedding.detach().cpu()
    x = embedding[[*shown, *more]].double()
    moved = x - x[: len(shown)].mean(0)
    centred, others = moved[: len(shown)], moved[len(shown) :]
    # The tokens are fewer than the numbers of a wide embedding: by their products, (N, N).
    variances, components = torch.linalg.eigh(centred @ centred.mT)
    variances = variances.clamp(min=0)
    whole = variances.sum().clamp(min=1e-300)
    plane = torch.zeros(len(x), 2, dtype=torch.float64)
    explained = [0.0, 0.0]
    for axis in range(min(2, len(shown))):
        component, variance = components[:, -1 - axis], variances[-1 - axis]
        coordinates = component * variance.sqrt()
        projected = others @ (centred.mT @ component)
        projected = projected / variance.sqrt() if variance > LEAST * whole else 0 * projected
        reference = coordinates[coordinates.abs().argmax()]
        if earlier is not None:
            reference = coordinates @ earlier[:, axis]
        both = torch.cat([coordinates, projected])
        plane[:, axis] = -both if reference < 0 else both
        explained[axis] = float(variance / whole)
    return Alphabet(plane, (explained[0], explained[1]), *_nearest(embedding, [*shown, *more]))


def _nearest(embedding: Tensor, tokens: list[int]) -> tuple[Tensor, Tensor]:
    """Of (V, D) embeddings the nearest to those of N `tokens`, themselves left out: the ids (N, M),
    and the cosines of the angles between them (N, M)."""
    directions = F.normalize(embedding[tokens].double(), dim=1)
    own, rows = torch.tensor(tokens), torch.arange(len(tokens))
    kept = torch.empty(len(tokens), 0, dtype=torch.float64)
    ids = torch.empty(len(tokens), 0, dtype=torch.long)
    for first in range(0, len(embedding), AT_ONCE):
        some = F.normalize(embedding[first : first + AT_ONCE].double(), dim=1)
        found = torch.arange(first, first + len(some))
        cosines = directions @ some.mT
        here = (own >= first) & (own < first + len(some))
        cosines[rows[here], own[here] - first] = -torch.inf
        kept = torch.cat([kept, cosines], dim=1)
        ids = torch.cat([ids, found.expand(len(tokens), -1)], dim=1)
        kept, order = kept.topk(min(NEIGHBOURS, kept.shape[1]))
        ids = ids.gather(1, order)
    number = min(NEIGHBOURS, len(embedding) - 1)
    return ids[:, :number], kept[:, :number]
