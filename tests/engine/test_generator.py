"""Generating in slices: the text ends where it should, and does not depend on the slices."""

import pytest
import torch
from driving import FakeClock
from msgspec.structs import replace

from engine.config import ModelConfig, SampleConfig
from engine.generation.generator import TextGenerator
from engine.model.gpt import GPT
from engine.model.tokenizer import Vocabulary

LETTERS = Vocabulary("abcdefgh \n")


SHAPE = ModelConfig(context_length=8, n_layer=1, n_head=2, n_embd=16)


def model_of(vocabulary: Vocabulary, config: ModelConfig = SHAPE) -> GPT:
    generator = torch.Generator().manual_seed(9)
    model = GPT(config, len(vocabulary)).init_weights(generator)
    assert model.head is not None
    with torch.no_grad():
        model.head.weight.normal_(std=0.2, generator=generator)
    return model


def generator_of(vocabulary: Vocabulary = LETTERS, config: ModelConfig = SHAPE) -> TextGenerator:
    return TextGenerator(model_of(vocabulary, config), vocabulary, FakeClock())


def text_of(
    prompt: str,
    slice_seconds: float = 0.005,
    generator: TextGenerator | None = None,
    **config: object,
) -> str:
    generator = generator or generator_of()
    generator.start(prompt, SampleConfig(**{"characters": 60, **config}), SHAPE.context_length)  # type: ignore[arg-type]
    pieces = []
    while generator.active:
        pieces.append(generator.generate(slice_seconds))
    assert generator.text == "".join(pieces)
    assert generator.characters == len(generator.text)
    return generator.text


def test_the_text_has_the_length_that_was_asked_for() -> None:
    generator = generator_of()
    assert len(text_of("ab", generator=generator)) == 60
    assert generator.ended == "length"
    assert len(text_of("ab", characters=1)) == 1


@pytest.mark.parametrize("changes", [{"activation": "gelu"}, {"positions": "learned"}], ids=str)
def test_a_model_with_other_options_writes_on_past_its_context(changes: dict[str, str]) -> None:
    generator = generator_of(config=replace(SHAPE, **changes))
    text = text_of("ab", generator=generator)
    assert len(text) == 60
    assert text == text_of("ab", 0.0, generator)


def test_the_size_of_the_slices_does_not_matter() -> None:
    assert text_of("ab", 0.0) == text_of("ab", 0.01) == text_of("ab", 100.0)


def test_a_slice_ends_in_time_and_has_at_least_one_character() -> None:
    generator = generator_of()
    generator.start("ab", SampleConfig(characters=60), SHAPE.context_length)
    assert generator.generate(0.0) == ""  # of the prompt
    assert len(generator.generate(0.0)) == 1
    assert len(generator.generate(0.01)) == 10  # the clock advances by a millisecond at each call
    assert generator.active


def test_the_seed_decides_the_text() -> None:
    assert text_of("ab", seed=1) == text_of("ab", seed=1)
    assert text_of("ab", seed=1) != text_of("ab", seed=2)


@pytest.mark.parametrize("stop", ["c", "cd", " \n"])
def test_a_stop_character_ends_the_text_and_is_not_part_of_it(stop: str) -> None:
    whole = text_of("ab", characters=500)
    generator = generator_of()
    stopped = text_of("ab", generator=generator, characters=500, stop=stop)
    end = min(whole.index(c) for c in stop)
    assert stopped == whole[:end]
    assert generator.ended == "stop character"


def test_an_empty_prompt_is_the_start_of_a_line() -> None:
    assert text_of("") == text_of("\n")
    assert text_of("") != text_of("a")


def test_an_empty_prompt_works_where_the_text_has_no_lines() -> None:
    vocabulary = Vocabulary("xyz")
    assert set(text_of("", generator=generator_of(vocabulary))) <= set("xyz")


def test_the_text_comes_from_the_weights_as_they_were_at_the_start() -> None:
    model = model_of(LETTERS)
    generator = TextGenerator(model, LETTERS, FakeClock())
    expected = text_of("ab", generator=generator)
    generator.start("ab", SampleConfig(characters=60), SHAPE.context_length)
    text = generator.generate(0.005)
    assert model.head is not None
    with torch.no_grad():
        model.head.weight.neg_()
    while generator.active:
        text += generator.generate(0.005)
    assert text == expected
    assert text_of("ab", generator=generator) != expected  # by the new weights


def test_stop_ends_the_text() -> None:
    generator = generator_of()
    generator.start("ab", SampleConfig(characters=60), SHAPE.context_length)
    generator.generate(0.005)
    generator.stop()
    assert not generator.active
    assert generator.ended is None
