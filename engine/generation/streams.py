"""The texts generated during a run: the reply to a prompt, and from time to time an excerpt."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from data.beginning import LINE, beginning
from engine.config import SampleConfig
from engine.protocol import Event, Excerpt, SampleDone, SampleStarted, TextSampled

if TYPE_CHECKING:  # these import torch, which the session loads with the first run
    from engine.generation.generator import TextGenerator
    from engine.model.tokenizer import Tokenizer
    from engine.model.weights import Weights

EARLY_EXCERPTS = frozenset({10, 25, 50, 100})
"""Steps that are followed by an excerpt without an evaluation: the text changes fast then."""
EXCERPT_LINES = 6
"""Lines of an excerpt: a large window shows them all."""


class SampleStreams:
    """Generates the reply to the last prompt, and short excerpts that show the progress.

    Both are generated in slices; the reply comes first, since the user waits for it.
    """

    def __init__(
        self,
        tokenizer: "Tokenizer",
        reply: "TextGenerator",
        excerpt: "TextGenerator",
        *,
        opening: str,
        config: SampleConfig,
        context_length: Callable[[], int],
        emit: Callable[[Event], None],
    ) -> None:
        """`opening`: the prompt of excerpts until the user sets another. `config`: the settings of
        excerpts throughout, so that they can be compared with each other. `context_length`: the one
        that the model is trained with at present."""
        self._tokenizer = tokenizer
        self._reply = reply
        self._excerpt = excerpt
        self._context_length = context_length
        self._emit = emit
        self._prompt = tokenizer.split_known(opening)[0]
        self._excerpt_config = replace(config, characters=EXCERPT_LINES * LINE, stop="")
        self._sample_id = 0
        self._excerpt_step = 0
        self._excerpt_prompt = ""

    @property
    def active(self) -> bool:
        """Whether a reply or an excerpt is unfinished."""
        return self._reply.active or self._excerpt.active

    @property
    def excerpt_active(self) -> bool:
        """Whether an excerpt is unfinished."""
        return self._excerpt.active

    def start(self, sample_id: int, prompt: str, config: SampleConfig, weights: "Weights") -> None:
        """Start the reply to a prompt, with these weights, in place of the one before."""
        self.stop()
        known, unknown = self._tokenizer.split_known(prompt)
        self._sample_id = sample_id
        self._reply.start(known, config, weights.context_length, weights.model)
        before = self._tokenizer.encode(known)[: -weights.context_length]
        unseen = len(self._tokenizer.decode(before))
        self._emit(SampleStarted(sample_id, weights.step, known, unknown, unseen))

    def stop(self) -> None:
        """Stop the reply."""
        if self._reply.active:
            self._reply.stop()
            self._end_reply("stopped")

    def set_excerpt_prompt(self, prompt: str, step: int) -> None:
        """Have excerpts continue this prompt, beginning with one by the weights of `step`.
        ValueError, with a user-facing message, if all its characters are unknown."""
        known, unknown = self._tokenizer.split_known(prompt)
        if unknown and not known:
            raise ValueError(
                "The text has none of these characters: the samples keep their prompt."
            )
        self._prompt = known
        self.start_excerpt(step)

    def start_excerpt(self, step: int) -> None:
        """Start an excerpt, with the weights of `step`."""
        if self._excerpt.active:
            self._end_excerpt()
        self._excerpt_step, self._excerpt_prompt = step, self._prompt
        self._excerpt.start(self._prompt, self._excerpt_config, self._context_length())

    def step_taken(self, step: int) -> None:
        """Start an excerpt after an early step that is not evaluated."""
        if step in EARLY_EXCERPTS:
            self.start_excerpt(step)

    def generate(self, seconds: float) -> None:
        """Generate for about `seconds`: the reply if there is one, otherwise the excerpt."""
        reply, excerpt = self._reply, self._excerpt
        if reply.active:
            text = reply.generate(seconds)
            if text:
                self._emit(TextSampled(self._sample_id, text, reply.characters, reply.seconds))
            if reply.ended:
                self._end_reply(reply.ended)
        elif excerpt.active:
            excerpt.generate(seconds)
            text = excerpt.text.rstrip("\n")
            if excerpt.ended or beginning(text, EXCERPT_LINES) != text:
                self._end_excerpt()

    def _end_reply(self, reason: Literal["length", "stop character", "stopped"]) -> None:
        reply = self._reply
        self._emit(SampleDone(self._sample_id, reply.characters, reply.seconds, reason))

    def _end_excerpt(self) -> None:
        self._excerpt.stop()
        text = beginning(self._excerpt.text, EXCERPT_LINES)
        self._emit(Excerpt(self._excerpt_step, self._excerpt_prompt, text))
