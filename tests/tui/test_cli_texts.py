"""Texts that the command line reads in another way: from a pipe, in an encoding, part of a folder."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from command_line import TINY, events_of, invoked
from driving import only

from data.reading import Reading
from engine.protocol import CorpusLoaded, Opened

pytestmark = pytest.mark.timeout(60)

RUSSIAN = "Я помню чудное мгновенье: передо мной явилась ты.\n" * 40


def train(*arguments: object, text: bytes = b"") -> Result:
    """Train for two steps, with `text` on standard input."""
    return invoked("train", *arguments, *TINY, "--steps", "2", "--json", text=text)


def loaded(result: Result) -> tuple[CorpusLoaded, Opened]:
    """What was read, and the run of it."""
    assert result.exit_code == 0, result.stderr
    events = events_of(result.stdout)
    return only(events, CorpusLoaded), only(events, Opened)


def test_a_text_from_a_pipe(verse_file: Path) -> None:
    corpus, opened = loaded(train("-", text=verse_file.read_bytes()))
    assert (corpus.name, opened.config.corpus) == ("standard input", "-")
    assert corpus.characters == len(verse_file.read_text())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "'standard input' is empty."),
        (b"\x00\x01\x02", "'standard input' is a binary file"),
        (RUSSIAN.encode("cp1251"), "name the encoding with --encoding"),
    ],
)
def test_what_comes_from_a_pipe_and_is_no_text(text: bytes, expected: str) -> None:
    result = train("-", text=text)
    assert result.exit_code == 2
    assert expected in result.stderr


def test_an_encoding_is_named_and_remembered(tmp_path: Path) -> None:
    path = tmp_path / "russian.txt"
    path.write_bytes(RUSSIAN.encode("cp1251"))
    corpus, opened = loaded(train(path, "--encoding", "cp1251"))
    assert corpus.characters == len(RUSSIAN)
    assert opened.config.reading == Reading("cp1251")


def test_a_guessed_encoding_is_told_on_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "german.txt"
    path.write_bytes("Über allen Gipfeln ist Ruh.\n".encode("latin-1") * 40)
    result = train(path)
    assert loaded(result)[0].note in result.stderr
    assert "read as Windows-1252" in result.stderr


def test_patterns_leave_files_out(tmp_path: Path, verse_file: Path) -> None:
    verse, notes = verse_file.read_text(), tmp_path / "notes"
    (notes / "drafts").mkdir(parents=True)
    (notes / "a.txt").write_text(verse)
    (notes / "drafts" / "b.txt").write_text(verse)
    corpus, opened = loaded(train(notes, "--ignore", "drafts/", "--ignore", "*.csv"))
    assert corpus.characters == len(verse.strip("\n")) + 1
    assert opened.config.reading == Reading(ignore=("drafts/", "*.csv"))


def test_several_texts_are_one_and_remembered(tmp_path: Path, verse_file: Path) -> None:
    verse = verse_file.read_text().strip("\n")
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(verse)
    texts = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    corpus, opened = loaded(train(*texts, "--separator", "\\n␞\\n"))
    assert corpus.name == "a.txt +1"
    assert corpus.characters == 2 * len(verse) + len("\n␞\n") + 1
    assert opened.config.reading == Reading(more=(texts[1],), separator="\n␞\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("tales", "--encoding", "latn1"), "There is no text encoding 'latn1'; near it: latin1"),
        (("tales", "--encoding", "latin1"), "tales is in the catalog"),
        (("--run", "any", "--encoding", "latin1"), "--encoding"),
        (("--run", "any", "--ignore", "*"), "--ignore"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], expected: str) -> None:
    result = train(*arguments)
    assert result.exit_code == 2
    assert expected in result.stderr


def test_a_run_saved_before_readings_were_remembered_opens(verse_file: Path, home: Path) -> None:
    opened = loaded(train(verse_file))[1]
    path = home / "runs" / opened.run / "run.json"
    info = json.loads(path.read_bytes())
    del info["config"]["reading"]
    path.write_text(json.dumps(info))
    result = invoked("train", "--run", opened.run, "--json")
    assert loaded(result)[1].config == opened.config
