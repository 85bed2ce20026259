"""Writing in slices: it ends where it should, and the slices change nothing."""

import pytest
import torch
from driving import FakeClock

from engine.config import ModelConfig, SampleConfig
from engine.generation.generator import TextGenerator
from engine.model.gpt import GPT
from engine.model.tokenizer import Vocabulary

LETTERS = Vocabulary("abcdefgh \n")


def model_of(vocabulary: Vocabulary) -> GPT:
    generator = torch.Generator().manual_seed(8)
    shape = ModelConfig(context_length=8, n_layer=1, n_head=2, n_embd=16)
    model = GPT(shape, len(vocabulary), generator)
    with torch.no_grad():
        model.head.weight.normal_(std=0.2, generator=generator)
    return model


def writer(vocabulary: Vocabulary = LETTERS) -> TextGenerator:
    return TextGenerator(model_of(vocabulary), vocabulary, FakeClock())


def write(
    prompt: str, slice_seconds: float = 0.005, to: TextGenerator | None = None, **config: object
) -> str:
    to = to or writer()
    to.start(prompt, SampleConfig(**{"characters": 60, **config}), 16)  # type: ignore[arg-type]
    pieces = []
    while to.active:
        pieces.append(to.generate(slice_seconds))
    assert to.text == "".join(pieces)
    assert to.characters == len(to.text)
    return to.text


def test_it_writes_as_many_characters_as_asked() -> None:
    to = writer()
    assert len(write("ab", to=to)) == 60
    assert to.ended == "length"
    assert len(write("ab", characters=1)) == 1


def test_the_size_of_the_slices_does_not_matter() -> None:
    assert write("ab", 0.0) == write("ab", 0.01) == write("ab", 100.0)


def test_a_slice_ends_in_time_and_reads_or_writes_at_least_one_character() -> None:
    to = writer()
    to.start("ab", SampleConfig(characters=60), 16)
    assert to.generate(0.0) == ""  # of the prompt
    assert len(to.generate(0.0)) == 1
    assert len(to.generate(0.01)) == 10  # the clock shows a millisecond more at each look
    assert to.active


def test_the_seed_decides_the_text() -> None:
    assert write("ab", seed=1) == write("ab", seed=1)
    assert write("ab", seed=1) != write("ab", seed=2)


@pytest.mark.parametrize("stop", ["c", "cd", " \n"])
def test_a_stop_character_ends_the_text_and_is_not_written(stop: str) -> None:
    whole = write("ab", characters=500)
    to = writer()
    stopped = write("ab", to=to, characters=500, stop=stop)
    end = min(whole.index(c) for c in stop)
    assert stopped == whole[:end]
    assert to.ended == "stop character"


def test_an_empty_prompt_begins_as_after_a_line_end() -> None:
    assert write("") == write("\n")
    assert write("") != write("a")


def test_an_empty_prompt_works_where_the_text_has_no_lines() -> None:
    vocabulary = Vocabulary("xyz")
    assert set(write("", to=writer(vocabulary))) <= set("xyz")


def test_it_writes_with_the_weights_as_they_were_at_the_start() -> None:
    model = model_of(LETTERS)
    to = TextGenerator(model, LETTERS, FakeClock())
    expected = write("ab", to=to)
    to.start("ab", SampleConfig(characters=60), 16)
    text = to.generate(0.005)
    with torch.no_grad():
        model.head.weight.neg_()
    while to.active:
        text += to.generate(0.005)
    assert text == expected
    assert write("ab", to=to) != expected  # the next prompt is answered by the new ones


def test_what_is_stopped_writes_no_more() -> None:
    to = writer()
    to.start("ab", SampleConfig(characters=60), 16)
    to.generate(0.005)
    to.stop()
    assert not to.active
    assert to.ended is None
