"""What the keys do to the view that looks back: which moment is looked at, and what it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.protocol import (
    CorpusLoaded,
    Event,
    Sample,
    SampleDone,
    SampleStarted,
    TextSampled,
)
from tui.dialogs import ask_for_line
from tui.drawing.words import count
from tui.panes.prompt import PromptInput
from tui.questions import stamp
from tui.read_actions import ReadActions
from tui.state import RunState
from tui.time_state import NOW, AskedText, is_of_a_moment
from tui.views import TIME

if TYPE_CHECKING:  # made only when the view is first shown
    from tui.time.chart import TimeChart

CHARACTERS = 300
"""Written by a moment, at most: a few lines say how good it is."""

NOT_SAVED = "A run that is not saved (--no-save) cannot be forked."


class TimeActions(ReadActions):
    """The part of the app that asks what an earlier model writes, while the view is shown."""

    _first_prompt = ""
    """The prompt where the user has typed none."""

    def _handle_event(self, event: Event, state: RunState) -> None:
        if isinstance(event, SampleStarted | TextSampled | SampleDone) and is_of_a_moment(event):
            return  # it is no answer to the prompt
        super()._handle_event(event, state)
        if isinstance(event, CorpusLoaded):
            self._first_prompt = event.opening

    def _ask_inside(self, looking_at: RunState | None = None) -> None:
        super()._ask_inside(looking_at)
        self._ask_for_text()

    def on_time_chart_chosen(self, event: TimeChart.Chosen) -> None:
        """Look at another moment, in every view."""
        moments = replace(self.state.moments, chosen=event.step)
        self._ask_inside(replace(self.state, moments=moments))

    def action_fork(self) -> None:
        """Ask what a new run from the chosen moment changes, until that is possible, and begin it."""
        raw = self.state.raw_opened
        if raw is None:
            return
        if not raw.value.saving:
            self.notify(NOT_SAVED)
            return
        from tui.fork_choice import parse_fork, question  # when it is asked

        opened, step = raw.value, self.state.moments.chosen

        def fork(typed: str) -> None:
            self.engine.send(parse_fork(typed, opened.run, step, opened.config))

        ask_for_line(self, question("now" if step == NOW else f"step {count(step)}"), fork)

    def _ask_for_text(self) -> None:
        """Have the model of the chosen moment write, unless it has, or something is written."""
        state, moments = self.state, self.state.moments
        writing = state.writing
        busy = not moments.started or (writing is not None and not writing.ended)
        if self.view != TIME or state.opened is None or busy:
            return
        prompt = self.query_one(PromptInput).text or self._first_prompt
        config = replace(
            self.sample_config, characters=min(self.sample_config.characters, CHARACTERS)
        )
        when = stamp(state) if moments.chosen == NOW else moments.chosen
        about = AskedText(prompt, config, moments.chosen, when)
        if about != moments.asked:
            asked_id = moments.asked_id - 1
            moments = replace(moments, asked=about, asked_id=asked_id, started=False)
            self.state = replace(state, moments=moments)
            self.engine.send(Sample(asked_id, prompt, config, moments.chosen))
