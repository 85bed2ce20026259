"""Rotary positions (RoFormer, Su et al. 2021).

Dimensions: B batch, T time, H heads, K head width.
"""

import torch
from torch import Tensor

Rope = tuple[Tensor, Tensor]
"""Cosine and sine of the rotary angles, (T, K / 2) each."""


def rope_cache(start: int, time: int, head_dim: int, base: float) -> Rope:
    """The rotary angles of `time` positions from `start` on; `base` as in `inv_freq`.

    Computed in float64, since a long text has large positions, and on the CPU, for a model on the
    meta device as well.
    """
    positions = torch.arange(start, start + time, dtype=torch.float64, device="cpu")
    angles = torch.outer(positions, inv_freq(head_dim, base))
    return angles.cos().float(), angles.sin().float()


def inv_freq(head_dim: int, base: float) -> Tensor:
    """(K / 2) radians by which each pair of numbers is rotated from one position to the next: from 1
    down to nearly 1 / `base`."""
    half = head_dim // 2
    return base ** (-torch.arange(half, dtype=torch.float64, device="cpu") / half)


def apply_rope(x: Tensor, rope: Rope) -> Tensor:
    """Rotate queries or keys (..., K), in the half-split form of Llama. The angles are broadcast."""
    cos, sin = (part.to(x.dtype) for part in rope)
    left, right = x.chunk(2, -1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), -1)
