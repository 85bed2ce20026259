"""The GPT: it cannot see the future, starts knowing nothing, and drops only when asked."""

import math

import pytest
import torch
import torch.nn.functional as F
from shaping import CONTEXT, VOCABULARY, awake, shape, some_ids
from torch import Tensor

from engine.config import PRESETS, preset
from engine.model.gpt import GPT, drop


@pytest.mark.parametrize("place", range(CONTEXT))
@torch.no_grad()
def test_a_later_character_never_changes_an_earlier_answer(place: int) -> None:
    model = awake(shape())
    ids = some_ids(2, CONTEXT)
    changed = ids.clone()
    changed[:, place] = (changed[:, place] + 1) % VOCABULARY
    before, after = model(ids), model(changed)
    torch.testing.assert_close(after[:, :place], before[:, :place], rtol=0, atol=1e-6)
    # It does change its own answer and the last one, so the comparison above can fail.
    assert (after[:, place] - before[:, place]).abs().max() > 0.01
    assert (after[:, -1] - before[:, -1]).abs().max() > 0.001


@torch.no_grad()
def test_order_matters() -> None:
    model = awake(shape(n_layer=1))  # more blocks would tell the order by what each may see
    ids = torch.tensor([[1, 2, 3, 4]])
    swapped = torch.tensor([[2, 1, 3, 4]])
    assert (model(ids)[0, -1] - model(swapped)[0, -1]).abs().max() > 0.01


@pytest.mark.parametrize("name", PRESETS)
@torch.no_grad()
def test_a_fresh_model_loses_ln_v(name: str) -> None:
    config = preset(name, "any").model
    model = GPT(config, 65, torch.Generator().manual_seed(1))
    ids = torch.randint(65, (2, 33), generator=torch.Generator().manual_seed(2))
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    assert float(loss) == pytest.approx(math.log(65), abs=5e-4)


@pytest.mark.parametrize(("name", "millions"), [("nano", 0.1), ("small", 0.8), ("medium", 10.7)])
def test_the_promised_number_of_parameters_is_the_real_one(name: str, millions: float) -> None:
    config = preset(name, "any").model
    real = sum(p.numel() for p in GPT(config, 65).parameters())
    assert real == config.parameters(65)
    assert round(real / 1e6, 1) == millions


def test_small_has_eight_hundred_thousand_parameters() -> None:
    assert round(preset("small", "any").model.parameters(65) / 1e6, 2) == 0.80


def test_the_seed_decides_the_first_weights() -> None:
    def weights(seed: int) -> Tensor:
        model = GPT(shape(), 7, torch.Generator().manual_seed(seed))
        return model.get_parameter("blocks.0.mlp.up.weight")

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@torch.no_grad()
def test_the_rows_of_a_batch_do_not_know_each_other() -> None:
    model = awake(shape())
    ids = some_ids(3, CONTEXT)
    together = model(ids)
    for row in range(3):
        alone = model(ids[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-5, atol=1e-5)


def test_bfloat16_answers_nearly_alike_and_learns() -> None:
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


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_what_is_not_dropped_makes_up_for_what_is(share: float) -> None:
    left = drop(torch.full((100, 200), 3.0), share, torch.Generator().manual_seed(4))
    kept = left != 0
    assert abs(float(kept.float().mean()) - (1 - share)) < 0.01
    torch.testing.assert_close(left[kept], torch.full_like(left[kept], 3 / (1 - share)))


@torch.no_grad()
def test_dropout_drops_only_when_asked() -> None:
    model = awake(shape(dropout=0.5))
    ids = some_ids(1, CONTEXT)

    def dropped(seed: int) -> Tensor:
        return model(ids, torch.Generator().manual_seed(seed))

    assert torch.equal(model(ids), model(ids))
    assert not torch.allclose(model(ids), dropped(1))
    assert torch.equal(dropped(1), dropped(1))
    assert not torch.allclose(dropped(1), dropped(2))


@torch.no_grad()
def test_without_a_share_nothing_is_dropped() -> None:
    model = awake(shape())
    ids = some_ids(1, CONTEXT)
    assert torch.equal(model(ids), model(ids, torch.Generator().manual_seed(1)))
