"""What the keys do to the prompt and the text generated from it."""

from textual.reactive import reactive
from textual.widgets import Input

from engine.config import SampleConfig
from engine.protocol import Event, Sample, SampleStarted, SetExcerptPrompt, StopSample, TextSampled
from tui.app_part import AppPart
from tui.panes.prompt import PromptInput, PromptPane
from tui.sampling_controls import SAMPLING_CONTROLS, changed
from tui.state import RunState
from tui.textual_patches import focus_at_once

CHANGED = "w writes it again with this setting, W does so at every change"
NO_PROMPT = "Type a prompt first (p): u has the samples continue it."
REWRITES = "Whenever a setting changes, the answer is written again, from the same seed."


class PromptActions(AppPart):
    """The part of the app that asks for text."""

    _samples = 0
    _asked = ""
    """The prompt that was asked last."""
    _text = ""
    """Prompt and answer so far, as the engine has sent them."""
    rewrites: reactive[bool] = reactive(False, repaint=False)
    """Whether the answer is written again whenever a setting changes."""

    def may_go_to_prompt(self, *, only_without_focus: bool) -> bool:
        """Where text is typed and on other screens, p is text and Tab moves the focus as usual."""
        if len(self.screen_stack) > 1 or (only_without_focus and self.focused is not None):
            return False
        return not isinstance(self.focused, Input)

    def action_prompt(self, _only_without_focus: bool = False) -> None:
        """Move to the prompt: whatever is typed right after the key is already text."""
        focus_at_once(self.query_one(PromptInput))

    def action_leave(self) -> None:
        """Stop generating; where nothing is being generated, leave the prompt."""
        writing = self.state.writing
        if writing is not None and not writing.ended:
            self.engine.send(StopSample())
        else:
            self.screen.set_focus(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Generate text from the prompt, or on an empty line, go on where the last text ended."""
        if not isinstance(event.input, PromptInput):
            return
        writing = self.state.writing
        if event.value or writing is None:
            self.action_write()
        elif writing.ended:
            self._ask(self._text)

    def action_write(self) -> None:
        """Generate text from the prompt."""
        prompt = self.query_one(PromptInput)
        prompt.remember()
        self._asked = prompt.text
        self._ask(self._asked)

    def _ask(self, prompt: str, config: SampleConfig | None = None) -> None:
        """Have text written; `config`: other settings than those on the screen."""
        self._samples += 1
        self.query_one(PromptPane).border_subtitle = ""
        self.engine.send(Sample(self._samples, prompt, config or self.sample_config))

    def _handle_event(self, event: Event, state: RunState) -> None:
        super()._handle_event(event, state)
        match event:
            case SampleStarted():
                self._text = event.prompt
            case TextSampled():
                self._text += event.text
            case _:
                pass

    def action_use_for_samples(self) -> None:
        """Have the samples of the run continue this prompt."""
        prompt = self.query_one(PromptInput).text
        if prompt:
            self.engine.send(SetExcerptPrompt(prompt))
        else:
            self.notify(NO_PROMPT)

    def action_change_setting(self, number: int, direction: int) -> None:
        """Change one of the sampling settings."""
        self.sample_config = changed(self.sample_config, SAMPLING_CONTROLS[number], direction)
        if self.state.writing is None:
            return
        if self.rewrites:
            self._ask(self._asked)
        else:
            self.query_one(PromptPane).border_subtitle = CHANGED

    def action_rewrite(self) -> None:
        """Write the answer again whenever a setting changes, or stop doing so."""
        self.rewrites = not self.rewrites
        self.notify(REWRITES if self.rewrites else "A changed setting waits for w or Enter.")
