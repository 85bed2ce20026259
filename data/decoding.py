"""Decodes the bytes of an untrusted file as UTF-8, or says what the file is instead."""

import re
from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (
    # The BOM of UTF-32 starts with that of UTF-16, so it is tried first.
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_MAGIC_NUMBERS = (
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"BZh9", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"%PDF-", "a PDF"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"\x7fELF", "an executable (ELF)"),
    (b"SQLite format 3\x00", "a SQLite database"),
)
_SAMPLE_BYTES = 1 << 16
_CONTROLS = bytes(set(range(0x20)) - set(b"\b\t\n\v\f\r\x1b"))
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


class Decoded(NamedTuple):
    """A text whose lines end in LF, and how many of its bytes were not UTF-8."""

    text: str
    replaced: int


def decode(content: bytes, name: str) -> Decoded:
    """The text of a file. Each byte that is not UTF-8 becomes one U+FFFD; CRLF and CR become LF.

    Raises ValueError, with a user-facing message that contains `name`, if this is not UTF-8 text.
    """
    if encoding := _detect_wide_encoding(content):
        raise ValueError(f"'{name}' is {encoding}, not UTF-8: save it as UTF-8.")
    for magic, kind in _MAGIC_NUMBERS:
        if content.startswith(magic):
            raise ValueError(f"'{name}' is {kind}, not a text file.")
    sample = content[:_SAMPLE_BYTES]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if b"\x00" in content or controls > len(sample) * 0.1:
        raise ValueError(f"'{name}' is a binary file, not a text file.")
    text, replaced = _replace_invalid(content.removeprefix(_BOM))
    if replaced > len(content) * 0.3:
        raise ValueError(f"'{name}' is binary or in another encoding: save it as UTF-8.")
    return Decoded(text.replace("\r\n", "\n").replace("\r", "\n"), replaced)


def _replace_invalid(content: bytes) -> tuple[str, int]:
    try:
        return content.decode("utf-8"), 0
    except UnicodeDecodeError:
        # errors="replace" may replace several bytes by one U+FFFD; this counts each byte.
        return _ESCAPED_BYTE.subn("\ufffd", content.decode("utf-8", "surrogateescape"))


def _detect_wide_encoding(content: bytes) -> str:
    """The name of an encoding with code units of two or four bytes, or an empty string."""
    for bom, encoding in _WIDE_BOMS:
        if content.startswith(bom):
            return encoding
    sample = content[: min(_SAMPLE_BYTES, len(content) // 4 * 4)]
    if not sample:
        return ""
    # Most text is ASCII, which has its NUL bytes at fixed offsets in UTF-16 and UTF-32.
    zeros = [sample[offset::4].count(0) / (len(sample) // 4) for offset in range(4)]
    if (min(zeros[1:]) > 0.9 and zeros[0] < 0.1) or (min(zeros[:3]) > 0.9 and zeros[3] < 0.1):
        return "UTF-32"
    even, odd = min(zeros[0], zeros[2]), min(zeros[1], zeros[3])
    if (odd > 0.5 and max(zeros[0], zeros[2]) < 0.1) or (
        even > 0.5 and max(zeros[1], zeros[3]) < 0.1
    ):
        return "UTF-16"
    return ""
