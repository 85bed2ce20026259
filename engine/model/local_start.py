"""A start for attention: each head looks at the characters just before, instead of at all alike.

With random weights every head spreads its attention over the whole context, and training has to find
first that most of what a character depends on is near. Here queries and keys begin with a common
part, which rotary positions turn into a preference for one distance. Only the drawn weights
differ: the architecture and its exports stay. Similar in aim to the positional start of ConViT
(d'Ascoli et al. 2021), and to mimetic initialization (Trockman and Kolter 2023).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.model.rope import inv_freq
from engine.model_config import ModelConfig

CONSTANT = 3.0
"""The first number of every embedding, in standard deviations of the others: what is the same for
all characters, and so carries the part of queries and keys that does not depend on the character."""


def applies_to(config: ModelConfig) -> bool:
    """Whether heads of this model begin so. Without rotary positions a query does not know how far a
    key is away, without QK-norm it would outweigh the characters by far, and without residual
    connections nothing common is left after the first sublayer."""
    return (
        config.local_start > 0
        and config.attention
        and config.positions == "rotary"
        and config.qk_norm
        and config.residual
    )


@torch.no_grad()
def start_local(embedding: Tensor, qkv_weights: Sequence[Tensor], config: ModelConfig) -> None:
    """Change freshly drawn weights: the embedding (V, D), and queries, keys and values (3 D, D) of
    each block, from the first to the last.

    A query q and a key k at a distance of d have the product q' R(d) k, where the rotation R turns
    pair i by d times its frequency. With q = R(-preferred) k it is largest at the preferred distance.
    """
    embedding[:, 0] = CONSTANT * embedding[:, 1:].std()
    # RMSNorm brings the first number near CONSTANT, and each number of a query near 1 by chance.
    size = config.local_start / CONSTANT * 2**0.5
    frequencies = inv_freq(config.head_dim, config.rope_base)
    key = torch.cat((torch.ones_like(frequencies), torch.zeros_like(frequencies)))
    for block, weight in enumerate(qkv_weights):
        heads = weight.view(3, config.n_head, config.head_dim, config.n_embd)
        for head in range(config.n_head):
            angles = preferred_distance(head, block, config.n_head) * frequencies
            query = torch.cat((angles.cos(), -angles.sin()))
            heads[0, head, :, 0] = size * query
            heads[1, head, :, 0] = size * key


def preferred_distance(head: int, block: int, n_head: int) -> float:
    """In tokens: 1 to 2 in the first block, 4 to 16 from the fourth on, doubled at even steps. It does
    not depend on the number of blocks, so that models of different depth begin alike."""
    through = head / (n_head - 1) if n_head > 1 else 0.5
    return float(max(1.0, 2 ** (min(block, 3) + 2 * through - 1)))
