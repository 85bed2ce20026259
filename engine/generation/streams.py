"""What the open run writes: answers to prompts, and by itself an excerpt from time to time."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from engine.config import SampleConfig
from engine.protocol import Event, Excerpt, SampleDone, SampleStarted, TextSampled

if TYPE_CHECKING:  # torch comes with the first run, not with this file
    from engine.session.context import RunContext

EXCERPT_CHARACTERS = 120


class SampleStreams:
    """Two texts may grow at once, each in slices: that of the last prompt, and an excerpt."""

    def __init__(
        self, context: "RunContext", config: SampleConfig, emit: Callable[[Event], None]
    ) -> None:
        self._vocabulary = context.vocabulary
        self._trainer = context.trainer
        self._answer = context.prompt_generator
        self._excerpt = context.excerpt_generator
        self._emit = emit
        self._prompt = self._vocabulary.split_known(context.opening)[0]
        self._config = config
        self._sample_id = 0
        self._excerpt_step = 0
        self._excerpt_prompt = ""

    @property
    def active(self) -> bool:
        """Whether there is more to write."""
        return self._answer.active or self._excerpt.active

    @property
    def excerpt_active(self) -> bool:
        """Whether an excerpt is being written."""
        return self._excerpt.active

    def start(self, sample_id: int, prompt: str, config: SampleConfig, step: int) -> None:
        """Answer a prompt with the weights after `step`; the answer before is superseded."""
        self.stop()
        known, unknown = self._vocabulary.split_known(prompt)
        unseen = max(0, len(known) - self._trainer.context_length)
        self._sample_id, self._config = sample_id, config
        self._prompt = known or self._prompt
        self._answer.start(known, config, self._trainer.context_length)
        self._emit(SampleStarted(sample_id, step, known, unknown, unseen))

    def stop(self) -> None:
        """Stop answering."""
        if self._answer.active:
            self._answer.stop()
            self._end_answer("stopped")

    def start_excerpt(self, step: int) -> None:
        """Go on from the last prompt by itself, with the weights after `step`."""
        if self._excerpt.active:
            self._end_excerpt()
        self._excerpt_step, self._excerpt_prompt = step, self._prompt
        config = replace(self._config, characters=EXCERPT_CHARACTERS, stop="")
        self._excerpt.start(self._prompt, config, self._trainer.context_length)

    def write(self, seconds: float) -> None:
        """Go on writing for about so long: the answer first, it is waited for."""
        answer, excerpt = self._answer, self._excerpt
        if answer.active:
            text = answer.write(seconds)
            if text:
                self._emit(TextSampled(self._sample_id, text, answer.characters, answer.seconds))
            if answer.ended:
                self._end_answer(answer.ended)
        elif excerpt.active:
            excerpt.write(seconds)
            written = excerpt.text.rstrip("\n")
            if excerpt.ended or first_lines(written) != written:
                self._end_excerpt()

    def _end_answer(self, reason: Literal["length", "stop character", "stopped"]) -> None:
        answer = self._answer
        self._emit(SampleDone(self._sample_id, answer.characters, answer.seconds, reason))

    def _end_excerpt(self) -> None:
        self._excerpt.stop()
        text = first_lines(self._excerpt.text)
        self._emit(Excerpt(self._excerpt_step, self._excerpt_prompt, text))


def first_lines(text: str) -> str:
    """The first two lines of an excerpt, not counting empty ones."""
    found = re.match(r"\n*[^\n]*(?:\n+[^\n]+)?", text)
    assert found is not None, "every part of it may be empty"
    return found.group()
