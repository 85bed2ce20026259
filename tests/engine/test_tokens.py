"""Bytes and byte pair encoding: what they make of a text, and runs that are trained with them."""

import json
from math import isnan, log
from pathlib import Path

import numpy as np
import pytest
from driving import Driver, is_a, losses, of, only, run_to_end, saved_run, tiny
from hypothesis import given
from hypothesis import strategies as st
from stored import digest

from engine.config import ModelConfig
from engine.model import bpe, tokenizer
from engine.model.tokenizer import Tokenizer, Vocabulary
from engine.model.tokenizer_file import merges_in
from engine.model.tokenizers import new_tokenizer, tokenizer_of
from engine.protocol import (
    Close,
    Evaluated,
    Exported,
    ExportRun,
    Failed,
    Fork,
    Imported,
    ImportRun,
    Open,
    Opened,
    OpenRun,
    Packed,
    PackRun,
    Pause,
    Sample,
    SampleDone,
    SampleStarted,
    Step,
    StepDone,
    TextSampled,
    Tokens,
    Train,
    Unpacked,
    UnpackRun,
    are_mixed,
)
from engine.storage import library
from engine.storage.paths import folder_of
from engine.storage.run_info import TOKENIZER_FILE
from engine.storage.saved_run import load_run

TEXT = (
    "The owl, the owls' owl and 日本語 and 🙃🦉: the naïve owl.\n\n  Two  spaces\t and the rest.\n"
    * 9
)
BYTES = ModelConfig(tokenizer="bytes")
BPE = ModelConfig(tokenizer="bpe", vocabulary=320)
ANY = st.text(st.characters(exclude_categories=["Cs"]))
BPE_RUN = ("model.tokenizer=bpe", "model.vocabulary=300")


def learned() -> Tokenizer:
    return new_tokenizer(BPE, TEXT, TEXT)


@pytest.mark.parametrize("config", [BYTES, BPE], ids=["bytes", "bpe"])
def test_any_text_comes_back_from_its_ids(config: ModelConfig) -> None:
    made = new_tokenizer(config, TEXT, TEXT)

    @given(ANY)
    def check(text: str) -> None:
        ids = made.encode(text)
        assert made.decode(ids) == text
        assert made.encode_corpus(text).tolist() == ids
        stream = made.stream()
        assert "".join(map(stream, ids)) == text
        assert made.split_known(text) == (text, "")

    check()


@given(st.binary())
def test_a_stream_withholds_what_is_no_whole_character_yet(content: bytes) -> None:
    """Bytes that never become one are U+FFFD, as in the text of all ids."""
    made = tokenizer_of(BYTES, "abc")
    stream = made.stream()
    written = "".join(map(stream, content))
    assert made.decode(list(content)).startswith(written)
    assert len(made.decode(list(content))) - len(written) <= 1


def test_a_character_comes_whole() -> None:
    made = learned()
    (*first, last), stream = made.encode("🜚"), made.stream()
    assert [stream(id_) for id_ in first] == ["", ""], "some of its bytes are in the text's owls"
    assert stream(last) == "🜚"
    assert [made.pieces[id_] for id_ in (*first, last)] == ["\\xF0\\x9F", "\\x9C", "\\x9A"]


def test_the_ids_of_a_long_text_are_those_of_its_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    made = learned()
    whole = made.encode(TEXT)
    for size in (1, 7, 64, len(TEXT)):
        monkeypatch.setattr(tokenizer, "CHUNK", size)
        monkeypatch.setattr(bpe, "CHUNK", size)
        pieces = [*made.encoded(TEXT)]
        assert np.concatenate(pieces).tolist() == whole
        assert len(pieces) > len(TEXT) // (size + 30)


def test_tokens_are_learned_from_short_pieces_and_those_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "The owl, the moon;\n\n  and  a lantern\nfor every star aloud " * 40
    whole = bpe.learn(text, 300)
    monkeypatch.setattr(bpe, "SHORT", 30)
    pieces = list(bpe._read(text))
    assert max(map(len, pieces)) < 60
    assert "".join(pieces) == text
    assert bpe.learn(text, 300) == whole


def test_the_same_text_makes_the_same_file() -> None:
    first, second = learned(), learned()
    assert first.file == second.file
    assert 256 < len(first) < 320, "so many pairs are there twice"
    assert tokenizer_of(BPE, TEXT, first.file).encode(TEXT) == first.encode(TEXT)
    assert len(first.encode(TEXT)) < len(TEXT) / 2


HOSTILE = {
    "no JSON": (lambda file: b"{", "cannot be read"),
    "another decoder": (lambda file: file.replace(b"ByteLevel", b"Metaspace", 1), "not as this"),
    "a token more": (
        lambda file: file.replace(b'"vocab": {', b'"vocab": {"!!": 0,'),
        "not as this",
    ),
    "a merge of nothing": (
        lambda file: file.replace(b'"merges": [', b'"merges": [["ab", "c"],'),
        "a merge of tokens that it does not have",
    ),
    "a huge token": (
        lambda file: json.dumps(
            {"model": {"merges": [["!" * 2**i, "!" * 2**i] for i in range(10)]}}
        ).encode(),
        "a merge of tokens that it does not have",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_forged_file_is_refused(case: str) -> None:
    forge, reason = HOSTILE[case]
    with pytest.raises(ValueError, match=reason):
        merges_in(forge(learned().file))


def test_halves_of_characters_have_no_bytes() -> None:
    with pytest.raises(ValueError, match="1 halves of characters"):
        new_tokenizer(BYTES, "owl \ud83e", "owl")
    assert tokenizer_of(BYTES, "owl").split_known("o\ud83ew") == ("ow", "\ud83e")


def test_without_its_package_a_sentence_names_the_extra(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bpe, "find_spec", lambda name: None)
    failed = only(
        Driver().when(is_a(Failed), Close()).run(Open(tiny(verse_file, *BPE_RUN))), Failed
    )
    assert "pip install 'tinygpt-tui[bpe]'" in failed.message


# Runs.


@pytest.mark.parametrize("kind", ["bytes", "bpe"])
def test_a_run_goes_on_bit_for_bit_and_can_be_forked(verse_file: Path, kind: str) -> None:
    settings = (f"model.tokenizer={kind}", "model.vocabulary=300")
    whole = run_to_end(Open(tiny(verse_file, *settings)), Train())
    name = only(whole, Opened).run
    paused = Driver().when(is_a(StepDone, step=7), Pause(), Close())
    first = paused.run(Open(tiny(verse_file, *settings)), Train())
    half = only(first, Opened).run
    rest = run_to_end(OpenRun(half), Train())
    assert dict(losses(rest)) == dict(losses(whole))
    assert digest(half) == digest(name)
    forked = Driver().when(is_a(StepDone, step=21), Close()).run(Fork(name), Step())
    child = load_run(only(forked, Opened).run)
    assert child.tokenizer.file == load_run(name).tokenizer.file


def test_tokens_are_learned_from_the_training_part_alone(verse_file: Path) -> None:
    text = verse_file.read_text()
    end = int(len(text) * 0.9)
    name = saved_run(verse_file, *BPE_RUN, "train.steps=1")
    alone = new_tokenizer(ModelConfig(tokenizer="bpe", vocabulary=300), text, text[:end])
    assert (folder_of(name) / TOKENIZER_FILE).read_bytes() == alone.file
    assert load_run(name).info.vocabulary == 300


def test_another_tokenizer_is_refused(verse_file: Path) -> None:
    name = saved_run(verse_file, *BPE_RUN, "train.steps=1")
    other = new_tokenizer(ModelConfig(tokenizer="bpe", vocabulary=300), TEXT, TEXT)
    (folder_of(name) / TOKENIZER_FILE).write_bytes(other.file)
    with pytest.raises(
        ValueError, match=r"tokenizer\.json is not the one that it was trained with"
    ):
        load_run(name)
    (folder_of(name) / TOKENIZER_FILE).unlink()
    with pytest.raises(ValueError, match=r"tokenizer\.json: No such file"):
        load_run(name)


@pytest.mark.parametrize("kind", ["characters", "bytes", "bpe"])
def test_losses_are_told_in_bits_per_byte(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "owls.txt"
    path.write_text(TEXT * 4, encoding="utf-8")
    settings = (f"model.tokenizer={kind}", "model.vocabulary=300", "train.steps=2")
    events = run_to_end(Open(tiny(path, *settings)), Train())
    held_out = (TEXT * 4)[int(len(TEXT * 4) * 0.9) :]
    made = load_run(only(events, Opened).run).tokenizer
    assert isinstance(made, Vocabulary) == (kind == "characters")
    tokens = only(events, Opened).tokens
    assert (tokens.kind, tokens.number) == (kind, len(made))
    each = len(held_out.encode()) / len(made.encode(held_out))
    assert tokens.bytes_each == pytest.approx(each)
    assert "".join(tokens.beginning).startswith("The owl,")
    for event in events:
        if isinstance(event, Evaluated):
            nats = event.loss / 0.6931471805599453
            assert event.bits_per_byte == pytest.approx(nats / each)
            characters = len(held_out) / len(made.encode(held_out))
            assert event.bits_per_char == pytest.approx(nats / characters)


def test_bits_per_byte_of_what_is_not_known_or_not_finite_are_none() -> None:
    assert Tokens().bits_per_byte(1.0) is None
    assert Tokens(bytes_each=1.0).bits_per_byte(float("nan")) is None


@pytest.mark.parametrize("kind", ["bytes", "bpe"])
def test_a_sample_has_as_many_characters_as_are_wanted(verse_file: Path, kind: str) -> None:
    """Whatever a token is; a prompt has no unknown characters."""
    name = saved_run(verse_file, f"model.tokenizer={kind}", "model.vocabulary=300")
    config = tiny(verse_file, "sample.characters=41").sample
    events = (
        Driver().when(is_a(SampleDone), Close()).run(OpenRun(name), Sample(1, "日本 owl", config))
    )
    started = only(events, SampleStarted)
    assert (started.prompt, started.unknown) == ("日本 owl", "")
    written = "".join(event.text for event in events if isinstance(event, TextSampled))
    assert len(written) == only(events, SampleDone).characters == 41


@pytest.mark.parametrize("kind", ["bytes", "bpe"])
def test_an_exported_folder_becomes_a_run_again(
    verse_file: Path, tmp_path: Path, kind: str
) -> None:
    """And with a text that has other characters, which these tokens know."""
    name = saved_run(verse_file, f"model.tokenizer={kind}", "model.vocabulary=300")
    folder = tmp_path / "out"
    exported = Driver().when(is_a((Exported, Failed)), Close())  # type: ignore[arg-type]
    proof = only(exported.run(ExportRun(name, "hf", str(folder))), Exported)
    assert proof.equal_prompts == proof.prompts > 0
    (listed,) = library.summaries()
    assert (listed.tokenizer, proof.noun) == (kind, "token")
    card = (folder / "README.md").read_text().splitlines()
    assert f"| validation loss | {listed.best_loss:.4f} nats a token |" in card
    assert f"| bits a byte | {listed.best_bits_per_byte:.4f} |" in card
    assert "- character-level" not in card
    assert any(line.startswith("| tokens | ") for line in card)
    other = tmp_path / "other.txt"
    other.write_text(TEXT * 4, encoding="utf-8")
    for text in ("", str(other)):
        back = Driver().when(is_a((Imported, Failed)), Close())  # type: ignore[arg-type]
        run = load_run(only(back.run(ImportRun(str(folder), corpus=text)), Imported).run)
        assert run.tokenizer.tokens == load_run(name).tokenizer.tokens
        assert run.text == (TEXT * 4 if text else verse_file.read_text())
    (folder / TOKENIZER_FILE).write_bytes(b"{}")
    refused = Driver().when(is_a((Imported, Failed)), Close()).run(ImportRun(str(folder)))  # type: ignore[arg-type]
    assert "tokenizer.json" in only(refused, Failed).message


def test_a_packed_run_has_its_tokenizer(verse_file: Path, tmp_path: Path) -> None:
    name = saved_run(verse_file, *BPE_RUN)
    path = str(tmp_path / "packed")
    assert of(Driver().when(is_a(Packed), Close()).run(PackRun(name, path, True)), Packed)
    events = Driver().when(is_a(Unpacked), Close()).run(UnpackRun(path, "elsewhere"))
    run = load_run(only(events, Unpacked).run)
    assert run.tokenizer.file == load_run(name).tokenizer.file
    assert digest("elsewhere") == digest(name)


def test_losses_of_different_tokens_compare_in_bits_per_byte() -> None:
    letters, words = Tokens(number=63, bytes_each=1.0), Tokens("bpe", 1024, bytes_each=2.0)
    assert are_mixed([letters, words, letters])
    assert not are_mixed([words, words])
    assert words.compared(4.0, mixed=False) == 4.0
    assert words.compared(4.0, mixed=True) == pytest.approx(2.0 / log(2))
    assert isnan(Tokens().compared(4.0, mixed=True)), "the bytes are not recorded"
    assert letters.unit_compared(mixed=False) == "nats per character"
    assert words.unit_compared(mixed=True) == "bits per byte"
