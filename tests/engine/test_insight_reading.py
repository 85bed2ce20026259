"""A passage as the model reads it: each number against a computation of its own."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from driving import tiny
from inspecting import read
from plain_gpt import plain_log_probs, plain_pass
from shaping import CONTEXT, OPTIONS, VOCABULARY, awake, named, shape, some_ids

from engine.config import ModelConfig
from engine.device import Hardware
from engine.insight import reading
from engine.insight.parts import parse_off
from engine.insight.reading import LENS, NEXT, sublayers, surprises
from engine.model.gpt import GPT
from engine.protocol import Likely, Place
from engine.training.dataset import Dataset
from engine.training.trainer import Evaluation, Trainer
from engine.training.workers import WorkerPool

CHARACTERS = "abcdefghijk"
CONFIGS = {"default": shape()} | {named(option): shape(**dict([option])) for option in OPTIONS}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def bits_of(places: Sequence[Place]) -> list[float]:
    return [place.bits for place in places if place.bits is not None]


def check_likely(likely: Likely, log_probs: np.ndarray, number: int) -> None:
    """The likeliest of (V,) log-probabilities, each once, in their order."""
    best = sorted(log_probs, reverse=True)[:number]
    assert [p for _, p in likely] == pytest.approx(np.exp(best), rel=1e-3, abs=1e-6)
    for character, probability in likely:
        own = math.exp(log_probs[CHARACTERS.index(character)])
        assert probability == pytest.approx(own, rel=1e-3, abs=1e-6)
    assert len({character for character, _ in likely}) == number


@pytest.mark.parametrize("at_once", [1, 3 * VOCABULARY])
def test_it_is_the_same_in_small_portions(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, (ids,) = awake(shape()), some_ids(1, CONTEXT + 5)
    expected = read(model, CHARACTERS, ids, CONTEXT)
    monkeypatch.setattr(reading, "LOGITS", at_once)
    *fractions, places = reading.read(model, CHARACTERS, ids, CONTEXT)
    assert len(fractions) >= len(ids), "portions of at most three places, at each of three depths"
    assert isinstance(places, list)
    assert [place.character for place in places] == [place.character for place in expected]
    assert bits_of(places) == pytest.approx(bits_of(expected), abs=1e-5)
    *_, bits = surprises(model, ids, CONTEXT)
    assert bits == pytest.approx(bits_of(expected), abs=1e-5)


@every_config
def test_every_number_is_that_of_a_plain_pass(config: ModelConfig) -> None:
    model, (ids,) = awake(config), some_ids(1, CONTEXT)
    places = read(model, CHARACTERS, ids, CONTEXT)
    plain = plain_pass(model, ids)
    depths = [plain_log_probs(model, stream) for stream in plain.streams]
    assert "".join(place.character for place in places) == "".join(CHARACTERS[i] for i in ids)
    for index, place in enumerate(places[1:], start=1):
        log_probs = depths[-1][index - 1]
        entropy = -np.sum(np.exp(log_probs) * log_probs) / math.log(2)
        assert place.entropy == pytest.approx(entropy, rel=1e-3, abs=1e-4)
        check_likely(place.next, log_probs, NEXT)
        assert len(place.layers) == config.n_layer + 1
        for likely, depth in zip(place.layers, depths, strict=True):
            check_likely(likely, depth[index - 1], LENS)
        added = [math.sqrt(np.mean(y[index - 1] ** 2)) for y in plain.added]
        assert place.added == pytest.approx(added, rel=1e-3, abs=1e-4)
        if index < CONTEXT:
            target = ids[index]
            assert place.bits == pytest.approx(-log_probs[target] / math.log(2), rel=1e-3, abs=1e-4)
            assert place.rank == 1 + sum(log_probs > log_probs[target])


def test_the_first_place_is_not_predicted_and_the_last_is_after_the_end() -> None:
    model, (ids,) = awake(shape()), some_ids(1, 5)
    first, *_, last = read(model, CHARACTERS, ids, CONTEXT)
    assert first == Place(CHARACTERS[ids[0]], None, 0, 0.0, (), (), ())
    assert (last.character, last.bits, last.rank) == ("", None, 0)
    assert len(last.next) == NEXT
    check_likely(last.next, plain_log_probs(model, plain_pass(model, ids).streams[-1])[-1], NEXT)


def test_one_character_and_none() -> None:
    model, (ids,) = awake(shape()), some_ids(1, 1)
    first, after = read(model, CHARACTERS, ids, CONTEXT)
    assert (first.character, first.bits, after.character) == (CHARACTERS[ids[0]], None, "")
    assert len(after.next) == NEXT
    assert read(model, CHARACTERS, ids[:0], CONTEXT) == []


def test_a_small_vocabulary_has_fewer_likeliest() -> None:
    model = awake(shape(), 2)
    place = read(model, "ab", torch.tensor([0, 1]), CONTEXT)[1]
    assert {character for character, _ in place.next} == {"a", "b"}
    assert sum(p for _, p in place.next) == pytest.approx(1)
    assert [len(likely) for likely in place.layers] == [2, 2, 2]


def test_an_untrained_model_is_not_right_about_everything() -> None:
    """All its logits are equal: the order is that of the alphabet, in the rank and in the list."""
    model = GPT(shape(), VOCABULARY).init_weights(torch.Generator().manual_seed(1))
    places = read(model, CHARACTERS, torch.arange(VOCABULARY), CONTEXT)
    assert [place.rank for place in places[1:-1]] == list(range(2, VOCABULARY + 1))
    for place in places[1:]:
        assert "".join(character for character, _ in place.next) == CHARACTERS[:NEXT]
        assert place.entropy == pytest.approx(math.log2(VOCABULARY))
        assert [p for _, p in place.next] == pytest.approx([1 / VOCABULARY] * NEXT)
    assert bits_of(places) == pytest.approx([math.log2(VOCABULARY)] * (VOCABULARY - 1))


@pytest.mark.parametrize("context", [8, 9, CONTEXT])
@pytest.mark.parametrize("more", [-1, 0, 1, 2, 7, 8, 9, 30, 61])
@torch.no_grad()
def test_a_text_longer_than_the_context_is_predicted_once_with_half_a_context(
    context: int, more: int
) -> None:
    model, (ids,) = awake(shape()), some_ids(1, context + more)
    places = read(model, CHARACTERS, ids, context)
    assert "".join(place.character for place in places) == "".join(CHARACTERS[i] for i in ids)
    assert [place.bits is None for place in places] == [True, *[False] * (len(ids) - 1), True]
    for index, place in enumerate(places[1:-1], start=1):
        # Rotary positions are relative: a prediction depends on how many characters it sees alone.
        fewest, most = min(index, math.ceil(context / 2)), min(index, context)
        surprises = [
            float(F.cross_entropy(model(ids[None, index - seen : index])[0, -1], ids[index]))
            for seen in range(fewest, most + 1)
        ]
        nearest = min(abs(place.bits * math.log(2) - surprise) for surprise in surprises)  # type: ignore[operator]
        assert nearest < 1e-4


def test_parts_that_are_off_change_what_is_read() -> None:
    model, (ids,) = awake(shape()), some_ids(1, CONTEXT)
    whole = read(model, CHARACTERS, ids, CONTEXT)
    places = read(model, CHARACTERS, ids, CONTEXT, parse_off(["2.mlp"], model.config))
    assert sublayers(model) == ("1.attention", "1.mlp", "2.attention", "2.mlp")
    assert all(place.added[3] == 0 for place in places[1:])
    assert [place.added[:3] for place in places] == [place.added[:3] for place in whole]
    assert [place.layers[:2] for place in places] == [place.layers[:2] for place in whole]
    assert bits_of(places) != pytest.approx(bits_of(whole), abs=0.01)


@pytest.mark.parametrize(("attention", "mlp"), [(False, True), (True, False)])
def test_the_sublayers_are_those_that_there_are(attention: bool, mlp: bool) -> None:
    model, (ids,) = awake(shape(attention=attention, mlp=mlp)), some_ids(1, 3)
    kind = "attention" if attention else "mlp"
    assert sublayers(model) == (f"1.{kind}", f"2.{kind}")
    assert [len(place.added) for place in read(model, CHARACTERS, ids, CONTEXT)] == [0, 2, 2, 2]


@pytest.mark.parametrize("length", [8, CONTEXT])
def test_the_surprise_is_the_loss_of_the_evaluation(length: int) -> None:
    """The same characters of the validation part in the same windows, after some steps."""
    text = torch.arange(2_000) * torch.arange(2_000) // 7 % VOCABULARY
    dataset = Dataset(text, CONTEXT, 0.1, 1)
    hardware = Hardware(torch.device("cpu"), 1, torch.float32, "for a test")
    with WorkerPool(1) as workers:
        trainer = Trainer(tiny("any"), VOCABULARY, dataset, hardware, workers)
        for _ in range(10):
            trainer.step(1.0, CONTEXT)
        *_, evaluation = trainer.evaluate(length)
    assert isinstance(evaluation, Evaluation)
    validation = dataset.validation
    windows = [
        read(trainer.model, CHARACTERS, validation[first : first + length + 1], length)
        for first in range(0, len(validation) - 1, length)
    ]
    bits = [surprise for places in windows for surprise in bits_of(places)]
    right = [place.rank == 1 for places in windows for place in places[1:-1]]
    assert len(bits) == evaluation.characters == len(validation) - 1
    assert sum(bits) / len(bits) * math.log(2) == pytest.approx(evaluation.loss, rel=1e-5)
    assert sum(right) / len(right) == pytest.approx(evaluation.accuracy)
    assert evaluation.loss < math.log(VOCABULARY) - 0.05, "it has learned something"
