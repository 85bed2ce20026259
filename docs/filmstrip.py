"""Frames of a terminal as one animated SVG, without scripts, fonts or external resources.

Each terminal row is a film strip: its distinct contents one below the other, behind a window of one
row, moved by a stepped CSS animation. Where nothing is animated (`prefers-reduced-motion`, or a
renderer without CSS animations) every strip shows its last content, so the picture is its last
frame. Lines, blocks and braille dots are drawn as shapes: they join in any font.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple
from xml.sax.saxutils import escape

from rich.segment import Segment
from rich.style import Style
from textual.app import App

CELL_WIDTH = 10
CELL_HEIGHT = 20
BASELINE = 15
FONT_SIZE = 16
FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"
BLEED = 0.6
"""Shapes as high as their row extend this far beyond it, which hides seams when scaled."""
SLOT = 2 * CELL_HEIGHT
"""Distance between two contents of a strip. The gap hides glyphs taller than a row."""
MARGIN = 14
TITLE_HEIGHT = 34

# Paths relative to the upper left corner of a cell of 10 by 20.
LINES = {
    "─": "m0 10h10",
    "│": "m5-.6v21.2",
    "╭": "m5 20.6v-5.6q0-5 5-5",
    "╮": "m0 10q5 0 5 5v5.6",
    "╰": "m5-.6v5.6q0 5 5 5",
    "╯": "m0 10q5 0 5-5v-5.6",
    "┌": "m5 20v-10h5",
    "┐": "m0 10h5v10",
    "└": "m5 0v10h5",
    "┘": "m0 10h5v-10",
    "├": "m5-.6v21.2m0-10.6h5",
    "┤": "m5-.6v21.2m0-10.6h-5",
    "┬": "m0 10h10m-5 0v10",
    "┴": "m0 10h10m-5 0v-10",
    "┼": "m0 10h10m-5-10v20",
    "┈": "m0 10h2m3 0h2",
    "╌": "m1 10h3m2 0h3",
    "┄": "m1 10h2m2 0h2m2 0h2",
    "␣": "m1.5 11.5v3h7v-3",
    # The screen's symbols for a space and a line break; few fonts have them.
    "␠": "m1.5 11.5v3h7v-3",
    "␊": "m8 5.5v6h-6m2.5-2.5l-2.5 2.5l2.5 2.5",
}
HEAVY_LINES = {"━": "m0 10h10", "┃": "m5-.6v21.2", "╸": "m0 10h5", "╺": "m5 10h5"}
# Left, top, width, height in eighths of a cell.
BLOCKS = {
    "█": (0, 0, 8, 8),
    "▀": (0, 0, 8, 4),
    "▄": (0, 4, 8, 4),
    "▌": (0, 0, 4, 8),
    "▐": (4, 0, 4, 8),
    **{character: (0, 7 - n, 8, n + 1) for n, character in enumerate("▁▂▃▄▅▆▇")},
    **{character: (0, 0, n + 1, 8) for n, character in enumerate("▏▎▍▌▋▊▉")},
}
SHADES = {"░": 0.2, "▒": 0.4, "▓": 0.6}
BRAILLE = range(0x2801, 0x2900)
# Centre of each braille dot, by its bit.
DOTS = ((2.5, 3), (2.5, 8), (2.5, 12), (7.5, 3), (7.5, 8), (7.5, 12), (2.5, 17), (7.5, 17))

Row = tuple[Segment, ...]


class Frame(NamedTuple):
    """One picture of the terminal and its duration."""

    rows: tuple[Row, ...]
    seconds: float


def rows(app: App[None]) -> tuple[Row, ...]:
    """The rows of an app's screen."""
    strips = app.screen._compositor.render_strips()
    return tuple(tuple(strip.simplify()) for strip in strips)


class Look(NamedTuple):
    """Style of a run of characters."""

    fill: str
    background: str
    bold: bool
    italic: bool
    underline: bool


class Classes:
    """Short CSS class names, one per rule."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, rule: str) -> str:
        return self._names.setdefault(rule, f"c{len(self._names)}")

    def css(self) -> str:
        return "".join(f".{name}{{{rule}}}" for rule, name in self._names.items())


def animated_svg(
    frames: Sequence[Frame], *, title: str, description: str, foreground: str, background: str
) -> str:
    """The frames as one SVG that loops. All frames have the same size."""
    columns = max(sum(segment.cell_length for segment in row) for row in frames[0].rows)
    classes = Classes()
    total = sum(frame.seconds for frame in frames)
    strips, animations = [], []
    for y in range(len(frames[0].rows)):
        contents = [frame.rows[y] for frame in frames]
        slots: dict[Row, int] = {}
        for row in contents:
            slots.setdefault(row, len(slots))
        drawn = "".join(
            _draw_row(row, slot * SLOT, classes, Look(foreground, background, False, False, False))
            for row, slot in slots.items()
        )
        if len(slots) > 1:
            animations.append(_keyframes(y, frames, [slots[row] for row in contents], total))
            drawn = (
                f'<g class="s" id="y{y}" transform="translate(0,{-SLOT * slots[contents[-1]]})">'
                f"{drawn}</g>"
            )
        strips.append(
            f'<svg y="{y * CELL_HEIGHT - BLEED:g}" width="{columns * CELL_WIDTH}" '
            f'height="{CELL_HEIGHT + 2 * BLEED}"><g transform="translate(0,{BLEED})">'
            f"{drawn}</g></svg>"
        )
    width = columns * CELL_WIDTH + 2 * MARGIN
    height = len(strips) * CELL_HEIGHT + TITLE_HEIGHT + MARGIN
    style = (
        f"text{{font:{FONT_SIZE}px {FONTS};white-space:pre}}"
        "path{fill:none;stroke-width:1.4}"
        f".s{{animation:{total:.2f}s step-end infinite}}"
        "@media(prefers-reduced-motion:reduce){.s{animation:none!important}}"
        + classes.css()
        + "".join(animations)
    )
    lights = "".join(
        f'<circle cx="{22 + 20 * n}" cy="17" r="6" fill="{colour}"/>'
        for n, colour in enumerate(("#e46876", "#e6c384", "#98bb6c"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        f"<style>{style}</style>"
        f'<rect width="{width}" height="{height}" rx="9" fill="{background}"/>{lights}'
        f'<text x="{width / 2:g}" y="23" text-anchor="middle" fill="#8b8a80">{escape(title)}</text>'
        f'<g transform="translate({MARGIN},{TITLE_HEIGHT})">{"".join(strips)}</g></svg>\n'
    )


def _keyframes(y: int, frames: Sequence[Frame], slots: Sequence[int], total: float) -> str:
    """CSS that moves the strip of row `y`: one keyframe per change of its content."""
    steps, begins = [], 0.0
    for number, (frame, slot) in enumerate(zip(frames, slots, strict=True)):
        if number == 0 or slot != slots[number - 1]:
            steps.append(f"{begins / total:.3%}{{transform:translateY({-SLOT * slot}px)}}")
        begins += frame.seconds
    return f"#y{y}{{animation-name:k{y}}}@keyframes k{y}{{{''.join(steps)}}}"


def _draw_row(row: Row, top: int, classes: Classes, plain: Look) -> str:
    """Draw a row at `top`: backgrounds, shapes, text."""
    backgrounds: list[str] = []
    texts: list[str] = []
    strokes: dict[str, list[str]] = {}
    x = 0
    for segment in row:
        look = _look(segment.style, plain)
        cells = segment.cell_length
        if look.background != plain.background:
            rule = f"fill:{look.background}"
            backgrounds.append(
                f'<path class="{classes.name(rule)}" '
                f'd="M{x * CELL_WIDTH} {top - BLEED}h{cells * CELL_WIDTH}v{CELL_HEIGHT + 2 * BLEED}'
                f'h{-cells * CELL_WIDTH}z"/>'
            )
        for shape, group in groupby(segment.text, _shape):
            characters = "".join(group)
            length = sum(Segment(character).cell_length for character in characters)
            if shape == "text":
                texts += _text(characters, x, top, look, classes)
            elif shape:
                paths = strokes.setdefault(classes.name(_rule(shape, look)), [])
                paths += _paths(shape, characters, x * CELL_WIDTH, top)
            x += length
    shapes = [f'<path class="{name}" d="{"".join(paths)}"/>' for name, paths in strokes.items()]
    return "".join([*backgrounds, *shapes, *texts])


def _look(style: Style | None, plain: Look) -> Look:
    """The look of a style, with `plain` for what it leaves open."""
    if style is None:
        return plain
    fill = style.color.get_truecolor().hex if style.color else plain.fill
    background = style.bgcolor.get_truecolor().hex if style.bgcolor else plain.background
    if style.reverse:
        fill, background = background, fill
    return Look(fill, background, bool(style.bold), bool(style.italic), bool(style.underline))


def _shape(character: str) -> str:
    """Kind of shape that a character is drawn as, "text", or "" for blank."""
    if character.isspace() or character == "\u2800":
        return ""
    if character in LINES:
        return "line"
    if character in HEAVY_LINES:
        return "heavy"
    if character in BLOCKS:
        return "block"
    if character in SHADES:
        return character
    return "dots" if ord(character) in BRAILLE else "text"


def _rule(shape: str, look: Look) -> str:
    """CSS of a shape, beyond what holds for every path."""
    match shape:
        case "block":
            return f"fill:{look.fill}"
        case "░" | "▒" | "▓":
            return f"fill:{look.fill};fill-opacity:{SHADES[shape]}"
        case "heavy":
            return f"stroke:{look.fill};stroke-width:2.6"
        case "dots":
            return f"stroke:{look.fill};stroke-width:3;stroke-linecap:round"
        case _:
            return f"stroke:{look.fill}"


def _paths(shape: str, characters: str, x: int, top: int) -> Iterable[str]:
    """Path data of the characters, starting at `x`."""
    if len(set(characters)) == 1 and characters[0] in "─━":  # one line for the whole run
        yield f"M{x} {top + CELL_HEIGHT // 2}h{len(characters) * CELL_WIDTH}"
        return
    if shape in SHADES:
        yield f"M{x} {top}h{len(characters) * CELL_WIDTH}v{CELL_HEIGHT}H{x}z"
        return
    for number, character in enumerate(characters):
        left = x + number * CELL_WIDTH
        if shape == "dots":
            for bit, (dot_x, dot_y) in enumerate(DOTS):
                if ord(character) >> bit & 1:
                    yield f"M{left + dot_x:g} {top + dot_y}h0"
        elif shape == "block":
            block_x, block_y, width, height = BLOCKS[character]
            right = width * CELL_WIDTH / 8
            bleed = BLEED if height == 8 else 0
            yield (
                f"M{left + block_x * CELL_WIDTH / 8:g} {top + block_y * CELL_HEIGHT / 8 - bleed:g}"
                f"h{right:g}v{height * CELL_HEIGHT / 8 + 2 * bleed:g}h{-right:g}z"
            )
        else:
            yield f"M{left} {top}{LINES.get(character) or HEAVY_LINES[character]}"


def _text(characters: str, x: int, top: int, look: Look, classes: Classes) -> Iterable[str]:
    """Text elements, starting at cell `x`. Non-ASCII characters are placed one by one, since they
    may come from a fallback font of another width."""
    rule = f"fill:{look.fill}"
    rule += ";font-weight:bold" if look.bold else ""
    rule += ";font-style:italic" if look.italic else ""
    rule += ";text-decoration:underline" if look.underline else ""
    for ascii_only, group in groupby(characters, str.isascii):
        run = "".join(group)
        for piece in (run,) if ascii_only else run:
            cells = Segment(piece).cell_length
            fit = f' textLength="{cells * CELL_WIDTH}"' if ascii_only and cells > 1 else ""
            yield (
                f'<text class="{classes.name(rule)}" x="{x * CELL_WIDTH}" y="{top + BASELINE}"'
                f"{fit}>{escape(piece)}</text>"
            )
            x += cells
