"""Draws the screen in ASCII, for terminals without Unicode: the same cells, other characters."""

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
    **dict.fromkeys("█▉▊▋▌▍▄▅▆▇▀■", "#"),
    **dict.fromkeys("░…·", "."),
    "▒": "+",
    "▓": "%",
    **dict.fromkeys("●✶✓", "*"),
    **dict.fromkeys("✖×", "x"),
    **dict.fromkeys("↑▲", "^"),
    **dict.fromkeys("↓▼", "v"),
    **dict.fromkeys("“”", '"'),
    "◆": "o",
    "○": "O",
    "△": "A",
    "□": "H",
    "→": ">",
    "»": ">",
    "▸": ">",
    "◂": "<",
    "←": "<",
    "␠": "_",
    "␊": "/",
}
BRAILLE = range(0x2800, 0x2900)
DENSE = 4
"""The number of dots from which on a braille cell is drawn as a dense one."""


class AsciiFilter(LineFilter):
    """Replaces every other character by ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment("".join(map(in_ascii, segment.text)), segment.style)
            for segment in segments
        ]


@cache
def in_ascii(character: str) -> str:
    """ASCII for a character, as wide as it is; a letter with marks becomes the letter."""
    if character.isascii():
        return character
    if ord(character) in BRAILLE:
        return ":" if (ord(character) - BRAILLE.start).bit_count() >= DENSE else "."
    if character in SIGNS:
        return SIGNS[character]
    cells = cell_len(character)
    letter = unicodedata.normalize("NFKD", character)[0]
    return letter.ljust(cells) if letter.isascii() and letter.isprintable() else "?" * cells
