"""The GPT: it cannot see the future, starts knowing nothing, and its cache changes no answer."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.config import PRESETS, ModelConfig, preset
from engine.model import GPT, Cache, SquaredReLU

VOCABULARY = 11
CONTEXT = 16


def awake(config: ModelConfig, vocabulary: int = VOCABULARY) -> GPT:
    """A model whose output layers are not zero as in a fresh one, so that every part counts."""
    generator = torch.Generator().manual_seed(5)
    model = GPT(config, vocabulary, generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=parameter.shape[1] ** -0.5, generator=generator)
        model.embedding.weight.normal_(generator=generator)
    return model


def shape(**changes: int) -> ModelConfig:
    return ModelConfig(
        **{"context_length": CONTEXT, "n_layer": 2, "n_head": 2, "width": 16, **changes}
    )


def some_ids(batch: int, time: int) -> Tensor:
    return torch.randint(VOCABULARY, (batch, time), generator=torch.Generator().manual_seed(6))


@torch.no_grad()
def read_through_cache(model: GPT, ids: Tensor, prompt: int) -> tuple[Tensor, Cache]:
    """Logits of (1, T) ids: the prompt at once, then one at a time."""
    cache = Cache(model)
    parts = [model(ids[:, :prompt], cache=cache)]
    parts += [model(ids[:, i : i + 1], cache=cache) for i in range(prompt, ids.shape[1])]
    return torch.cat(parts, 1), cache


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


@pytest.mark.parametrize("prompt", [1, 5, CONTEXT])
@torch.no_grad()
def test_the_cache_answers_like_the_full_context(prompt: int) -> None:
    model = awake(shape())
    ids = some_ids(1, CONTEXT)
    cached, _ = read_through_cache(model, ids, prompt)
    torch.testing.assert_close(cached, model(ids), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_past_the_context_the_cache_sees_exactly_the_last_c_characters() -> None:
    """With one block a key depends on its own character alone, so the ring must answer like a
    fresh reading of the last C characters, at any distance from the start."""
    model = awake(shape(n_layer=1))
    ids = some_ids(1, 5 * CONTEXT + 3)
    cached, _ = read_through_cache(model, ids, 7)
    for end in range(CONTEXT, ids.shape[1] + 1):
        fresh = model(ids[:, end - CONTEXT : end])[:, -1]
        torch.testing.assert_close(cached[:, end - 1], fresh, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_past_the_context_deep_models_stay_sane() -> None:
    model = awake(shape(n_layer=3))
    ids = some_ids(1, 20 * CONTEXT)
    logits, cache = read_through_cache(model, ids, CONTEXT)
    assert logits.isfinite().all()
    assert cache.position == 20 * CONTEXT
    assert all(keys.shape[2] == CONTEXT for keys in cache.keys)
    # No drift: the answers at the end are as large as those inside the context.
    assert 0.5 < float(logits[0, -CONTEXT:].std() / logits[0, :CONTEXT].std()) < 2


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


def test_squared_relu_has_the_slope_of_its_formula() -> None:
    x = torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    x.requires_grad_()
    assert torch.equal(SquaredReLU.apply(x), x.clamp(min=0) ** 2)
    assert torch.autograd.gradcheck(SquaredReLU.apply, (x,))


@torch.no_grad()
def test_dropout_drops_only_when_asked() -> None:
    model = awake(shape())
    ids = some_ids(1, CONTEXT)
    assert torch.equal(model(ids), model(ids))
    assert not torch.allclose(model(ids), model(ids, dropout=0.5))
