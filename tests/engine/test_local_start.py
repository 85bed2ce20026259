"""A local start: heads of a fresh model look at the nearest characters, and nothing else is changed."""

import pytest
import torch
from shaping import shape, some_ids
from torch import Tensor

from engine.config import ModelConfig, preset
from engine.model.gpt import GPT, Attention
from engine.model.local_start import preferred_distance

VOCABULARY = 65


def fresh(config: ModelConfig) -> GPT:
    return GPT(config, VOCABULARY).init_weights(torch.Generator().manual_seed(1))


@torch.no_grad()
def attention_by_distance(model: GPT) -> Tensor:
    """(L, H, T) how much of its attention a head gives to each distance, the mean over positions
    that have so many before them."""
    time = 64
    ids, rope = some_ids(8, time, VOCABULARY), model.rope(0, time)
    shares = []
    for layer in model.sublayers():
        if isinstance(layer, Attention):
            query, key, _ = layer.heads(model.embed(ids), rope)
            scores = query @ key.mT / query.shape[-1] ** 0.5
            future = torch.ones(time, time).triu(1).bool()
            probs = scores.masked_fill(future, float("-inf")).softmax(-1).mean(0)
            shares.append(
                torch.stack([probs.diagonal(-d, 1, 2)[:, -16:].mean(1) for d in range(32)], 1)
            )
    return torch.stack(shares)


@pytest.mark.parametrize("name", ["nano", "small"])
def test_each_head_of_a_preset_looks_at_its_distance_first(name: str) -> None:
    config = preset(name, "any").model
    shares = attention_by_distance(fresh(config))
    for block in range(config.n_layer):
        for head in range(config.n_head):
            most = int(shares[block, head].argmax())
            assert most == round(preferred_distance(head, block, config.n_head))
            assert shares[block, head, most] > 0.08  # of 64 characters


def test_without_it_no_distance_is_preferred() -> None:
    assert attention_by_distance(fresh(ModelConfig())).max() < 0.04


def test_distances_grow_from_the_first_block_to_the_last() -> None:
    distances = [[preferred_distance(head, block, 2) for head in (0, 1)] for block in range(5)]
    assert distances == [[1, 2], [1, 4], [2, 8], [4, 16], [4, 16]]
    assert preferred_distance(0, 0, n_head=1) == 1
    assert preferred_distance(31, 47, n_head=32) == 16


def test_only_one_number_of_embeddings_queries_and_keys_differs() -> None:
    config = shape()
    plain, local = fresh(config), fresh(shape(local_start=3.0))
    for (name, one), other in zip(plain.named_parameters(), local.parameters(), strict=True):
        differing = (one != other).any(0)
        begins_otherwise = name.endswith(("embedding.weight", "qkv.weight"))
        assert differing.sum() == int(begins_otherwise), name
        assert not begins_otherwise or differing[0], name
    for one, other in zip(plain.sublayers(), local.sublayers(), strict=True):
        if isinstance(one, Attention) and isinstance(other, Attention):
            values = 2 * config.n_embd
            assert torch.equal(one.qkv.weight[values:], other.qkv.weight[values:])


@pytest.mark.parametrize(
    "options",
    [
        {"positions": "learned"},
        {"positions": "none"},
        {"qk_norm": False},
        {"residual": False},
        {"attention": False},
    ],
    ids=str,
)
def test_a_model_that_cannot_begin_so_begins_as_without_it(options: dict[str, object]) -> None:
    plain, local = fresh(shape(**options)), fresh(shape(**options, local_start=3.0))
    assert all(
        torch.equal(one, other)
        for one, other in zip(plain.parameters(), local.parameters(), strict=True)
    )


def test_a_head_that_is_the_embedding_still_knows_nothing() -> None:
    """What all characters have in common prefers none of them."""
    model = fresh(shape(tied_head=True, local_start=3.0))
    with torch.no_grad():
        logits = model(some_ids(4, 8, VOCABULARY))
    assert logits.std(-1).max() < 0.5
