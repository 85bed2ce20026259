"""Asks what of an answer and of the samples in sight is copied, and shows from where."""

from collections.abc import Mapping
from time import monotonic
from types import MappingProxyType

from textual.reactive import reactive

from engine.protocol import (
    CopiesFound,
    Event,
    Excerpt,
    Failed,
    FindCopies,
    Opened,
    SampleDone,
    SampleStarted,
    TextSampled,
)
from tui.copies import Copies, copies_in
from tui.panes.samples import SamplesPane
from tui.prompt_actions import PromptActions
from tui.safe_struct import safe
from tui.state import RunState
from tui.writing import TEXT_KEPT

INTERVAL = 1.0
"""Seconds between two questions about an answer that is being written."""
NOTHING_WRITTEN = "Nothing is written yet that could be copied: p, then Enter."
NOT_KNOWN = "It is not known yet what of this text is copied."
OF_A_SAMPLE = 0
"""The number of a question about a sample."""


class CopyActions(PromptActions):
    """The part of the app that tells copies from what the model has written itself."""

    _prompt_length = 0
    """Characters of `_text` that the user has typed."""
    _asked_at = 0.0
    _waits = False
    """Whether a question is not answered yet."""
    _sample = ""
    """The text of the sample that this question is about; empty: it is about the answer."""
    _texts: Mapping[str, str] = MappingProxyType({})
    """The texts of the samples as the engine has sent them, by those that are shown."""
    sample_copies: reactive[Mapping[str, Copies]] = reactive(MappingProxyType({}), repaint=False)
    """What is copied, by the text of a sample; each is asked about once, when it is in sight."""

    def action_show_copy(self) -> None:
        """Show where the longest copy stands in the training text, or say why it cannot be shown.
        That of the answer; of the newest sample where there is no answer or the samples have the
        focus."""
        writing, samples = self.state.writing, self.state.excerpts
        if samples and (writing is None or isinstance(self.focused, SamplesPane)):
            self._show_copy(self.sample_copies.get(samples[-1].text))
        elif writing is None:
            self.notify(NOTHING_WRITTEN)
        else:
            self._show_copy(writing.copies)

    def action_show_sample_copy(self, step: int) -> None:
        """The same for the sample of a step."""
        texts = [sample.text for sample in self.state.excerpts if sample.step == step]
        self._show_copy(self.sample_copies.get(texts[-1]) if texts else None)

    def _show_copy(self, copies: Copies | None) -> None:
        if copies is None:
            self.notify(NOT_KNOWN)
        elif not copies.found.longest:
            summary = copies.summary
            self.notify(f"{summary[0].upper()}{summary[1:]}.", markup=False)
        else:
            from tui.screens.copy_page import CopyPage  # the first paint does not wait for it

            self.push_screen(CopyPage(copies))

    def _handle_event(self, event: Event, state: RunState) -> None:
        if isinstance(event, SampleStarted) and event.prompt != self._text:  # not written on
            self._prompt_length = len(event.prompt)
        super()._handle_event(event, state)
        match event:
            case CopiesFound() if event.request == OF_A_SAMPLE:
                self._waits = False
                if (copies := copies_in(self._sample, safe(event))) is not None:
                    found = {**self.sample_copies, self._sample: copies}
                    kept = {sample.text for sample in state.excerpts}
                    self.sample_copies = {text: found[text] for text in found if text in kept}
            case CopiesFound() | Failed():
                self._waits = False
            case Opened():
                self._waits = False
                self._texts, self.sample_copies = {}, {}
            case Excerpt():
                self._texts = {**self._texts, safe(event).text: event.text}
            case TextSampled() if not self._waits and monotonic() >= self._asked_at + INTERVAL:
                self._find_copies(event.sample_id)
            case SampleDone():
                self._find_copies(event.sample_id)
            case _:
                pass

    def _fold(self) -> None:
        super()._fold()
        self._ask_about_samples()

    def on_samples_pane_moved(self) -> None:
        """Others may be in sight."""
        self._ask_about_samples()

    def _ask_about_samples(self) -> None:
        """Ask about the newest sample in sight that was not asked about, unless another question
        waits for its answer."""
        if self._waits or self.state.opened is None:
            return
        panes = self.query(SamplesPane)  # none while the app ends
        for sample in panes.first().in_sight if panes else ():
            if sample.text not in self.sample_copies and (text := self._texts.get(sample.text)):
                self._sample = sample.text
                self._ask_about(OF_A_SAMPLE, text)
                return

    def _find_copies(self, sample_id: int) -> None:
        written = self._text[self._prompt_length :]
        if written and len(written) <= TEXT_KEPT:
            self._asked_at = monotonic()
            self._ask_about(sample_id, written)

    def _ask_about(self, request: int, text: str) -> None:
        self._waits = True
        self.engine.send(FindCopies(request, text))
