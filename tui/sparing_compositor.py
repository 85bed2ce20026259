"""Renders of the screen only what has to be painted, and arranges it only when it is laid out.

Textual 8.2.8: for a partial update, its compositor renders all lines of all widgets in the rectangle
around everything that has changed, containers included. Panes in opposite corners are the usual case
here, and then that rectangle is the whole screen.

Once a hidden widget has changed, or something was scrolled, it arranges all widgets again as soon as
one is asked for its size. Where that happens between two changes of what is shown, widgets have for
a moment a size that no layout gives them: what they draw then stays, and the next layout does not
tell them that they are shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual._compositor import ChopsUpdate, Compositor, ReflowResult
from textual.geometry import Region, Size
from textual.strip import Strip

if TYPE_CHECKING:
    from textual.widget import Widget


class SparingCompositor(Compositor):
    """A compositor whose partial updates render the lines that have changed, each from the widgets
    that are in front there, and in which widgets keep their places from one layout to the next."""

    def update_widgets(self, widgets: set[Widget]) -> None:
        super().update_widgets(widgets & self.visible_widgets.keys())

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        result = super().reflow(parent, size)
        self._full_map_invalidated = False
        return result

    def reflow_visible(self, parent: Widget, size: Size) -> set[Widget]:
        exposed = super().reflow_visible(parent, size)
        self._full_map, _ = self._arrange_root(parent, size, visible_only=False)
        self._full_map_invalidated = False
        return exposed

    def render_partial_update(self) -> ChopsUpdate | None:
        spans = list(self._regions_to_spans(self._dirty_regions))
        self._dirty_regions.clear()
        if not spans:
            return None
        return ChopsUpdate(self._chops_of(spans), spans, [cuts[1:] for cuts in self.cuts])

    def _chops_of(self, spans: list[tuple[int, int, int]]) -> list[dict[int, Strip | None]]:
        """What is to be painted, by line and cell, of these (line, start, end)."""
        cuts = self.cuts
        chops: list[dict[int, Strip | None]] = [{} for _ in cuts]
        missing: dict[int, set[int]] = {}
        for y, start, end in spans:
            chops[y] = dict.fromkeys(cuts[y][:-1])
            cells = zip(cuts[y], cuts[y][1:], strict=False)
            missing.setdefault(y, set()).update(
                cell for cell, after in cells if cell < end and after > start
            )
        for widget, (region, clip) in self.visible_widgets.items():  # from front to back
            x, top, width, height = region.intersection(clip)
            within = range(x, x + width)
            lines = [
                y
                for y in range(top, top + height)
                if y in missing and any(cell in within for cell in missing[y])
            ]
            if not lines:
                continue
            rendered = widget.render_lines(
                Region(x - region.x, lines[0] - region.y, width, lines[-1] + 1 - lines[0])
            )
            for y in lines:
                inside = [cut for cut in cuts[y] if x <= cut <= x + width]
                parts = rendered[y - lines[0]].divide([cut - x for cut in inside[1:]])
                for cell, part in zip(inside, parts, strict=False):
                    if cell in missing[y]:
                        chops[y][cell] = part
                missing[y].difference_update(inside[:-1])
        return chops
