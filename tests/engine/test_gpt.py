"""The GPT: it is causal, starts with equal probabilities, and applies dropout only when asked."""

import math

import pytest
import torch
import torch.nn.functional as F
from shaping import CONTEXT, VOCABULARY, awake, plain_operations, shape, some_ids
from torch import Tensor

from engine.config import PRESETS, preset
from engine.model.gpt import GPT, dropout, rms_norm
from engine.model.rope import apply_rope, inv_freq, rope_cache
from engine.model.size import flops_per_token, parameter_count


@pytest.mark.parametrize("place", range(CONTEXT))
@torch.no_grad()
def test_a_later_character_changes_no_earlier_logits(place: int) -> None:
    model = awake(shape())
    ids = some_ids(2, CONTEXT)
    changed = ids.clone()
    changed[:, place] = (changed[:, place] + 1) % VOCABULARY
    before, after = model(ids), model(changed)
    torch.testing.assert_close(after[:, :place], before[:, :place], rtol=0, atol=1e-6)
    # It does change its own logits and the last ones, so the comparison above can fail.
    assert (after[:, place] - before[:, place]).abs().max() > 0.01
    assert (after[:, -1] - before[:, -1]).abs().max() > 0.001


@torch.no_grad()
def test_the_order_of_characters_matters() -> None:
    model = awake(shape(n_layer=1))  # more blocks would tell the order by what each may see
    ids = torch.tensor([[1, 2, 3, 4]])
    swapped = torch.tensor([[2, 1, 3, 4]])
    assert (model(ids)[0, -1] - model(swapped)[0, -1]).abs().max() > 0.01


@pytest.mark.parametrize("name", PRESETS)
@torch.no_grad()
def test_the_loss_of_a_fresh_model_is_ln_v(name: str) -> None:
    config = preset(name, "any").model
    model = GPT(config, 65).init_weights(torch.Generator().manual_seed(1))
    ids = torch.randint(65, (2, 33), generator=torch.Generator().manual_seed(2))
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    assert float(loss) == pytest.approx(math.log(65), abs=5e-4)


@pytest.mark.parametrize(("name", "millions"), [("nano", 0.1), ("small", 0.8), ("medium", 10.7)])
def test_the_parameter_count_is_that_of_a_real_model(name: str, millions: float) -> None:
    config = preset(name, "any").model
    real = sum(p.numel() for p in GPT(config, 65).parameters())
    assert real == parameter_count(config, 65)
    assert round(real / 1e6, 1) == millions


def test_small_has_eight_hundred_thousand_parameters() -> None:
    assert round(parameter_count(preset("small", "any").model, 65) / 1e6, 2) == 0.80


@torch.no_grad()
def test_a_fresh_model_with_a_tied_head_loses_nearly_ln_v() -> None:
    config = shape(tied_head=True, n_embd=128)
    model = GPT(config, 65).init_weights(torch.Generator().manual_seed(1))
    assert model.head is None
    assert "head.weight" not in model.state_dict()
    ids = some_ids(2, CONTEXT, 65)
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    assert float(loss) == pytest.approx(math.log(65), abs=0.3)


def test_operations_are_six_a_parameter_and_those_of_attention() -> None:
    config = shape()
    of_parameters = 6 * parameter_count(config, VOCABULARY)
    assert flops_per_token(config, VOCABULARY) == of_parameters + 12 * 2 * 16 * CONTEXT
    config = shape(attention=False)
    assert flops_per_token(config, VOCABULARY) == 6 * parameter_count(config, VOCABULARY)


def test_the_seed_decides_the_first_weights() -> None:
    def weights(seed: int) -> Tensor:
        model = GPT(shape(), 7).init_weights(torch.Generator().manual_seed(seed))
        return model.get_parameter("blocks.0.mlp.up.weight")

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@pytest.mark.parametrize(
    ("option", "drawn_otherwise"),
    [
        ({"n_layer": 3}, {"blocks.2.attention.qkv.weight", "blocks.2.mlp.up.weight"}),
        ({"positions": "learned"}, {"positions.weight"}),
        ({"activation": "swiglu"}, {"blocks.0.mlp.up.weight", "blocks.1.mlp.up.weight"}),
        ({"attention": False}, set()),
    ],
)
def test_models_of_one_seed_share_the_weights_of_the_same_name_and_shape(
    option: dict[str, object], drawn_otherwise: set[str]
) -> None:
    one, other = (
        GPT(shape(**changes), 7).init_weights(torch.Generator().manual_seed(1)).state_dict()
        for changes in ({}, option)
    )
    equal = {
        name
        for name, tensor in other.items()
        if name in one and one[name].shape == tensor.shape and tensor.any()
    }
    assert all(torch.equal(one[name], other[name]) for name in equal)
    assert {name for name, tensor in other.items() if tensor.any()} - equal == drawn_otherwise


@torch.no_grad()
def test_the_rows_of_a_batch_are_independent() -> None:
    model = awake(shape())
    ids = some_ids(3, CONTEXT)
    together = model(ids)
    for row in range(3):
        alone = model(ids[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-5, atol=1e-5)


def test_bfloat16_has_nearly_the_same_logits_and_all_gradients() -> None:
    model = awake(shape())
    ids = some_ids(2, CONTEXT)
    with torch.no_grad():
        exact = model(ids)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(ids)
    assert rough.dtype == torch.bfloat16
    assert (rough.float() - exact).abs().max() < 0.1 * exact.abs().max()
    rough.float().square().mean().backward()
    gradients = [p.grad for p in model.parameters()]
    assert all(g is not None and g.isfinite().all() and g.abs().sum() > 0 for g in gradients)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_what_is_not_dropped_makes_up_for_what_is(fraction: float) -> None:
    left = dropout(torch.full((100, 200), 3.0), fraction, torch.Generator().manual_seed(4))
    kept = left != 0
    assert abs(float(kept.float().mean()) - (1 - fraction)) < 0.01
    torch.testing.assert_close(left[kept], torch.full_like(left[kept], 3 / (1 - fraction)))


@torch.no_grad()
def test_dropout_applies_only_with_a_generator() -> None:
    model = awake(shape(dropout=0.5))
    ids = some_ids(1, CONTEXT)

    def dropped(seed: int) -> Tensor:
        return model(ids, torch.Generator().manual_seed(seed))

    assert torch.equal(model(ids), model(ids))
    assert not torch.allclose(model(ids), dropped(1))
    assert torch.equal(dropped(1), dropped(1))
    assert not torch.allclose(dropped(1), dropped(2))


@torch.no_grad()
def test_at_a_fraction_of_zero_nothing_is_dropped() -> None:
    model = awake(shape())
    ids = some_ids(1, CONTEXT)
    assert torch.equal(model(ids), model(ids, torch.Generator().manual_seed(1)))


def test_rms_norm_gives_a_mean_square_of_one() -> None:
    x = 7 * torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(1))
    y = rms_norm(x)
    torch.testing.assert_close(y.square().mean(2), torch.ones(3, 5), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(y / y[..., :1], x / x[..., :1], rtol=1e-5, atol=1e-5)
    assert not rms_norm(torch.zeros(2, 16)).any()
    with plain_operations():
        torch.testing.assert_close(rms_norm(x), y)


def test_the_first_pair_turns_by_one_radian_and_each_next_one_slower() -> None:
    assert inv_freq(2, 10_000).tolist() == [1.0]
    frequencies = inv_freq(8, 10_000)
    torch.testing.assert_close(
        frequencies, torch.tensor([1, 0.1, 0.01, 0.001], dtype=torch.float64)
    )


@pytest.mark.parametrize("start", [0, 3, 10_000_000])
def test_rotary_angles_grow_with_the_position_without_losing_digits(start: int) -> None:
    cos, sin = rope_cache(start, 4, 8, 10_000)
    assert cos.shape == sin.shape == (4, 4)
    assert cos.dtype == sin.dtype == torch.float32
    for t in range(4):
        for j, frequency in enumerate((1, 0.1, 0.01, 0.001)):
            assert float(cos[t, j]) == pytest.approx(math.cos((start + t) * frequency), abs=1e-6)
            assert float(sin[t, j]) == pytest.approx(math.sin((start + t) * frequency), abs=1e-6)


def test_the_angles_of_a_model_go_on_past_its_context() -> None:
    model = awake(shape())
    for start in (0, 5, CONTEXT - 4, CONTEXT - 2, 10 * CONTEXT):
        for part, expected in zip(
            model.rope(start, 4), rope_cache(start, 4, 8, 10_000), strict=True
        ):
            assert torch.equal(part, expected)


def test_rope_rotates_each_pair_by_its_angle() -> None:
    x = torch.randn(2, 3, 5, 8, generator=torch.Generator().manual_seed(1))
    cos, sin = rope_cache(2, 5, 8, 10_000)
    rotated = torch.complex(*x.chunk(2, -1)) * torch.complex(cos, sin)
    expected = torch.cat((rotated.real, rotated.imag), -1)
    torch.testing.assert_close(apply_rope(x, (cos, sin)), expected)
    assert torch.equal(apply_rope(x, rope_cache(0, 1, 8, 10_000))[:, :, :1], x[:, :, :1])


@pytest.mark.parametrize("start", [0, 1000])
def test_the_score_of_two_rotated_vectors_depends_on_their_distance(start: int) -> None:
    generator = torch.Generator().manual_seed(1)
    query, key = (torch.randn(1, 1, 1, 8, generator=generator).expand(1, 1, 6, 8) for _ in range(2))
    rope = rope_cache(start, 6, 8, 10_000)
    scores = (apply_rope(query, rope) @ apply_rope(key, rope).mT)[0, 0]
    for distance in range(-5, 6):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand(len(diagonal)))
    assert scores[0].std() > 0.1
