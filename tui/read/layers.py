"""What the model would say after each block, and how much each sublayer adds to the stream."""

from collections.abc import Sequence

from textual.content import Content

from engine.protocol import Likely, Place
from tui.drawing.words import bar
from tui.read.pane import MUTED, ReadPane, likeliest
from tui.state import RunState

BAR = 8
"""Cells of a bar, where there is room for bars."""
ROOM_FOR_BARS = 64
ROOM_FOR_NAMES = 50
"""Cells from which on there is room for names in each row; below, they stand over the columns."""
LIKELIEST = 19
"""Cells of three characters with their probabilities, if each of them takes one cell."""

Added = list[tuple[str, float]]
"""The sublayers of a block, and how much each adds."""


class LayersPane(ReadPane):
    """The three likeliest characters by the embedding alone and after each block."""

    def titles(self, state: RunState) -> tuple[Content, Content]:
        return Content("through the layers"), Content("")

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        insight = state.insight
        place = insight.selected
        if place is None or insight.passage is None or not place.layers:
            return []
        return layer_lines(place, insight.passage.read.sublayers, width, height)


def layer_lines(place: Place, sublayers: Sequence[str], width: int, height: int) -> list[Content]:
    """A line for the embedding and for each block. `sublayers`: the names of those in
    `place.added`."""
    blocks: list[Added] = [[] for _ in place.layers]
    for name, value in zip(sublayers, place.added, strict=False):
        block, _, sublayer = name.partition(".")
        blocks[int(block)].append((sublayer, value))
    rows = zip(place.layers, blocks, strict=True)
    if width < ROOM_FOR_NAMES:
        lines = [_short(depth, *row, place.character) for depth, row in enumerate(rows)]
        head = " ".join(f"{name[:3]:>5}" for name, _ in blocks[-1])
        title = Content.styled(f"{'block':{6 + LIKELIEST}}{head}", MUTED)
        return [line.truncate(width) for line in [title, *_fitting(lines, height - 1)]]
    longest = max(place.added, default=0.0) or 1.0
    lines = [
        _long(depth, *row, place.character, longest if width >= ROOM_FOR_BARS else 0.0)
        for depth, row in enumerate(rows)
    ]
    return [line.truncate(width) for line in _fitting(lines, height)]


def _short(depth: int, likely: Likely, added: Added, true: str) -> Content:
    """A depth in a narrow pane; 0 is the embedding."""
    row = Content.styled(f"{depth or 'emb':>3} ", MUTED) + likeliest(likely, true)
    return row.pad_right(max(1, LIKELIEST + 6 - row.cell_length)) + Content(
        " ".join(f"{value:5.2f}" for _, value in added)
    )


def _long(depth: int, likely: Likely, added: Added, true: str, longest: float) -> Content:
    """A depth, and what its sublayers add: the number, and a bar if the longest one is given."""
    label = f"block {depth}" if depth else "embedding"
    return Content("").join(
        [
            Content.styled(f"{label:10}", MUTED),
            likeliest(likely, true),
            *(_added(name, value, longest) for name, value in added),
        ]
    )


def _added(name: str, value: float, longest: float) -> Content:
    if not longest:
        return Content.assemble((f" {name[:3]}", MUTED), f"{value:5.2f}")
    drawn = bar(value / longest, BAR).ljust(BAR)
    return Content.assemble((f"  {name} ", MUTED), f"{value:.2f} ", (drawn, "$primary"))


def _fitting(lines: list[Content], height: int) -> list[Content]:
    """The embedding and the last blocks, where there is no room for all."""
    if len(lines) <= height or height < 3:
        return lines[:height]
    left_out = len(lines) - height + 1
    return [lines[0], Content.styled(f"… {left_out} more", MUTED), *lines[left_out + 1 :]]
