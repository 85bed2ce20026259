"""A large text is read, counted and encoded once, in little memory, and is the same text as in it."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data import files, raw_bytes
from data.catalog import Corpus, find, load
from data.documents import Holdout
from data.raw_bytes import MAX_KEPT_BYTES
from data.reading import Reading
from data.statistics import measure
from engine.storage import corpus_text, large_texts, text_writer
from engine.storage.corpus_text import sha256_of
from engine.storage.kept_text import KeptText
from engine.storage.large_texts import (
    clean,
    load_large,
    read_large,
    remember,
    texts_folder,
)

VERSE = "Two households, both alike in dignity,\r\nIn fair Verona – naïve – 日本 😀 where\n"


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Texts of some kilobytes go the way of large ones, in pieces that cut characters."""
    for module in (files, corpus_text):
        monkeypatch.setattr(module, "LARGE_BYTES", 100)
    monkeypatch.setattr(raw_bytes, "_CHUNK_BYTES", 61)
    monkeypatch.setattr(files, "_READ_WHOLE", 50)


class Reports:
    """What is reported while a text is read. `stop`: ends it, at that report."""

    def __init__(self, stop: int = -1) -> None:
        self.all: list[tuple[str, float]] = []
        self._stop = stop

    def __call__(self, what: str, done: float) -> None:
        if len(self.all) == self._stop:
            raise KeyboardInterrupt
        self.all.append((what, done))


def opened(
    path: Path, reports: Callable[[str, float], None], holdout: Holdout | None = None
) -> tuple[Corpus, KeptText]:
    found = find(str(path), Reading(), MAX_KEPT_BYTES)
    assert found is not None
    assert found.is_large
    corpus = load_large(found, Reading(), holdout, reports)
    assert isinstance(corpus.text, KeptText)
    return corpus, corpus.text


def aged(*paths: Path) -> None:
    """A file that was written just now may change again without another time."""
    time.sleep(2 * large_texts._RECENT)


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "verse.txt"
    path.write_bytes((VERSE * 30).encode())
    aged(path)
    return path


def test_it_is_the_same_text_with_the_same_statistics(text_file: Path) -> None:
    corpus, text = opened(text_file, Reports())
    in_memory = load(str(text_file))
    assert text[:] == in_memory.text
    assert text[100:300] == in_memory.text[100:300]
    assert (len(text), text.sha256) == (len(in_memory.text), sha256_of(in_memory.text))
    assert text.statistics() == measure(in_memory.text)
    assert (corpus.name, corpus.source) == (in_memory.name, in_memory.source)
    assert text.ids.array.dtype == np.uint8


def test_it_is_encoded_once(text_file: Path) -> None:
    first, second, third = Reports(), Reports(), Reports()
    opened(text_file, first)
    whats = list(dict.fromkeys(what.split()[0] for what, _ in first.all))
    assert whats == ["reading", "counting", "encoding"]
    for what in whats:  # each goes up to its end
        dones = [done for told, done in first.all if told.startswith(what)]
        assert dones == sorted(dones)
        assert dones[0] == 0
        assert dones[-1] == 1
    opened(text_file, second)
    assert second.all == []

    text_file.write_bytes(text_file.read_bytes())  # the same, but the system cannot know
    opened(text_file, third)
    assert {what.split()[0] for what, _ in third.all} == {"reading", "counting"}


def test_a_text_that_has_changed_is_read_again(text_file: Path) -> None:
    before = opened(text_file, Reports())[1]
    length = text_file.stat().st_size
    text_file.write_bytes(text_file.read_bytes().replace(b"Verona", b"Venice"))
    assert text_file.stat().st_size == length
    after = opened(text_file, Reports())[1]
    assert "Venice" in after[:200]
    assert "Verona" in before[:200], "a text that is open stays as it was"


def test_a_text_that_changes_while_it_is_read_is_refused(text_file: Path) -> None:
    def change(what: str, done: float) -> None:
        if what.startswith("encoding") and done > 0.5:
            text_file.write_bytes(VERSE.encode() * 30 + b"more")

    with pytest.raises(ValueError, match="has changed while it was read"):
        opened(text_file, change)
    assert opened(text_file, Reports())[1][-4:] == "more"


def test_it_may_end_anywhere(text_file: Path) -> None:
    reports = Reports()
    whole = opened(text_file, reports)[1][:]
    for path in texts_folder().iterdir():
        path.unlink()
    for stop in range(0, len(reports.all), 7):
        with pytest.raises(KeyboardInterrupt):
            opened(text_file, Reports(stop))
        assert not list(texts_folder().glob("*.seen"))
    assert opened(text_file, Reports())[1][:] == whole


@pytest.mark.parametrize("damage", [b"", b"short"])
def test_a_kept_text_that_is_not_whole_is_encoded_again(text_file: Path, damage: bytes) -> None:
    whole = opened(text_file, Reports())[1][:]
    for suffix in ("ids", "json", "seen"):
        (kept,) = texts_folder().glob(f"*.{suffix}")
        kept.unlink()  # a text that is mapped may not be cut
        kept.write_bytes(damage)
        assert opened(text_file, Reports())[1][:] == whole


def test_a_folder_is_one_text_whose_documents_are_held_out_whole(tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02}.txt").write_text(f"\n\nletter {number:02}\n" * 3)
    (folder / "empty.txt").write_text("")
    corpus, text = opened(folder, Reports(), Holdout(1, 0.25))
    in_memory = load(str(folder), holdout=Holdout(1, 0.25))
    assert text[:] == in_memory.text
    assert (corpus.documents, corpus.held_out) == (in_memory.documents, in_memory.held_out)
    assert corpus.train_characters == in_memory.train_characters
    assert corpus.documents == 40
    assert 2 <= corpus.held_out <= 18
    train, held_out = text[: corpus.train_characters], text[corpus.train_characters :]
    numbers = [{line for line in part.split("\n") if line} for part in (train, held_out)]
    assert not numbers[0] & numbers[1]
    assert len(numbers[1]) == corpus.held_out

    (folder / "00.txt").unlink()  # the others stay on their sides
    fewer = load(str(folder), holdout=Holdout(1, 0.25))
    rest = {line for line in fewer.text[fewer.train_characters :].split("\n") if line}
    assert rest == numbers[1] - {"letter 00"}


def test_many_different_characters_take_wider_ids_and_a_sample_of_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "signs.txt"
    path.write_text("".join(chr(0x4E00 + i * 7 % 3_000) for i in range(9_000)) * 3)
    aged(path)
    monkeypatch.setattr(text_writer, "SAMPLED_PIECES", 100)
    corpus, text = opened(path, Reports())
    assert text[:] == path.read_text()
    assert text.ids.array.dtype == np.int16
    assert "letter pairs were counted in" in corpus.note
    assert 0 < text.info.pairs < len(text) - 1


def test_the_text_of_a_run_is_kept_too(tmp_path: Path) -> None:
    path, reports, again = tmp_path / "corpus.txt", Reports(), Reports()
    content = VERSE * 30 + "\r lone \ud800 surrogate"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    text = read_large(path, reports)
    assert isinstance(text, KeptText)
    assert text[:] == content
    assert text.sha256 == sha256_of(content)
    remember(path, text)  # as the program that has written it does
    assert len(read_large(path, again)) == len(content)
    assert again.all == []


def test_texts_that_were_not_opened_for_long_go_first(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for age, name in enumerate(("new.ids", "old.ids", "12.ids.unfinished", "13.ids", "older.ids")):
        path = folder / name
        path.write_bytes(b"x" * 100)
        then = time.time() - 3_000 * age
        os.utime(path, (then, then))
    clean(folder, 250)
    assert sorted(path.name for path in folder.iterdir()) == ["new.ids", "old.ids"]
