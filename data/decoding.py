"""Decodes the bytes of an untrusted file, or says what the file is instead of a text."""

import encodings
import re
from contextlib import suppress
from typing import NamedTuple

from data.safe_text import safe_text

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
_HIGH = bytes(range(0x80, 0x100))
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_INVALID = 0.3
"""The fraction of a text that may be invalid, beyond which it is taken for something else."""
_MAX_ACCENTED = 0.2
"""The fraction of letters outside ASCII up to which a text may be in a Western European language."""
_ADVICE = "name the encoding with --encoding, or save it as UTF-8"


class Decoded(NamedTuple):
    """A text whose lines end in LF, how many of its bytes could not be decoded, and the name of the
    encoding if that was guessed and is not UTF-8."""

    text: str
    replaced: int
    guessed: str = ""


def decode(content: bytes, name: str, encoding: str = "") -> Decoded:
    """The text of a file, whose CRLF and CR become LF. What cannot be decoded becomes U+FFFD, in
    UTF-8 one for each byte.

    Without an encoding it is UTF-8, else UTF-16 or UTF-32 if it looks like that, else Windows-1252
    (which Latin-1 is a part of) if it may be that. Raises ValueError, with a user-facing message
    that contains `name`, if it is no text in that encoding, or none at all.
    """
    wide = "" if encoding else _detect_wide_encoding(content)
    if encoding:
        decoded = _decode_as(encoding, content, name)
    elif wide:
        decoded = _decode_as(wide, content, name)._replace(guessed=wide)
    else:
        decoded = _decode_narrow(content, name)
    text = decoded.text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return decoded._replace(text=text)


def check_encoding(encoding: str) -> None:
    """ValueError, with a user-facing message, for a name that is no encoding of texts."""
    # Python's own encodings only: a package may have registered one that takes any name.
    found = encodings.search_function(encodings.normalize_encoding(encoding).lower())
    if found is None or not found._is_text_encoding:
        from difflib import get_close_matches
        from encodings.aliases import aliases

        nearest = get_close_matches(
            encoding.casefold().replace("-", "_"), {*aliases, *aliases.values()}, 3
        )
        hint = f"; near it: {', '.join(nearest)}" if nearest else ""
        raise ValueError(f"There is no text encoding '{safe_text(encoding)}'{hint}.")


def _decode_as(encoding: str, content: bytes, name: str) -> Decoded:
    """Decode from an encoding that was named or detected."""
    check_encoding(encoding)
    try:
        text, replaced = content.decode(encoding), 0
    except UnicodeDecodeError:
        text = content.decode(encoding, "replace")
        replaced = text.count("\ufffd")
    except UnicodeError:  # from an encoding of names, not of texts
        text, replaced = "", 1
    text, halves = _SURROGATE.subn("\ufffd", text)
    replaced += halves
    if replaced > len(text) * _MAX_INVALID:
        raise ValueError(f"'{name}' is not a text in {safe_text(encoding)}.")
    if "\x00" in text:
        raise ValueError(f"'{name}' is a binary file, not a text file.")
    return Decoded(text, replaced)


def _decode_narrow(content: bytes, name: str) -> Decoded:
    """Decode UTF-8 or Windows-1252, or say what it is instead."""
    for magic, kind in _MAGIC_NUMBERS:
        if content.startswith(magic):
            raise ValueError(f"'{name}' is {kind}, not a text file.")
    sample = content[:_SAMPLE_BYTES]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if b"\x00" in content or controls > len(sample) * 0.1:
        raise ValueError(f"'{name}' is a binary file, not a text file.")
    try:
        return Decoded(content.decode("utf-8"), 0)
    except UnicodeDecodeError:
        # errors="replace" may replace several bytes by one U+FFFD; this counts each byte.
        escaped = content.decode("utf-8", "surrogateescape")
    text, invalid = _ESCAPED_BYTE.subn("\ufffd", escaped)
    high = len(content) - len(content.translate(None, _HIGH))
    # A damaged text in UTF-8 still has more of its bytes in valid characters than outside.
    if high - invalid <= invalid and high <= len(content) * _MAX_ACCENTED:
        with suppress(UnicodeDecodeError):
            return Decoded(content.decode("cp1252"), 0, "Windows-1252")
    if invalid > len(content) * _MAX_INVALID:
        raise ValueError(f"'{name}' is binary or in another encoding: {_ADVICE}.")
    return Decoded(text, invalid)


def _detect_wide_encoding(content: bytes) -> str:
    """An encoding with code units of two or four bytes, by its BOM or its NUL bytes; or nothing."""
    for bom, encoding in _WIDE_BOMS:
        if content.startswith(bom):
            return encoding
    sample = content[: min(_SAMPLE_BYTES, len(content) // 4 * 4)]
    if not sample:
        return ""
    # Most text is ASCII, which has its NUL bytes at fixed offsets in UTF-16 and UTF-32.
    zeros = [sample[offset::4].count(0) / (len(sample) // 4) for offset in range(4)]
    even, odd = zeros[0::2], zeros[1::2]
    for encoding, nul, other in (
        ("UTF-32LE", zeros[1:], zeros[:1]),
        ("UTF-32BE", zeros[:3], zeros[3:]),
        ("UTF-16LE", odd, even),
        ("UTF-16BE", even, odd),
    ):
        if min(nul) > (0.9 if len(nul) == 3 else 0.5) and max(other) < 0.1:
            return encoding
    return ""
