"""Any file is read, or refused at once with a user-facing message."""

import gzip
import os
import socket
from pathlib import Path

import pytest

from data import folders, raw_bytes
from data.catalog import load
from data.files import read
from data.reading import Reading


def message(path: Path, reading: Reading = Reading()) -> str:
    """The message of the error for a path."""
    with pytest.raises(ValueError, match=r".") as caught:
        read(path, reading)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith((".", "?"))
    return text


def written(folder: Path, content: bytes, name: str = "a.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_text_is_read(tmp_path: Path) -> None:
    assert read(written(tmp_path, "naïve\n".encode())) == ("naïve\n", "")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbfhello", "hello"),
        (b"one\r\ntwo\r\n", "one\ntwo\n"),
        (b"one\rtwo\r", "one\ntwo\n"),
        (b"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
    ],
)
def test_byte_order_marks_and_newlines(tmp_path: Path, content: bytes, text: str) -> None:
    assert read(written(tmp_path, content)).text == text


def test_every_byte_that_is_not_utf8_is_counted_and_shown(tmp_path: Path) -> None:
    damaged = "große Straße, schöne Grüße: ".encode() + b"caf\xe9 and a cut \xe2\x82"
    text, note = read(written(tmp_path, damaged))
    assert text == "große Straße, schöne Grüße: caf\ufffd and a cut \ufffd\ufffd"
    assert note == "3 bytes not UTF-8, are shown as \ufffd"


def test_a_replacement_character_in_the_file_is_not_counted(tmp_path: Path) -> None:
    text, note = read(written(tmp_path, "seen \ufffd before, ".encode() + b"lost \xff"))
    assert text.count("\ufffd") == 2
    assert note.startswith("1 byte not UTF-8")


GERMAN = "Über allen Gipfeln ist Ruh’, in allen Wipfeln spürest du – kaum einen Hauch.\n"
RUSSIAN = "Я помню чудное мгновенье: передо мной явилась ты.\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_utf_16_and_32_are_read_with_a_word(tmp_path: Path, encoding: str) -> None:
    text, note = read(written(tmp_path, GERMAN.encode(encoding)))
    assert text == GERMAN
    assert note.startswith(f"read as {encoding[:6].upper()}")


def test_latin_1_is_read_with_a_word(tmp_path: Path) -> None:
    text, note = read(written(tmp_path, GERMAN.encode("cp1252")))
    assert text == GERMAN
    assert note == "read as Windows-1252, not UTF-8; wrong letters? name its --encoding"
    spanish = "Cuéntame, ¿dónde está el niño?"
    assert read(written(tmp_path, spanish.encode("latin-1"))).text == spanish


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "utf-16-le", "iso-8859-5", "utf-8"])
def test_an_encoding_that_is_named_is_used_without_a_word(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, RUSSIAN.encode(encoding))
    assert read(path, Reading(encoding)) == (RUSSIAN, "")


def test_what_a_named_encoding_does_not_have_is_counted_and_shown(tmp_path: Path) -> None:
    path = written(tmp_path, "こんにちは世界。".encode("shift-jis") + b"\xff\n")
    text, note = read(path, Reading("shift-jis"))
    assert text == "こんにちは世界。\ufffd\n"
    assert note == "1 byte not shift-jis, is shown as \ufffd"


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("latn1", "There is no text encoding 'latn1'; near it: latin1"),
        ("hex", "There is no text encoding 'hex'"),
        ("a\x00b\x1b[2J", "'a␀b␛[2J'"),
        ("utf-16", "'"),
        ("undefined", "is not a text in undefined"),
    ],
)
def test_an_encoding_that_cannot_be_meant(tmp_path: Path, encoding: str, expected: str) -> None:
    assert expected in message(written(tmp_path, b"\xff\xd8\x00"), Reading(encoding))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "contains only whitespace"),
        (b"a", "contains only the character 'a'"),
        (b"a\n", "contains only the character 'a'"),
        (b"zzzzzzz", "contains only the character 'z'"),
        (gzip.compress(b"hello", mtime=0), "is a gzip file"),
        (b"PK\x03\x04rest", "is a zip archive"),
        (b"%PDF-1.7\n", "is a PDF"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is a PNG image"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "is a JPEG image"),
        (b"\x7fELF\x02\x01\x01\x00", "is an executable (ELF)"),
        (b"text, then\x00 a NUL", "is a binary file"),
        (bytes(range(1, 32)) * 9, "is a binary file"),
        ("こんにちは世界、こんにちは。".encode("shift-jis"), "name the encoding with --encoding"),
        (RUSSIAN.encode("cp1251"), "name the encoding with --encoding"),
    ],
)
def test_what_is_not_text_is_refused_and_named(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    assert expected in message(written(tmp_path, content, "odd name.txt"))


def test_the_name_in_a_message_is_safe_to_draw(tmp_path: Path) -> None:
    text = message(tmp_path / "evil\x1b]0;title\x07\u202e\n.txt")
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("name", ["missing", "a\x00b", "\ud800", "x" * 5000, "a.txt/below"])
def test_a_missing_file_or_an_invalid_name(tmp_path: Path, name: str) -> None:
    written(tmp_path, b"a text")
    assert message(tmp_path / name)


def test_a_pipe_is_refused_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert "is a pipe" in message(tmp_path / "pipe.txt")


def test_a_pipe_that_replaces_a_checked_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, b"a text")
    really_open = os.open

    def swap_then_open(target: Path, flags: int) -> int:
        path.unlink()
        os.mkfifo(path)
        return really_open(target, flags)

    monkeypatch.setattr(os, "open", swap_then_open)
    assert "is a pipe" in message(path)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert "is a socket" in message(Path("socket"))


def test_a_device_is_refused() -> None:
    assert "is a device" in message(Path("/dev/zero"))


def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert "points back to itself" in message(tmp_path / "loop")


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Patched, because root may read everything.
    def refuse(target: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(os, "open", refuse)
    assert "do not have permission" in message(written(tmp_path, b"a text"))


def test_a_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(os, "scandir", refuse)
    assert "do not have permission" in message(tmp_path)


def test_what_is_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = tmp_path / "big.txt"
    with big.open("wb") as file:
        file.truncate(3_000_000_000)  # a hole, which takes no room

    def unread(*_: object, **__: object) -> None:
        raise AssertionError("it was opened")

    monkeypatch.setattr(os, "fdopen", unread)
    limit = "has 3 GB of text, and at most 1 GB can be read: "
    assert message(big) == f"'{big}' {limit}take a part of it."
    assert message(tmp_path) == (
        f"'{tmp_path}' {limit}choose a folder in it, or leave files out with --ignore."
    )


def test_a_file_that_grows_meanwhile_is_too_large_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_bytes, "MAX_BYTES", 10)
    path = written(tmp_path, b"ten bytes.")
    really_open = os.open

    def grow_then_open(target: Path, flags: int) -> int:
        path.write_bytes(b"eleven bytes")
        return really_open(target, flags)

    monkeypatch.setattr(os, "open", grow_then_open)
    assert "take a part of it" in message(path)


def test_a_folder_is_read_in_order_with_a_note_on_what_was_left_out(tmp_path: Path) -> None:
    written(tmp_path, b"second\n", "b.txt")
    written(tmp_path, b"first\n\n", "a.md")
    written(tmp_path, b"hidden\n", ".c.txt")
    written(tmp_path, b"no suffix of a text\n", "d.exe")
    written(tmp_path, b"\x00\x01", "e.txt")
    written(tmp_path, b"", "empty.txt")
    for name, content in (("z", b"last \xff"), (".git", b"hidden"), ("y", b"third\r\n")):
        (tmp_path / name).mkdir()
        written(tmp_path / name, content)
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "back").symlink_to(tmp_path, target_is_directory=True)
    text, note = read(tmp_path)
    assert text == "first\n\nsecond\n\nthird\n\nlast ÿ\n"
    assert note == (
        "1 file read as Windows-1252, not UTF-8; left out: 2 not readable as text (e.txt, pipe.txt), "
        "3 hidden, ignored or links (.git/, back/, .c.txt), 1 of another kind (d.exe)"
    )


def test_patterns_leave_files_out_of_a_folder(tmp_path: Path) -> None:
    for name in ("a.txt", "b.csv", "drafts/c.txt", "old/drafts/d.txt", ".notes/e.txt", "lib/f.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        written(tmp_path, name.encode(), name)
    for ignore, names in (
        ((), ["a.txt", "b.csv", "drafts/c.txt", "lib/f.py", "old/drafts/d.txt"]),
        (("drafts/", "*.csv"), ["a.txt", "lib/f.py"]),
        (("/drafts/", "*.py", "b*"), ["a.txt", "old/drafts/d.txt"]),
        (("!.notes/", "*.txt", "!e.txt"), ["b.csv", ".notes/e.txt", "lib/f.py"]),
    ):
        assert read(tmp_path, Reading(ignore=ignore)).text.split() == names


def test_a_pattern_that_cannot_be_meant(tmp_path: Path) -> None:
    written(tmp_path, b"a text")
    assert "as in a .gitignore, which '!' is not" in message(tmp_path, Reading(ignore=("!",)))
    assert "is a file: --ignore leaves" in message(tmp_path / "a.txt", Reading(ignore=("b",)))


def test_a_folder_without_text(tmp_path: Path) -> None:
    assert "contains no text files" in message(tmp_path)
    written(tmp_path, b"\x00")
    assert "contains no readable text files" in message(tmp_path)


def test_a_folder_with_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_ENTRIES", 2)
    for name in "abc":
        written(tmp_path, b"text", f"{name}.txt")
    assert "more than 2 files" in message(tmp_path)


def test_several_files_folders_and_patterns_are_one_text(tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt", "poems/b.txt", "poems/a.txt", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        written(tmp_path, f"\n{name}\n".encode(), name)
    (tmp_path / "poems" / "again.txt").symlink_to(tmp_path / "poems" / "again.txt")
    for texts, expected in (
        (["two.txt", "one.txt"], ["two.txt", "one.txt"]),
        (["poems", "one.txt"], ["poems/a.txt", "poems/b.txt", "one.txt"]),
        (["*.txt", "notes.md"], ["one.txt", "two.txt", "notes.md"]),
        (["**/*.txt"], ["one.txt", "poems/a.txt", "poems/b.txt", "two.txt"]),
        (["one.txt", "one.txt"], ["one.txt"]),
    ):
        first, *more = (str(tmp_path / text) for text in texts)
        reading = Reading(more=tuple(more), separator="\n␞\n")
        corpus = load(first, reading)
        assert corpus.text == "\n␞\n".join(expected) + "\n"
        assert corpus.documents == len(expected)
    assert corpus.name == "one.txt +1"
    assert corpus.source == ", ".join(str(tmp_path / name) for name in ("one.txt", "one.txt"))


def test_one_of_several_that_is_no_text_is_left_out_and_one_that_is_missing_is_not(
    tmp_path: Path,
) -> None:
    text = str(written(tmp_path, b"a text"))
    binary = str(written(tmp_path, b"\x00\x01", "b.txt"))
    corpus = load(text, Reading(more=(binary,)))
    assert (corpus.text, corpus.note) == ("a text\n", "left out: 1 not readable as text (b.txt)")
    with pytest.raises(ValueError, match="There is no file"):
        load(text, Reading(more=(f"{binary}s",)))
    with pytest.raises(ValueError, match="'tales' is none"):
        load("tales", Reading(more=(text,)))
