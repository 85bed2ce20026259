"""What the model would say after each block, and how much each sublayer adds to the stream."""

from textual.content import Content

from engine.protocol import Likely
from tui.drawing.words import bar
from tui.read.pane import MUTED, ReadPane, likeliest
from tui.state import RunState

LABEL = 10
"""Cells for the name of a depth."""
BAR = 8
"""Cells of a bar, where there is room for bars."""
ROOM_FOR_BARS = 64


class LayersPane(ReadPane):
    """The three likeliest characters by the embedding alone and after each block."""

    def titles(self, state: RunState) -> tuple[Content, Content]:
        return Content("through the layers"), Content("")

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        insight = state.insight
        place = insight.selected
        if place is None or insight.passage is None or not place.layers:
            return []
        names = insight.passage.read.sublayers
        longest = max(place.added, default=0.0) or 1.0
        bars = BAR if width >= ROOM_FOR_BARS else 0
        lines = []
        for depth, likely in enumerate(place.layers):
            label = f"block {depth}" if depth else "embedding"
            added = [
                (name.partition(".")[2], value)
                for name, value in zip(names, place.added, strict=False)
                if name.partition(".")[0] == str(depth)
            ]
            lines.append(
                _line(label, likely, place.character)
                + Content("").join(_added(name, value, longest, bars) for name, value in added)
            )
        return [line.truncate(width) for line in _fitting(lines, height)]


def _line(label: str, likely: Likely, true: str) -> Content:
    return Content.styled(label.ljust(LABEL), MUTED) + likeliest(likely, true)


def _added(name: str, value: float, longest: float, bars: int) -> Content:
    """How much a sublayer adds, as a number and where there is room as a bar."""
    if not bars:
        return Content.assemble((f" {name[:3]}", MUTED), f"{value:5.2f}")
    return Content.assemble(
        (f"  {name} ", MUTED), f"{value:.2f} ", (bar(value / longest, bars).ljust(bars), "$primary")
    )


def _fitting(lines: list[Content], height: int) -> list[Content]:
    """The embedding and the last blocks, where there is no room for all."""
    if len(lines) <= height or height < 3:
        return lines[:height]
    left_out = len(lines) - height + 1
    return [lines[0], Content.styled(f"… {left_out} more", MUTED), *lines[left_out + 1 :]]
