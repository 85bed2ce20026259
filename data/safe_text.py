"""Makes untrusted text safe to draw on a terminal."""

import re
import unicodedata
from functools import lru_cache

MAX_MARKS = 4
"""The maximum number of combining marks on one character: more would overflow into other lines."""
# No mark is below U+0300 or among the symbols from U+2100 on: arrows, lines, blocks, Braille.
_MAY_EXCEED_MARKS = re.compile(f"[^\0-\u02ff\u2100-\u2bff]{{{MAX_MARKS + 1},}}")

_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_INVISIBLE = (
    0x00AD,
    0x180E,
    *range(0x200B, 0x200E),
    *range(0x2028, 0x202A),
    *range(0x2060, 0x2066),
    *range(0x206A, 0x2070),
    0xFEFF,
    *range(0xFFF9, 0xFFFC),
    # Format characters of individual scripts.
    *range(0x0600, 0x0606),
    0x06DD,
    0x070F,
    *range(0x0890, 0x0892),
    0x08E2,
    0x110BD,
    0x110CD,
    *range(0x13430, 0x13440),
    *range(0x1BCA0, 0x1BCA4),
    *range(0x1D173, 0x1D17B),
)
_REPLACEMENT = 0xFFFD
# Terminals disagree on how many cells an emoji with one of these after it takes.
_SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_SKIN_TONES = range(0x1F3FB, 0x1F400)
# Korean vowels and final consonants, which take no cell of their own.
_JAMO = (range(0x1160, 0x1200), range(0xD7B0, 0xD800))

_TABLE: dict[int, int | None] = (
    {code: 0x2400 + code for code in range(0x20)}  # the control pictures of C0
    | {0x7F: 0x2421}
    | dict.fromkeys(range(0x80, 0xA0), _REPLACEMENT)
    | dict.fromkeys((*_BIDI, *_INVISIBLE, *_SKIN_TONES), _REPLACEMENT)
    | dict.fromkeys(range(0xD800, 0xE000), _REPLACEMENT)
    | dict.fromkeys(range(0xE0000, 0xE0080), _REPLACEMENT)
    | dict.fromkeys(_SELECTORS)
)
_ONE_FOR_ONE = _TABLE | dict.fromkeys(_SELECTORS, _REPLACEMENT)
_KEEP_LINES = _TABLE | {ord("\n"): ord("\n")}

UNSAFE = _TABLE.keys()
"""The code points that `safe_text` replaces or removes."""


def safe_text(text: str, *, lines: bool = False) -> str:
    """Text that is safe to draw: control, bidi and invisible characters are made visible.

    C0 controls and DEL become their control pictures, the others U+FFFD; variation selectors and
    combining marks beyond `MAX_MARKS` in a row are removed. With `lines`, newlines are kept.

    Each character is handled on its own, so a text may be split anywhere and each part made safe
    separately (except that marks are counted from zero in each part).
    """
    return limit_marks(text.translate(_KEEP_LINES if lines else _TABLE))


def safe_characters(text: str) -> str:
    """The text as `safe_text` draws it, one character for each: what it removes is U+FFFD here, so
    that a cursor can stand on it."""
    pictures = text.translate(_ONE_FOR_ONE)
    if pictures.isascii():
        return pictures
    return _MAY_EXCEED_MARKS.sub(lambda run: _limit_marks_of(run, chr(_REPLACEMENT)), pictures)


def limit_marks(text: str) -> str:
    """The text with at most `MAX_MARKS` combining marks in a row; further marks are removed."""
    return text if text.isascii() else _MAY_EXCEED_MARKS.sub(_limit_marks_of, text)


def _limit_marks_of(run: re.Match[str], excess: str = "") -> str:
    """The characters of a run, with `excess` in place of each mark beyond `MAX_MARKS`."""
    kept: list[str] = []
    marks = 0
    for character in run.group():
        marks = marks + 1 if _is_mark(character) else 0
        kept.append(character if marks <= MAX_MARKS else excess)
    return "".join(kept)


@lru_cache(maxsize=4096)
def _is_mark(character: str) -> bool:
    """Whether it is drawn onto the preceding character."""
    if unicodedata.category(character).startswith("M"):
        return True
    return any(ord(character) in vowels for vowels in _JAMO)
