"""Any file is read, or refused at once with a user-facing message."""

import gzip
import os
import socket
from pathlib import Path

import pytest

from data import files
from data.files import read


def message(path: Path) -> str:
    """The message of the error for a path."""
    with pytest.raises(ValueError, match=r".") as caught:
        read(path)
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
    text, note = read(written(tmp_path, b"caf\xe9 cr\xe8me and a cut \xe2\x82"))
    assert text == "caf\ufffd cr\ufffdme and a cut \ufffd\ufffd"
    assert note == "4 bytes were not UTF-8 and are shown as \ufffd"


def test_a_replacement_character_in_the_file_is_not_counted(tmp_path: Path) -> None:
    text, note = read(written(tmp_path, "seen \ufffd before, ".encode() + b"lost \xff"))
    assert text.count("\ufffd") == 2
    assert note.startswith("1 byte was")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "contains only whitespace"),
        (b"a", "contains only the character 'a'"),
        (b"a\n", "contains only the character 'a'"),
        (b"zzzzzzz", "contains only the character 'z'"),
        ("hello".encode("utf-16"), "is UTF-16, not UTF-8: save it as UTF-8"),
        ("hello, world".encode("utf-16-le"), "is UTF-16, not UTF-8"),
        ("hello, world".encode("utf-16-be"), "is UTF-16, not UTF-8"),
        ("hello".encode("utf-32"), "is UTF-32, not UTF-8"),
        ("hello, world".encode("utf-32-le"), "is UTF-32, not UTF-8"),
        ("hello, world".encode("utf-32-be"), "is UTF-32, not UTF-8"),
        (gzip.compress(b"hello", mtime=0), "is a gzip file"),
        (b"PK\x03\x04rest", "is a zip archive"),
        (b"%PDF-1.7\n", "is a PDF"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is a PNG image"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "is a JPEG image"),
        (b"\x7fELF\x02\x01\x01\x00", "is an executable (ELF)"),
        (b"text, then\x00 a NUL", "is a binary file"),
        (bytes(range(1, 32)) * 9, "is a binary file"),
        ("こんにちは世界、こんにちは。".encode("shift-jis"), "binary or in another encoding"),
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


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    assert "more than" in message(written(tmp_path, b"eleven bytes and more"))
    assert "more than" in message(tmp_path)


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
    assert text == "first\n\nsecond\n\nthird\n\nlast \ufffd\n"
    assert note == (
        "1 byte was not UTF-8 and is shown as \ufffd; "
        "2 files or folders could not be read as text and were left out"
    )


def test_a_folder_without_text(tmp_path: Path) -> None:
    assert "contains no text files" in message(tmp_path)
    written(tmp_path, b"\x00")
    assert "contains no readable text files" in message(tmp_path)


def test_a_folder_with_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_ENTRIES", 2)
    for name in "abc":
        written(tmp_path, b"text", f"{name}.txt")
    assert "more than 2 files" in message(tmp_path)
