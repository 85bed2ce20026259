"""The screen in ASCII alone, for a terminal that knows no more: the same cells, other signs."""

import unicodedata
from functools import cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

SIGNS = {
    **dict.fromkeys("─━┈═▔▁▂▃", "-"),
    **dict.fromkeys("│┃║▏▎▕▐", "|"),
    **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼", "+"),
    **dict.fromkeys("█▉▊▋▌▍▄▅▆▇▀", "#"),
    **dict.fromkeys("░▒▓…·", "."),
    **dict.fromkeys("●✶", "*"),
    **dict.fromkeys("✖×", "x"),
    **dict.fromkeys("↑▲", "^"),
    **dict.fromkeys("↓▼", "v"),
    "◆": "o",
    "→": ">",
    "←": "<",
    "␠": "_",
    "␊": "/",
}
BRAILLE = range(0x2800, 0x2900)
DENSE = 4
"""Dots of a braille cell from which on it is drawn as a full one."""


class AsciiFilter(LineFilter):
    """Puts an ASCII sign in the place of every other character."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment("".join(map(in_ascii, segment.text)), segment.style)
            for segment in segments
        ]


@cache
def in_ascii(character: str) -> str:
    """Signs for a character, as many as it takes cells: of a letter with marks the letter."""
    if character.isascii():
        return character
    if ord(character) in BRAILLE:
        return ":" if (ord(character) - BRAILLE.start).bit_count() >= DENSE else "."
    if character in SIGNS:
        return SIGNS[character]
    cells = cell_len(character)
    letter = unicodedata.normalize("NFKD", character)[0]
    return letter.ljust(cells) if letter.isascii() and letter.isprintable() else "?" * cells
