"""A traced pass is the model's own: its logits, where its heads look, and what its parts are for."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch
from plain_gpt import plain_pass
from shaping import CONTEXT, OPTIONS, awake, named, shape, some_ids
from torch import Tensor

from engine.config import ModelConfig
from engine.insight.parts import NOTHING, Off, parse_off
from engine.insight.trace import trace
from engine.model.gpt import GPT

CONFIGS = {"default": shape()} | {named(option): shape(**dict([option])) for option in OPTIONS}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
WITH_ATTENTION = {name: config for name, config in CONFIGS.items() if config.attention}
with_attention = pytest.mark.parametrize("config", WITH_ATTENTION.values(), ids=WITH_ATTENTION)


def logits_of(model: GPT, ids: Tensor, off: Off = NOTHING) -> Tensor:
    return model.logits(trace(model, ids, off).blocks[-1])


@every_config
@pytest.mark.parametrize("time", [1, 7, CONTEXT])
@torch.no_grad()
def test_the_logits_are_those_of_the_model(config: ModelConfig, time: int) -> None:
    model, ids = awake(config), some_ids(1, time)
    torch.testing.assert_close(logits_of(model, ids[0]), model(ids)[0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_nothing_is_dropped_out() -> None:
    model, ids = awake(shape(dropout=0.5)), some_ids(1, CONTEXT)
    torch.testing.assert_close(logits_of(model, ids[0]), model(ids)[0], rtol=1e-4, atol=1e-5)


@every_config
def test_the_stream_and_what_comes_to_it_are_those_of_a_plain_pass(config: ModelConfig) -> None:
    model, (ids,) = awake(config), some_ids(1, CONTEXT)
    traced, plain = trace(model, ids), plain_pass(model, ids)
    streams = [traced.embedding, *traced.blocks]
    assert (len(streams), len(traced.added)) == (len(plain.streams), len(plain.added))
    for ours, expected in zip(
        [*streams, *traced.added], [*plain.streams, *plain.added], strict=True
    ):
        np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-3, atol=1e-4)


@with_attention
@pytest.mark.parametrize("time", [1, 7, CONTEXT])
def test_attention_is_a_plain_softmax_of_queries_and_keys(config: ModelConfig, time: int) -> None:
    model, (ids,) = awake(config), some_ids(1, time)
    attention, plain = trace(model, ids).attention, plain_pass(model, ids).attention
    assert len(attention) == len(plain) == config.n_layer
    for ours, expected in zip(attention, plain, strict=True):
        assert ours.shape == (config.n_head, time)
        np.testing.assert_allclose(ours.numpy(), expected[:, -1], rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(ours.sum(-1), torch.ones(config.n_head))


def test_without_attention_nothing_is_looked_at() -> None:
    assert trace(awake(shape(attention=False)), some_ids(1, 5)[0]).attention == []


def zeroed(model: GPT, name: str, columns: slice = slice(None)) -> GPT:
    """The model with these columns of a sublayer's output matrix set to zero."""
    other = deepcopy(model)
    with torch.no_grad():
        other.get_parameter(f"blocks.{name}.output.weight")[:, columns] = 0
    return other


PARTS: dict[str, Callable[[GPT], GPT]] = {
    "1.head.1": lambda model: zeroed(model, "0.attention", slice(0, 8)),
    "2.head.2": lambda model: zeroed(model, "1.attention", slice(8, 16)),
    "1.attention": lambda model: zeroed(model, "0.attention"),
    "2.attention": lambda model: zeroed(model, "1.attention"),
    "1.mlp": lambda model: zeroed(model, "0.mlp"),
    "2.mlp": lambda model: zeroed(model, "1.mlp"),
}


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("name", PARTS)
@torch.no_grad()
def test_a_part_that_is_off_is_one_without_weights(name: str, residual: bool) -> None:
    model, ids = awake(shape(residual=residual)), some_ids(1, CONTEXT)
    expected = PARTS[name](model)(ids)[0]
    found = logits_of(model, ids[0], parse_off([name], model.config))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert (found - model(ids)[0]).abs().max() > 0.01


@torch.no_grad()
def test_several_parts_are_off_together() -> None:
    model, ids = awake(shape()), some_ids(1, CONTEXT)
    names = ["1.head.1", "2.attention", "2.mlp"]
    expected = model
    for name in names:
        expected = PARTS[name](expected)
    found = logits_of(model, ids[0], parse_off(names, model.config))
    torch.testing.assert_close(found, expected(ids)[0], rtol=1e-4, atol=1e-5)


def test_a_head_that_is_off_looks_nowhere_and_the_others_as_before() -> None:
    model, (ids,) = awake(shape()), some_ids(1, CONTEXT)
    whole = trace(model, ids).attention
    first, second = trace(model, ids, parse_off(["1.head.1"], model.config)).attention
    assert not first[0].any()
    assert torch.equal(first[1], whole[0][1])
    torch.testing.assert_close(second.sum(-1), torch.ones(2))
    first, second = trace(model, ids, parse_off(["2.attention"], model.config)).attention
    assert torch.equal(first, whole[0])
    assert not second.any()


def test_the_model_itself_stays_as_it_is() -> None:
    model, (ids,) = awake(shape()), some_ids(1, CONTEXT)
    before = deepcopy(model.state_dict())
    trace(model, ids, parse_off(["1.attention", "2.mlp", "2.head.1"], model.config))
    assert all(map(torch.equal, model.state_dict().values(), before.values()))


@pytest.mark.parametrize(
    "name",
    [
        *("3.mlp", "3.attention", "1.head.3", "0.mlp", "1.head.0", "01.mlp", "1.heads.1"),
        *("1.head", "mlp", "", "1.mlp\n", "٢.mlp", "2٢.mlp", "1.mlp.1"),
        pytest.param("9" * 5_000 + ".mlp", id="more digits than Python converts"),
    ],
)
def test_a_part_that_the_model_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^This model has no part .*: it has 2 blocks of 2 heads"):
        parse_off([name], shape())


@pytest.mark.parametrize(
    ("name", "changes", "inside"),
    [
        ("1.mlp", {"mlp": False}, "2 blocks of 2 heads without an MLP"),
        ("1.attention", {"attention": False}, "2 blocks without attention"),
        ("1.head.1", {"attention": False}, "2 blocks without attention"),
        ("2.mlp", {"n_layer": 1, "n_head": 1}, "1 block of 1 head"),
    ],
)
def test_a_part_that_was_left_out_is_refused(
    name: str, changes: dict[str, object], inside: str
) -> None:
    with pytest.raises(ValueError, match=f"no part '{name}': it has {inside}, and parts are named"):
        parse_off([name], shape(**changes))


def test_parts_are_counted_from_one() -> None:
    off = parse_off(["2.attention", "1.mlp", "2.head.1", "1.mlp"], shape())
    assert off == Off(frozenset({1}), frozenset({0}), frozenset({(1, 0)}))
    assert parse_off([], shape()) == NOTHING
