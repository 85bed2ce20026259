"""The next id: temperature, top-k and top-p do exactly what they promise."""

import math
from collections import Counter
from itertools import islice, product

import numpy as np
import pytest
import torch

from engine.config import ModelConfig, SampleConfig
from engine.generation.likeliest import likeliest
from engine.generation.sampler import candidates, next_id, sample, uniform
from engine.model.decoder import decoder_for
from engine.model.gpt import GPT
from engine.model.kernels import Array

PROBS = (0.05, 0.5, 0.15, 0.3)  # by id


def logits(probs: tuple[float, ...] = PROBS) -> Array:
    return scores_of(*np.log(probs) + 3)


def scores_of(*scores: float) -> Array:
    return np.array(scores, np.float32)


def draws(scores: Array, count: int = 400, **config: float) -> list[int]:
    numbers = uniform(torch.Generator().manual_seed(0))
    chosen = SampleConfig(**{"temperature": 1.0, "top_k": 0, "top_p": 1.0, **config})  # type: ignore[arg-type]
    return [next_id(scores, chosen, numbers) for _ in range(count)]


def test_temperature_zero_takes_the_likeliest() -> None:
    assert set(draws(logits(), temperature=0)) == {1}


@pytest.mark.parametrize("temperature", [1e-3, 1e-10, 1e-50, 5e-324])
def test_a_tiny_temperature_takes_the_likeliest(temperature: float) -> None:
    assert set(draws(logits(), temperature=temperature)) == {1}


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_are_as_frequent_as_the_probabilities_say(temperature: float) -> None:
    count = 8_000
    weights = [prob ** (1 / temperature) for prob in PROBS]
    seen = Counter(draws(logits(), count, temperature=temperature))
    for i, weight in enumerate(weights):
        expected = weight / sum(weights)
        assert abs(seen[i] / count - expected) < 4 * math.sqrt(expected * (1 - expected) / count)


@pytest.mark.parametrize(("k", "kept"), [(1, {1}), (2, {1, 3}), (3, {1, 2, 3}), (9, {0, 1, 2, 3})])
def test_top_k_keeps_the_k_likeliest(k: int, kept: set[int]) -> None:
    assert set(draws(logits(), top_k=k)) == kept


def test_top_k_keeps_exactly_k_of_equal_ones_the_lower_ids() -> None:
    assert set(draws(scores_of(*[0.0] * 50), top_k=3)) == {0, 1, 2}
    tie = scores_of(0, 2, 1, 1, 1, 2)
    assert set(draws(tie, top_k=4)) == {1, 2, 3, 5}


@pytest.mark.parametrize(
    ("p", "kept"),
    [
        (0.0, {1}),
        (1e-9, {1}),
        (0.45, {1}),
        (0.55, {1, 3}),
        (0.75, {1, 3}),
        (0.85, {1, 2, 3}),
        (0.94, {1, 2, 3}),
        (0.96, {0, 1, 2, 3}),
        (1.0, {0, 1, 2, 3}),
    ],
)
def test_top_p_keeps_the_smallest_set_that_reaches_p(p: float, kept: set[int]) -> None:
    assert set(draws(logits(), top_p=p)) == kept


def test_top_p_applies_to_what_top_k_left() -> None:
    # Of 0.5 and 0.3 the first has 62%, which reaches 60%; without top-k it has only half.
    assert set(draws(logits(), top_k=2, top_p=0.6)) == {1}
    assert set(draws(logits(), top_k=2, top_p=0.65)) == {1, 3}


@pytest.mark.parametrize("size", [1, 2, 65, 300])
def test_the_candidates_are_those_of_a_full_sort(size: int) -> None:
    """Whatever the settings, equal logits and infinite ones included."""
    generator = np.random.default_rng(size)
    for digits in (0, 1, 7):
        scores = generator.normal(0, 3, size).round(digits).astype(np.float32)
        scores[1 : size // 3] = -np.inf
        for temperature, top_k, top_p in product((0.5, 2), (0, 1, 7, 64), (0, 0.3, 0.95, 1)):
            order = np.argsort(-scores, kind="stable")[: top_k or None]
            total = np.exp((scores[order] - scores[order[0]]) / temperature, dtype=float).cumsum()
            count = int((total < top_p * total[-1]).sum()) + 1 if top_p < 1 else len(order)
            config = SampleConfig(temperature=temperature, top_k=top_k, top_p=top_p)
            ids, cumulative = candidates(scores, config)
            assert ids.tolist() == order[:count].tolist()
            np.testing.assert_allclose(cumulative, total[:count], rtol=1e-6)
    assert len(likeliest.signatures) == 1  # compiled once, for whole numbers too


def test_draws_are_those_of_the_generator_one_by_one() -> None:
    numbers = uniform(torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    expected = [float(torch.rand(1, generator=generator)) for _ in range(200)]
    assert list(islice(numbers, 200)) == expected


def test_impossible_characters_are_never_drawn() -> None:
    scores = scores_of(-math.inf, 0, -math.inf, 0)
    assert set(draws(scores)) == {1, 3}


def small_model() -> GPT:
    generator = torch.Generator().manual_seed(8)
    model = GPT(ModelConfig(context_length=8, n_layer=2, n_head=2, n_embd=16), 9)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5, generator=generator)
    return model


def sampled(model: GPT, prompt: list[int], count: int, seed: int = 1, **config: float) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    decoder = decoder_for(model.config, 9)
    decoder.load_weights(model, model.config.context_length)
    ids = sample(decoder, prompt, SampleConfig(**config), generator)  # type: ignore[arg-type]
    return list(islice((id_ for id_ in ids if id_ is not None), count))


@torch.no_grad()
def test_greedy_sampling_follows_the_full_context_model() -> None:
    model = small_model()
    ids = [3]
    for _ in range(7):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    assert sampled(model, [3], 7, temperature=0) == ids[1:]


def test_a_prompt_longer_than_the_context_counts_by_its_end() -> None:
    model = small_model()
    long = [i % 9 for i in range(30)]
    assert sampled(model, long, 20) == sampled(model, long[-8:], 20)
    assert sampled(model, long, 20) != sampled(model, long[-7:], 20)


def test_the_seed_decides_the_text() -> None:
    model = small_model()
    texts = {seed: sampled(model, [0], 30, seed) for seed in (1, 2)}
    assert texts[1] == sampled(model, [0], 30, 1)
    assert texts[1] != texts[2]


def test_sampling_leaves_the_global_generator_alone() -> None:
    model = small_model()
    state = torch.get_rng_state()
    sampled(model, [0], 5)
    assert torch.equal(state, torch.get_rng_state())


def test_the_prompt_is_prefilled_one_id_at_a_time() -> None:
    decoder = decoder_for(small_model().config, 9)
    decoder.load_weights(small_model(), 8)
    ids = list(islice(sample(decoder, [1, 2, 3], SampleConfig(), torch.Generator()), 5))
    assert [id_ is None for id_ in ids] == [True, True, False, False, False]
