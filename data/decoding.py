"""Decodes the bytes of an untrusted file in pieces, or says what the file is instead of a text.

A file is looked through once before it is decoded: what it is can depend on its last byte.
"""

import codecs
import encodings
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator
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
_BOMS = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
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
_NOT_IN_WINDOWS_1252 = b"\x81\x8d\x8f\x90\x9d"
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_INVALID = 0.3
"""The fraction of a text that may be invalid, beyond which it is taken for something else."""
_MAX_ACCENTED = 0.2
"""The fraction of letters outside ASCII up to which a text may be in a Western European language."""
_ADVICE = "name the encoding with --encoding, or save it as UTF-8"


Read = Callable[[], Iterable[bytes]]
"""Gives the bytes of a file in pieces, from its beginning each time."""


class Decoded(NamedTuple):
    """A text whose lines end in LF, how many of its bytes could not be decoded, and the name of the
    encoding if that was guessed and is not UTF-8."""

    text: str
    replaced: int
    guessed: str = ""


class Decoding(NamedTuple):
    """How the bytes of a file become a text, and what `Decoded` says of them."""

    encoding: str
    errors: str
    replaced: int
    guessed: str = ""

    def pieces(self, read: Read) -> Iterator[str]:
        """The text in pieces, whose CRLF and CR become LF. UnicodeDecodeError for a file that has
        changed since it was looked through."""
        decoder = codecs.getincrementaldecoder(self.encoding)(self.errors)
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        begun = False
        for content, final in _until_final(read()):
            text = decoder.decode(content, final)
            if text and not begun:
                text, begun = text.removeprefix("\ufeff"), True
            if not text.isascii():
                text = _SURROGATE.sub("\ufffd", text)
            if text := newlines.decode(text, final):
                yield text


def decode(content: bytes, name: str, encoding: str = "") -> Decoded:
    """The text of a file that is in memory. Errors as from `look_through`."""

    def read() -> Iterable[bytes]:
        return (content,)

    decoding = look_through(read, name, encoding)
    return Decoded("".join(decoding.pieces(read)), decoding.replaced, decoding.guessed)


def decode_exactly(content: Iterable[bytes]) -> Iterator[str]:
    """A text in UTF-8 in pieces, with its line breaks as they are. A lone surrogate, as three bytes,
    is kept. UnicodeDecodeError for what is no such text."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
    for piece, final in _until_final(content):
        if text := decoder.decode(piece, final):
            yield text


def look_through(read: Read, name: str, encoding: str = "") -> Decoding:
    """How to decode a file. What cannot be decoded becomes U+FFFD, in UTF-8 one for each byte.

    Without an encoding it is UTF-8, else UTF-16 or UTF-32 if it looks like that, else Windows-1252
    (which Latin-1 is a part of) if it may be that. Raises ValueError, with a user-facing message
    that contains `name`, if it is no text in that encoding, or none at all.
    """
    if encoding:
        return _look_as(encoding, read, name)
    head = _head(read)
    wide = _detect_wide_encoding(head)
    if wide:
        return _look_as(wide, read, name)._replace(guessed=wide)
    _refuse_binary(head, name)
    return _look_narrow(read, name)


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


def _until_final(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The pieces, then an empty one that says that it is the last."""
    for piece in pieces:
        yield piece, False
    yield b"", True


def _head(read: Read) -> bytes:
    """The beginning of a file: a sample, or all of a shorter one."""
    head = b""
    for piece in read():
        head += piece[: _SAMPLE_BYTES - len(head)]
        if len(head) == _SAMPLE_BYTES:
            break
    return head


def _look_as(encoding: str, read: Read, name: str) -> Decoding:
    """Look through a file in an encoding that was named or detected."""
    check_encoding(encoding)
    codec = _with_byte_order(encoding, read)
    counts, errors = _Counts(0, 0, 1, has_nul=False), "strict"  # as if it could not be decoded
    with suppress(UnicodeError):  # from an encoding of names, not of texts
        try:
            counts = _count(codec, errors, read)
        except UnicodeDecodeError:
            counts, errors = _count(codec, "replace", read), "replace"
    replaced = counts.halves + (counts.marks if errors == "replace" else 0)
    if replaced > counts.characters * _MAX_INVALID:
        raise ValueError(f"'{name}' is not a text in {safe_text(encoding)}.")
    if counts.has_nul:
        raise ValueError(f"'{name}' is a binary file, not a text file.")
    return Decoding(codec, errors, replaced)


def _with_byte_order(encoding: str, read: Read) -> str:
    """The encoding; UTF-16 and UTF-32 without a BOM with the byte order of this machine, which
    Python takes for a whole text only."""
    codec = codecs.lookup(encoding).name
    if codec in ("utf-16", "utf-32") and not _head(read).startswith(_BOMS[codec]):
        return f"{codec}-{sys.byteorder[0]}e"
    return encoding


class _Counts(NamedTuple):
    """What was found in a decoded text."""

    characters: int
    marks: int  # U+FFFD
    halves: int  # surrogates that stand alone
    has_nul: bool


def _count(encoding: str, errors: str, read: Read) -> _Counts:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    counts = _Counts(0, 0, 0, has_nul=False)
    for content, final in _until_final(read()):
        text = decoder.decode(content, final)
        counts = _Counts(
            counts.characters + len(text),
            counts.marks + text.count("\ufffd"),
            counts.halves + (0 if text.isascii() else len(_SURROGATE.findall(text))),
            counts.has_nul or "\x00" in text,
        )
    return counts


def _refuse_binary(head: bytes, name: str) -> None:
    """ValueError, with a user-facing message, for the beginning of what is no text."""
    for magic, kind in _MAGIC_NUMBERS:
        if head.startswith(magic):
            raise ValueError(f"'{name}' is {kind}, not a text file.")
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > len(head) * 0.1:
        raise ValueError(f"'{name}' is a binary file, not a text file.")


def _look_narrow(read: Read, name: str) -> Decoding:
    """UTF-8 or Windows-1252, or what it is instead."""
    size = high = invalid = 0
    may_be_western = True
    # errors="replace" may replace several bytes by one U+FFFD; this counts each byte.
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    for content, final in _until_final(read()):
        if b"\x00" in content:
            raise ValueError(f"'{name}' is a binary file, not a text file.")
        size += len(content)
        if not content.isascii():
            high += len(content) - len(content.translate(None, _HIGH))
            unused = len(content) - len(content.translate(None, _NOT_IN_WINDOWS_1252))
            may_be_western = may_be_western and not unused
        text = decoder.decode(content, final)
        if not text.isascii() and not _is_encodable(text):
            invalid += len(_ESCAPED_BYTE.findall(text))
    if not invalid:
        return Decoding("utf-8", "strict", 0)
    # A damaged text in UTF-8 still has more of its bytes in valid characters than outside.
    if may_be_western and high - invalid <= invalid and high <= size * _MAX_ACCENTED:
        return Decoding("cp1252", "strict", 0, "Windows-1252")
    if invalid > size * _MAX_INVALID:
        raise ValueError(f"'{name}' is binary or in another encoding: {_ADVICE}.")
    return Decoding("utf-8", "surrogateescape", invalid)


def _is_encodable(text: str) -> bool:
    """Whether it has no surrogate: faster than to look for one."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _detect_wide_encoding(head: bytes) -> str:
    """An encoding with code units of two or four bytes, by its BOM or its NUL bytes; or nothing."""
    for bom, encoding in _WIDE_BOMS:
        if head.startswith(bom):
            return encoding
    sample = head[: len(head) // 4 * 4]
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
