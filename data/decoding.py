"""Bytes of a stranger's file to text: UTF-8, or one sentence that says what it is instead."""

import re
from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"
_MARKED = (
    # The mark of UTF-32 begins with the mark of UTF-16: the longer goes first.
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_BINARY = (
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"BZh9", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"%PDF-", "a PDF"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"\x7fELF", "a program (ELF)"),
    (b"SQLite format 3\x00", "a SQLite database"),
)
_SAMPLE = 1 << 16
_CONTROLS = bytes(set(range(0x20)) - set(b"\b\t\n\v\f\r\x1b"))
_ESCAPED = re.compile("[\udc80-\udcff]")


class Decoded(NamedTuple):
    """A text with plain newlines, and how many of its bytes were not UTF-8."""

    text: str
    replaced: int


def decode(content: bytes, name: str) -> Decoded:
    """The text of a file; `name` is for the sentence of the ValueError that refuses one.

    Each byte that is not UTF-8 becomes one U+FFFD. CRLF and lone CR become LF.
    """
    if encoding := _wide_encoding(content):
        raise ValueError(f"'{name}' is {encoding}, not UTF-8: save it as UTF-8.")
    for magic, kind in _BINARY:
        if content.startswith(magic):
            raise ValueError(f"'{name}' is {kind}, not a text file.")
    sample = content[:_SAMPLE]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if b"\x00" in content or controls > len(sample) * 0.1:
        raise ValueError(f"'{name}' is a binary file, not a text file.")
    text, replaced = _with_replacements(content.removeprefix(_BOM))
    if replaced > len(content) * 0.3:
        raise ValueError(f"'{name}' is binary or in another encoding: save it as UTF-8.")
    return Decoded(text.replace("\r\n", "\n").replace("\r", "\n"), replaced)


def _with_replacements(content: bytes) -> tuple[str, int]:
    try:
        return content.decode("utf-8"), 0
    except UnicodeDecodeError:
        # "replace" makes one mark of several bytes; this counts every byte that was lost.
        return _ESCAPED.subn("\ufffd", content.decode("utf-8", "surrogateescape"))


def _wide_encoding(content: bytes) -> str:
    """The name of an encoding of two or four bytes a character, or nothing."""
    for mark, encoding in _MARKED:
        if content.startswith(mark):
            return encoding
    sample = content[: min(_SAMPLE, len(content) // 4 * 4)]
    if not sample:
        return ""
    # Most text is ASCII, whose wide forms have their NUL bytes always at the same places.
    zeros = [sample[place::4].count(0) / (len(sample) // 4) for place in range(4)]
    if (min(zeros[1:]) > 0.9 and zeros[0] < 0.1) or (min(zeros[:3]) > 0.9 and zeros[3] < 0.1):
        return "UTF-32"
    even, odd = min(zeros[0], zeros[2]), min(zeros[1], zeros[3])
    if (odd > 0.5 and max(zeros[0], zeros[2]) < 0.1) or (
        even > 0.5 and max(zeros[1], zeros[3]) < 0.1
    ):
        return "UTF-16"
    return ""
