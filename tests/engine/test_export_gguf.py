"""What a GGUF file is made of, without the package that writes it: `tests/interop` reads files."""

from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
import torch
from driving import Driver, is_a, only, saved_run
from hypothesis import given
from hypothesis import strategies as st

from engine.config import ModelConfig
from engine.export import gguf
from engine.export.apertus import named_tensors
from engine.export.gguf_metadata import merges_of, shape, tokenizer, tokens_in
from engine.export.gguf_tensors import EMBEDDING, HEAD, named_in, tensors_of
from engine.export.tokenizer_json import token_bytes
from engine.model.gpt import GPT
from engine.model.tokenizer import Vocabulary
from engine.model.tokenizer_file import signs
from engine.protocol import Close, ExportRun, Failed
from engine.session.sources import source_of
from engine.storage.library import rename

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)


def merged(text: str, merges: list[str]) -> list[str]:
    """A text in tokens, as a byte-level BPE makes them: of all merges that apply the first one,
    until none does."""
    symbols = [symbol for character in text for symbol in signs(character.encode())]
    for first, second in (merge.split(" ") for merge in merges):
        place = 0
        while place < len(symbols) - 1:
            if symbols[place : place + 2] == [first, second]:
                symbols[place : place + 2] = [first + second]
            place += 1
    return symbols


def fields_of(vocabulary: Vocabulary) -> dict[str, Any]:
    return {**tokenizer(token_bytes(vocabulary), merges_of(vocabulary))}


@given(TEXT, TEXT)
def test_merges_join_the_bytes_of_each_character_and_no_others(corpus: str, prompt: str) -> None:
    """Any prompt becomes the ids that the app gives it; what the text does not have is dropped."""
    vocabulary = Vocabulary(corpus)
    fields = fields_of(vocabulary)
    tokens, merges = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.merges"]
    found = [tokens.index(token) for token in merged(prompt, merges) if token in tokens]
    assert found == vocabulary.encode(vocabulary.split_known(prompt)[0])
    assert tokens_in(fields) == (token_bytes(vocabulary), merges)
    assert merges, "llama.cpp refuses a file without merges"


SHAPE = ModelConfig(context_length=16, n_layer=2, n_embd=16)


@pytest.mark.parametrize("tied", [False, True])
def test_tensors_are_read_back_without_the_row_of_the_token_that_ends_a_text(tied: bool) -> None:
    config = ModelConfig(context_length=16, n_layer=2, n_embd=16, tied_head=tied)
    model = GPT(config, 5).init_weights(torch.Generator().manual_seed(1))
    if model.head is not None:
        torch.nn.init.normal_(model.head.weight)
    tensors = dict(tensors_of(model, rarest=3))
    named = named_in(tensors, SHAPE, 5)
    for name, tensor in named_tensors(model):
        assert ".act_fn." in name or torch.equal(named[name], tensor)
    assert torch.equal(named["lm_head.weight"], model.output_embedding)
    assert torch.equal(tensors[EMBEDDING][5], torch.zeros(16))
    # Where it is not suppressed, it is written as seldom as the rarest character.
    assert torch.equal(tensors[HEAD][5], model.output_embedding[3])


@pytest.mark.parametrize("name", ["blk.1.ffn_up.weight", HEAD])
def test_a_tensor_of_another_shape_is_refused(name: str) -> None:
    tensors = dict(tensors_of(GPT(SHAPE, 5).init_weights(torch.Generator()), rarest=3))
    tensors[name] = tensors[name][1:]
    with pytest.raises(ValueError, match=f"{name} has the shape"):
        named_in(tensors, SHAPE, 5)


def test_a_missing_package_is_named_with_the_line_that_installs_it(
    verse_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = saved_run(verse_file)

    def missing(name: str) -> ModuleSpec | None:
        return None

    monkeypatch.setattr(gguf, "find_spec", missing)
    path = tmp_path / "out.gguf"
    events = Driver().when(is_a(Failed), Close()).run(ExportRun(run, "gguf", str(path)))
    assert "pip install 'tinygpt-tui[gguf]'" in only(events, Failed).message
    assert not path.exists()


def test_the_file_says_what_the_model_is(verse_file: Path) -> None:
    run = saved_run(verse_file)
    about = gguf.about(source_of(run))
    assert about["general.name"] == run
    assert "on verse.txt: 20 steps, held-out loss" in str(about["general.description"])
    assert '"learning_rate":0.03' in str(about["tinygpt.settings"])
    assert str(verse_file) not in str(about), "where files lie is nobody's business"
    rename(run, "my-phi3")  # a family of llama.cpp, which looks for its tokens in such a file
    assert gguf.about(source_of("my-phi3"))["general.name"] == "tinygpt"


def test_the_context_in_the_file_is_the_one_that_was_trained_with(verse_file: Path) -> None:
    run = saved_run(
        verse_file, "train.steps=2", "train.context_warmup=1", "train.warmup_fraction=0"
    )
    source = source_of(run)
    assert source.context_length < source.model.config.context_length
    fields = shape(source.model.config, source.context_length, 5)
    assert fields["apertus.context_length"] == source.context_length
