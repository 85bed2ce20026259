"""What the keys do to the prompt and the text generated from it."""

from textual import on
from textual.widgets import Input

from engine.protocol import Sample, SetExcerptPrompt, StopSample
from tui.engine_app import EngineApp
from tui.panes.prompt import PromptInput
from tui.sampling_controls import SAMPLING_CONTROLS, turned
from tui.textual_patches import focus_at_once


class PromptActions(EngineApp):
    """The part of the app that asks for text."""

    _samples = 0

    def may_go_to_prompt(self, *, only_without_focus: bool) -> bool:
        """In the prompt and on other screens, p is text and Tab moves the focus as usual."""
        if len(self.screen_stack) > 1 or (only_without_focus and self.focused is not None):
            return False
        return not self.query_one(PromptInput).has_focus

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

    @on(Input.Submitted, "#prompt-input")
    def action_write(self) -> None:
        """Generate text from the prompt."""
        prompt = self.query_one(PromptInput)
        prompt.remember()
        self._samples += 1
        self.engine.send(Sample(self._samples, prompt.prompt, self.sample_config))

    def action_use_for_samples(self) -> None:
        """Have the samples of the run continue this prompt."""
        self.engine.send(SetExcerptPrompt(self.query_one(PromptInput).prompt))

    def action_turn(self, number: int, direction: int) -> None:
        """Turn one of the sampling controls."""
        self.sample_config = turned(self.sample_config, SAMPLING_CONTROLS[number], direction)
