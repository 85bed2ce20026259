"""The passage: each character tinted by how much it surprised the model."""

from collections.abc import Sequence

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.message import Message

from engine.config import SampleConfig
from engine.protocol import Inspect
from tui.drawing.passage import PassageLayout
from tui.drawing.words import count, counted
from tui.insight import Insight, Passage
from tui.questions import Questions
from tui.read.pane import CURSOR, MUTED, ReadPane, styled
from tui.state import RunState
from tui.tokens import tokens_of

LEVELS = (
    (0.0, ""),
    (1.0, "on $accent 20%"),
    (3.0, "underline on $accent 45%"),
    (6.0, "bold underline $background on $accent"),
)
"""From so many bits of surprise on, the style of a character: brighter, then underlined and bold."""

WIDE = 60
"""Cells from which on the titles are in full."""


class PassagePane(ReadPane, can_focus=True):
    """The text that is read, with the selected character."""

    BINDINGS = [
        Binding("left", "move(-1)", "Select the character before", show=False),
        Binding("right", "move(1)", "Select the next character", show=False),
        Binding("up", "move_rows(-1)", "Select a character above", show=False),
        Binding("down", "move_rows(1)", "Select a character below", show=False),
        Binding("home", "move_in_row(0)", "Select the first of the line", show=False),
        Binding("end", "move_in_row(1)", "Select the last of the line", show=False),
        Binding("pageup", "move_pages(-1)", "Select a character a page above", show=False),
        Binding("pagedown", "move_pages(1)", "Select a character a page below", show=False),
    ]

    class Pasted(Message):
        """A text was pasted, to be read."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    _laid_out: tuple[Sequence[str], int, PassageLayout] | None = None
    _tinted: tuple[Passage, PassageLayout, dict[int, Content]] | None = None
    """The rows that were drawn of a passage, without the cursor, which moves more often."""

    @staticmethod
    def questions(state: RunState, config: SampleConfig) -> Questions:
        insight = state.insight
        text = insight.text.value if insight.text else ""
        moment = state.moments.chosen
        return {"asked_passage": Inspect(0, text, insight.start, insight.off, moment)}

    def titles(self, state: RunState) -> tuple[Content, Content]:
        insight = state.insight
        if insight.passage is None:
            return Content("passage"), Content("")
        read = insight.passage.read
        wide = self.size.width >= WIDE
        where = f"passage · held-out text from {tokens_of(state).noun} {count(read.start)}"
        if read.start < 0:
            where = "passage · your text" if wide else "your text"
        elif not wide:
            where = f"held-out {count(read.start)}"
        if deep := len(insight.branches.trail):
            where = f"written on, {counted(deep, 'fork')} (u: back)"
        whole = insight.passage.raw.value
        bits = f"{read.bits:.2f} bits a {whole.noun}"
        if insight.cost is not None:
            bits += f" ({insight.cost:+.2f}" + (
                f" without {', '.join(insight.off)})" if wide else ")"
            )
        elif whole.ids and (per_byte := whole.bits_per_byte) is not None:
            bits += f", {per_byte:.2f} bits/byte"
        return Content(f"{where} · step {count(read.step)}"), Content(bits)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        insight, passage = state.insight, state.insight.passage
        if insight.failure:
            return Content.styled(insight.failure, "$error").wrap(width)
        if passage is None:
            waits = "reading …" if state.opened else "There is nothing to read yet."
            return [Content.styled(waits, MUTED)]
        lines = self._text(insight, passage, width, height - 1)
        lines += [Content("")] * (height - 1 - len(lines))
        return [*lines, _legend(passage).truncate(width, ellipsis=True)]

    def _text(self, insight: Insight, passage: Passage, width: int, height: int) -> list[Content]:
        layout = self._layout(passage.with_end, width)
        first = layout.first_row(insight.cursor, height)
        if self._tinted is None or self._tinted[:2] != (passage, layout):
            self._tinted = (passage, layout, {})
        known = self._tinted[2]
        shown = range(first, min(first + height, len(layout.rows)))
        rows = [known.get(y) or known.setdefault(y, _row(passage, layout.rows[y])) for y in shown]
        place = layout.row_of(insight.cursor)
        rows[place - first] = _row(passage, layout.rows[place], insight.cursor)
        return rows

    def _layout(self, text: Sequence[str], width: int) -> PassageLayout:
        if self._laid_out is None or self._laid_out[:2] != (text, width):
            self._laid_out = (text, width, PassageLayout(text, width))
        return self._laid_out[2]

    def on_resize(self) -> None:
        self._redraw()

    # Selecting.

    def _shown(self) -> tuple[PassageLayout, int] | None:
        """The layout and the selected character."""
        insight = self.state.insight
        if insight.passage is None or insight.failure or not self.size.width:
            return None
        return self._layout(insight.passage.with_end, self.size.width), insight.cursor

    async def action_move(self, by: int) -> None:
        """Select a character so many further on."""
        if (shown := self._shown()) is not None:
            last = shown[0].rows[-1].stop - 1
            await self._select(max(0, min(shown[1] + by, last)))

    async def action_move_rows(self, by: int) -> None:
        """Select the character so many rows below."""
        if (shown := self._shown()) is not None:
            layout, cursor = shown
            row = layout.row_of(cursor) + by
            if 0 <= row < len(layout.rows) or abs(by) > 1:
                await self._select(layout.index_at(row, layout.cell_of(cursor)))

    async def action_move_pages(self, by: int) -> None:
        """Select the character so many pages below."""
        await self.action_move_rows(by * max(2, self.size.height - 2))

    async def action_move_in_row(self, last: int) -> None:
        """Select the first or last character of the row."""
        if (shown := self._shown()) is not None:
            row = shown[0].rows[shown[0].row_of(shown[1])]
            await self._select(row.stop - 1 if last else row.start)

    async def on_click(self, event: events.Click) -> None:
        """Select the character under the mouse."""
        place, shown = event.get_content_offset(self), self._shown()
        if place is not None and shown is not None:
            layout, cursor = shown
            row = layout.first_row(cursor, self.size.height - 1) + place.y
            if place.y < self.size.height - 1 and row < len(layout.rows):
                await self._select(layout.index_at(row, place.x))

    async def _select(self, index: int) -> None:
        """At once, and not by a message: the next key may be there already."""
        await self.run_action(f"app.select({index})")

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.post_message(self.Pasted(event.text))


def _row(passage: Passage, places: range, cursor: int = -1) -> Content:
    """The characters at these places, and after the last one a blank for the end."""
    text = passage.with_end[places.start : places.stop]
    return styled(text, [CURSOR if at == cursor else tint(passage.bits(at)) for at in places])


def tint(bits: float | None) -> str:
    """How surprising a character is, as a style; None: it is not predicted."""
    if bits is None:
        return MUTED
    return next((style for least, style in reversed(LEVELS) if bits >= least), "")


def legend_of_tints() -> Content:
    """How surprising what is tinted is."""
    tints = [Content.styled(f" {least:.0f} ", style) for least, style in LEVELS]
    return Content("surprise in bits: ").stylize(MUTED) + Content(" ").join(tints)


def _legend(passage: Passage) -> Content:
    legend = legend_of_tints()
    if passage.read.unknown:
        legend += Content.styled(f" · never seen, left out: {passage.read.unknown}", "$warning")
    return legend
