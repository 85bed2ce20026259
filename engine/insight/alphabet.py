"""The alphabet as the model sees it: characters by their embeddings.

Dimensions: N characters, D embedding width.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

NEIGHBOURS = 5
"""The nearest characters of each."""


class Alphabet(NamedTuple):
    """Characters on a plane, and which are alike."""

    plane: Tensor
    """(N, 2) coordinates along the first two principal components."""
    explained: tuple[float, float]
    """The share of the variance along each of them, 0 to 1."""
    nearest: Tensor
    """(N, M) the numbers of the nearest characters, of those that there are."""
    similarity: Tensor
    """(N, M) their cosine similarity."""


@torch.no_grad()
def map_alphabet(embedding: Tensor, earlier: Tensor | None = None) -> Alphabet:
    """(N, D) embeddings of some characters, at least one. `earlier`: the plane of these characters
    at another moment of the run.

    A principal component has no sign of its own. Each gets the one by which the picture is most
    like the earlier one, so that it does not flip; the first time, the one by which its largest
    coordinate is positive.
    """
    x = embedding.detach().cpu().double()
    centred = x - x.mean(0)
    # The characters are fewer than the numbers of a wide embedding: by their products, (N, N).
    variances, components = torch.linalg.eigh(centred @ centred.mT)
    plane = torch.zeros(len(x), 2, dtype=torch.float64)
    explained = [0.0, 0.0]
    for axis in range(min(2, len(x))):
        variance = variances[-1 - axis].clamp(min=0)
        coordinates = components[:, -1 - axis] * variance.sqrt()
        reference = coordinates[coordinates.abs().argmax()]
        if earlier is not None:
            reference = coordinates @ earlier[:, axis]
        plane[:, axis] = -coordinates if reference < 0 else coordinates
        explained[axis] = float(variance / variances.clamp(min=0).sum().clamp(min=1e-300))
    similarity = _cosines(x).fill_diagonal_(-torch.inf)
    values, nearest = similarity.topk(min(NEIGHBOURS, len(x) - 1))
    return Alphabet(plane, (explained[0], explained[1]), nearest, values)


def _cosines(x: Tensor) -> Tensor:
    """(N, D) to the cosine of the angle between each two of them, (N, N)."""
    directions = F.normalize(x, dim=1)
    return directions @ directions.mT
