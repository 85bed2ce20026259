"""The GPT: it is causal, starts with equal probabilities, and applies dropout only when asked."""

import math

import pytest
import torch
import torch.nn.functional as F
from shaping import CONTEXT, VOCABULARY, awake, shape, some_ids
from torch import Tensor

from engine.config import PRESETS, preset
from engine.model.gpt import GPT, dropout
from engine.model.size import parameter_count


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


def test_the_seed_decides_the_first_weights() -> None:
    def weights(seed: int) -> Tensor:
        model = GPT(shape(), 7).init_weights(torch.Generator().manual_seed(seed))
        return model.get_parameter("blocks.0.mlp.up.weight")

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


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
