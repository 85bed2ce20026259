"""Asks what of an answer is copied, and shows from where."""

from time import monotonic

from engine.protocol import (
    CopiesFound,
    Event,
    Failed,
    FindCopies,
    Opened,
    SampleDone,
    SampleStarted,
    TextSampled,
)
from tui.prompt_actions import PromptActions
from tui.state import RunState
from tui.writing import TEXT_KEPT

INTERVAL = 1.0
"""Seconds between two questions about an answer that is being written."""
NOTHING_WRITTEN = "Nothing is written yet that could be copied: p, then Enter."
NOT_KNOWN = "It is not known yet what of this answer is copied."


class CopyActions(PromptActions):
    """The part of the app that tells copies from what the model has written itself."""

    _prompt_length = 0
    """Characters of `_text` that the user has typed."""
    _asked_at = 0.0
    _waits = False
    """Whether a question is not answered yet."""

    def action_show_copy(self) -> None:
        """Show where the longest copy stands in the training text, or say why it cannot be shown."""
        writing = self.state.writing
        if writing is None:
            self.notify(NOTHING_WRITTEN)
        elif writing.copies is None:
            self.notify(NOT_KNOWN)
        elif not writing.copies.found.longest:
            summary = writing.copies.summary
            self.notify(f"{summary[0].upper()}{summary[1:]}.", markup=False)
        else:
            from tui.screens.copy_page import CopyPage  # the first paint does not wait for it

            self.push_screen(CopyPage(writing.copies))

    def _handle_event(self, event: Event, state: RunState) -> None:
        if isinstance(event, SampleStarted) and event.prompt != self._text:  # not written on
            self._prompt_length = len(event.prompt)
        super()._handle_event(event, state)
        match event:
            case CopiesFound() | Opened() | Failed():
                self._waits = False
            case TextSampled() if not self._waits and monotonic() >= self._asked_at + INTERVAL:
                self._find_copies(event.sample_id)
            case SampleDone():
                self._find_copies(event.sample_id)
            case _:
                pass

    def _find_copies(self, sample_id: int) -> None:
        written = self._text[self._prompt_length :]
        if written and len(written) <= TEXT_KEPT:
            self._asked_at = monotonic()
            self._waits = True
            self.engine.send(FindCopies(sample_id, written))
