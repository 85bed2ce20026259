"""What the keys do to the view that reads along: the passage, the character, the head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.protocol import InsightCommand
from tui.branches import Branches
from tui.dialogs import ask_for_text
from tui.insight import Insight, walked_back, written_on
from tui.questions import due
from tui.safe_struct import Raw
from tui.state import RunState
from tui.view_switching import ViewSwitching

if TYPE_CHECKING:  # made only when the view is first shown
    from tui.read.passage import PassagePane

QUESTION = "A text to read along with the model (paste it, or type it; \\n is a line break):"
NOTHING_WRITTEN = "Nothing was written yet: p goes to the prompt."
NOTHING_MARKED = "Choose another character first, with . and , (full stop and comma)."
NO_FORK = "This text was not written on: . chooses another character, Enter writes on with it."
LONGEST_BRANCH = 200
"""Characters that are written on, at most."""


class ReadActions(ViewSwitching):
    """The part of the app that asks what happens inside the model, while the view is shown."""

    def _fold(self) -> None:
        super()._fold()
        insight, writing = self.state.insight, self.state.writing
        awaited = writing is not None and writing.sample_id == insight.branches.awaited
        if awaited and writing is not None and writing.ended:
            self._look(written_on(insight, self._text))
        self._ask_inside()

    def watch_view(self) -> None:
        """Ask as soon as the view is shown."""
        if self.is_running:
            self._ask_inside()

    def watch_sample_config(self) -> None:
        super().watch_sample_config()
        if self.is_running:
            self._ask_inside()

    def _ask_inside(self, looking_at: RunState | None = None) -> None:
        """Ask for what the view lacks. `looking_at`: show this state instead, in one go: each
        change of it costs time in every pane."""
        state, commands = looking_at or self.state, list[InsightCommand]()
        if self.page is not None and state.opened is not None:
            state, commands = due(state, self.page.questions(state, self.sample_config))
        if state is not self.state:
            self.state = state
        for command in commands:
            self.engine.send(command)

    def on_view_page_panes_changed(self) -> None:
        """Ask for what they show."""
        self._ask_inside()

    def _look(self, insight: Insight) -> None:
        """Look at something else inside."""
        self._ask_inside(replace(self.state, insight=insight))

    def action_select(self, index: int) -> None:
        """Have every pane tell of another character."""
        self._look(replace(_unmarked(self.state.insight), cursor=index))

    def on_passage_pane_pasted(self, event: PassagePane.Pasted) -> None:
        """Read a pasted text."""
        self._read(event.text)

    def action_another_passage(self, direction: int) -> None:
        """Read the next held-out passage, or the one before."""
        insight = self.state.insight
        passage = insight.passage
        start = insight.start
        if passage is not None and passage.read.start >= 0:
            read = passage.read
            last = max(0, read.validation_characters - read.context_length)
            start = max(0, min(read.start + direction * read.context_length, last))
        self._look(replace(_elsewhere(insight), text=None, start=start))

    def action_own_text(self) -> None:
        """Ask for a text, and read it."""
        ask_for_text(self, QUESTION, self._read)

    def action_written_text(self) -> None:
        """Read the text that was written to the prompt last."""
        if self._text:
            self._read(self._text)
        else:
            self.notify(NOTHING_WRITTEN)

    def _read(self, text: str) -> None:
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        self._look(replace(_elsewhere(self.state.insight), text=Raw(lines), cursor=-1))

    def action_mark(self, direction: int) -> None:
        """Mark the next of the likeliest characters, or the one before."""
        insight = self.state.insight
        place = insight.selected
        if place is not None and place.next:
            marked = max(insight.marked, -1 if direction > 0 else 0) + direction
            self._look(replace(insight, marked=marked % len(place.next)))

    def action_write_on(self) -> None:
        """Write on with the marked character; where that was done before, read what was written."""
        insight = self.state.insight
        begun = insight.begun_with(insight.marked)
        if not begun:
            self.notify(NOTHING_MARKED)
        elif (whole := insight.branches.written_from(begun)) is not None:
            self._look(written_on(insight, whole))
        else:
            length = min(self.sample_config.characters, LONGEST_BRANCH)
            self._ask(begun, replace(self.sample_config, characters=length))
            branches = replace(insight.branches, awaited=self._samples)
            self._look(replace(insight, branches=branches))

    def action_walk_back(self) -> None:
        """Back to where the way has branched last."""
        if self.state.insight.branches.trail:
            self._look(walked_back(self.state.insight))
        else:
            self.notify(NO_FORK)

    def action_next_head(self, direction: int) -> None:
        """Look at the next head, or the one before."""
        insight = self.state.insight
        self._look(replace(insight, head=insight.head + direction))

    def action_switch_head(self) -> None:
        """Switch the head off, or on again."""
        if (head := self.state.insight.shown_head) is not None:
            self._switch(f"{head.block}.head.{head.number}")

    def action_switch(self, sublayer: str) -> None:
        """Switch a sublayer of the block of that head off, or on again."""
        if (head := self.state.insight.shown_head) is not None:
            self._switch(f"{head.block}.{sublayer}")

    def _switch(self, part: str) -> None:
        insight = self.state.insight
        off = set(insight.off) ^ {part}
        self._look(replace(insight, off=tuple(sorted(off))))


def _unmarked(insight: Insight) -> Insight:
    """With no character marked, and none waited for."""
    return replace(insight, marked=-1, branches=replace(insight.branches, awaited=0))


def _elsewhere(insight: Insight) -> Insight:
    """For another passage: what was written on is kept, but the way does not lead there."""
    return replace(insight, marked=-1, branches=Branches(insight.branches.kept))
