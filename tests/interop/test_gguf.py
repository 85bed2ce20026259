"""An exported GGUF file in llama.cpp: the same characters, the same probabilities, the same text."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("gguf", reason="make interop installs it")
pytest.importorskip("xllamacpp", reason="make interop installs it")

import gguf
import torch
from command_line import invoked
from driving import saved_run
from recording import VERSE
from running_llama import Llama

from engine.config import SampleConfig
from engine.generation.sampler import sample
from engine.model.decoder import decoder_for
from engine.model.tokenizer import Tokenizer
from engine.protocol import Exported, from_json
from engine.session.sources import source_of

PROMPTS = ("The owl", '"How many', "counted every mouse", "\n\n")
WRITTEN = 300
MIXED = (
    "Où est l’été ?\n\tUn café, s’il te plaît : 3 × 4 = 12 🙂👩‍🚀\n\n\n東京は夜の七時。 한국어  \x7f\x1b«»\n"
    * 40
)
"""Characters of one to four bytes, joiners and controls, and spaces of every kind."""


class Files(NamedTuple):
    """A run in both number formats, and what it writes to the prompts."""

    by_precision: dict[str, tuple[Path, Exported]]
    written: list[str]
    run: str


@pytest.fixture(scope="module")
def verse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    """A run that has learned something: its context is long enough for prompt and text."""
    folder = tmp_path_factory.mktemp("verse")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGPT_HOME", str(folder))
        text = folder / "verse.txt"
        text.write_text("\n".join([VERSE] * 40))
        run = saved_run(
            text,
            *("model.context_length=352", "model.n_layer=2", "model.n_embd=64"),
            *("train.steps=160", "train.evaluation_interval=160", "train.context_warmup=0.9"),
        )
        greedy = ("--no-prompt", "--temperature", 0, "--chars", WRITTEN)
        written = [
            invoked("sample", run, "--prompt", prompt, *greedy).stdout.removesuffix("\n")
            for prompt in PROMPTS
        ]
        files = {precision: exported(run, folder, precision) for precision in ("f32", "f16")}
        yield Files(files, written, run)


def exported(run: str, folder: Path, *precision: str) -> tuple[Path, Exported]:
    """A new GGUF file, and what the command says of it."""
    path = folder / f"{run}{''.join(precision)}.gguf"
    options = ("--precision", *precision) if precision else ()
    result = invoked("export", run, "--format", "gguf", "-o", path, "--json", *options)
    assert result.exit_code == 0, result.output
    event = from_json(result.stdout)
    assert isinstance(event, Exported)
    return path, event


@pytest.mark.parametrize(("precision", "difference"), [("f32", 1e-4), ("f16", 0.05)])
def test_the_likeliest_text_is_that_of_the_app(
    verse: Files, precision: str, difference: float
) -> None:
    path, event = verse.by_precision[precision]
    assert event.largest_difference is not None
    assert event.largest_difference <= difference
    assert event.equal_prompts == event.prompts > 0
    llama = Llama(path)
    for prompt, written in zip(PROMPTS, verse.written, strict=True):
        assert len(written) == WRITTEN
        assert llama.complete(prompt, WRITTEN, temperature=0)["text"] == written
    # A chat is a text that goes on too.
    assert llama.chat(PROMPTS[0], WRITTEN) == verse.written[0]


def test_probabilities_are_those_of_the_app(verse: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    home = verse.by_precision["f32"][0].parent
    monkeypatch.setenv("TINYGPT_HOME", str(home))
    source = source_of(verse.run)
    llama = Llama(verse.by_precision["f32"][0], exact=True)
    answer = llama.complete(PROMPTS[0], WRITTEN, temperature=0, logprobs=5)
    ids = source.tokenizer.encode(PROMPTS[0] + answer["text"])
    with torch.no_grad():
        logits = source.model(torch.tensor(ids)[None])[0, len(PROMPTS[0]) - 1 :]
    for theirs, ours in zip(answer["logprobs"]["content"], logits, strict=False):
        # Differences, since the token that ends a text has a share in theirs.
        likely = [
            (one["logprob"], float(ours[one["id"]]))
            for one in theirs["top_logprobs"]
            if one["id"] < len(ours)
        ]
        first = likely[0]
        for other in likely:
            assert other[0] - first[0] == pytest.approx(other[1] - first[1], abs=0.001)


def test_the_file_says_how_equal_it_is_and_how_the_run_samples(verse: Files) -> None:
    path, event = verse.by_precision["f16"]
    fields = {name: field.contents() for name, field in gguf.GGUFReader(path).fields.items()}
    for name in ("largest_difference", "largest_logit", "characters", "prompts", "equal_prompts"):
        assert fields[f"tinygpt.proof.{name}"] == pytest.approx(getattr(event, name)), name
    assert fields["tinygpt.proof.largest_difference"] > 0
    defaults = Llama(path).defaults()
    expected = {"temperature": 0.8, "top_k": 0, "top_p": 0.95, "min_p": 0}
    assert {name: defaults[name] for name in expected} == pytest.approx(expected)


@pytest.fixture
def untrained(tmp_path: Path) -> tuple[Path, Tokenizer]:
    """A run of one step: every token is about as likely, that which ends a text too."""
    text = tmp_path / "mixed.txt"
    text.write_text(MIXED, encoding="utf-8")
    run = saved_run(text, "train.steps=1", "train.batch_size=1", "model.context_length=2560")
    return exported(run, tmp_path)[0], source_of(run).tokenizer


def test_text_is_split_into_the_same_characters(untrained: tuple[Path, Tokenizer]) -> None:
    path, vocabulary = untrained
    llama = Llama(path)
    assert llama.tokenize(MIXED) == vocabulary.encode(MIXED)
    assert llama.detokenize(vocabulary.encode(MIXED)) == MIXED
    # What the text does not have is left out, as in the app: è and 天 begin as é and 夜 do.
    assert llama.tokenize("zèZ天🙃 été\r\n") == vocabulary.encode(" été\n")
    assert llama.tokenize("") == []


def test_no_text_ends_before_its_length(untrained: tuple[Path, Tokenizer]) -> None:
    answer = Llama(untrained[0]).complete("Un café", 2000, temperature=1, top_k=0, top_p=1, seed=1)
    assert answer["finish_reason"] == "length"
    assert len(answer["text"]) == 2000
    assert set(answer["text"]) <= set(untrained[1].characters)


@pytest.mark.parametrize("characters", ["ab", "\n🙂", "é天"])
def test_the_smallest_vocabularies(tmp_path: Path, characters: str) -> None:
    text = tmp_path / "small.txt"
    text.write_text(characters * 200, encoding="utf-8")
    run = saved_run(text, "train.steps=2")
    llama = Llama(exported(run, tmp_path)[0])
    assert llama.tokenize(characters) == [*range(len(characters))]
    answer = llama.complete(characters, 10, temperature=1)
    assert len(answer["text"]) == 10
    assert set(answer["text"]) <= set(characters)


@pytest.mark.parametrize("kind", ["bytes", "bpe"])
def test_tokens_and_greedy_text_are_those_of_the_app(tmp_path: Path, kind: str) -> None:
    text = tmp_path / "mixed.txt"
    text.write_text(MIXED * 8, encoding="utf-8")
    tokens = (f"model.tokenizer={kind}", "model.vocabulary=300")
    run = saved_run(text, *tokens, "train.steps=60", "model.context_length=256")
    path, event = exported(run, tmp_path)
    assert event.equal_prompts == event.prompts > 0
    source, llama = source_of(run), Llama(path)
    for some in (MIXED, "zèZ天🙃 été\r\n", "  The owl's   7th\n\n tale"):
        assert llama.tokenize(some) == source.tokenizer.encode(some)
        assert llama.detokenize(source.tokenizer.encode(some)) == some
    prompt = source.tokenizer.encode("Un café")
    decoder = decoder_for(source.model.config, len(source.tokenizer))
    decoder.load_weights(source.model, 256)
    stream = sample(decoder, prompt, SampleConfig(temperature=0), torch.Generator())
    written = [*islice((id_ for id_ in stream if id_ is not None), 100)]
    answer = llama.complete("Un café", 100, temperature=0)
    assert answer["text"] == source.tokenizer.decode(written)
