"""Generates a text in slices of time, from a copy of the weights, while the original trains."""

from collections.abc import Callable, Iterator
from typing import Literal

import torch

from engine.config import SampleConfig
from engine.generation.sampler import sample
from engine.model.decoder import decoder_for
from engine.model.gpt import GPT
from engine.model.tokenizer import Tokenizer


class TextGenerator:
    """One text at a time. Its weights and its random generator are its own, so training with and
    without it is bit-identical."""

    def __init__(self, model: GPT, tokenizer: Tokenizer, clock: Callable[[], float]) -> None:
        self._model = model
        self._decoder = decoder_for(model.config, len(tokenizer))
        self._tokenizer = tokenizer
        self._decode = tokenizer.stream()
        self._clock = clock
        self._ids: Iterator[int | None] | None = None
        self._config = SampleConfig()
        self._stops: frozenset[str] = frozenset()
        self._generator = torch.Generator()
        self.text = ""
        self.seconds = 0.0
        """Time spent generating `text`."""
        self.ended: Literal["length", "stop character"] | None = None
        """Why the text has ended; None while it grows, or after `stop`."""

    @property
    def active(self) -> bool:
        """Whether the text is unfinished."""
        return self._ids is not None

    @property
    def characters(self) -> int:
        """The length of the text so far."""
        return len(self.text)

    def start(
        self,
        prompt: str,
        config: SampleConfig,
        context_length: int,
        model: GPT | None = None,
    ) -> None:
        """Copy the weights as they are now, or those of another `model` of the same shape, and start
        a new text.

        `prompt` has only known characters; the model sees the last `context_length` tokens of it. An
        empty prompt stands for the start of a line, where the corpus has lines.
        """
        self._decoder.load_weights(model or self._model, context_length)
        self._config = config
        self._stops = frozenset(config.stop)
        self._generator.manual_seed(config.seed)
        ids = self._tokenizer.encode(prompt or self._tokenizer.opening)
        self._ids = sample(self._decoder, ids, config, self._generator)
        self._decode = self._tokenizer.stream()
        self.text = ""
        self.seconds = 0.0
        self.ended = None

    def generate(self, seconds: float) -> str:
        """Prefill the prompt and generate for about `seconds`, at least one token of either; the
        characters added to the text: those that are whole. A stop character is not added, and what a
        token has beyond the wanted length is left out.
        """
        assert self._ids is not None, "no text was started"
        began = self._clock()
        new: list[str] = []
        while self._ids is not None:
            if (id_ := next(self._ids)) is not None:
                self._add(self._decode(id_), new)
            if self._clock() - began >= seconds:
                break
        self.seconds += self._clock() - began
        added = "".join(new)
        self.text += added
        return added

    def _add(self, characters: str, new: list[str]) -> None:
        """Add the characters of a token to those that are `new`; some may end the text."""
        for character in characters:
            if character in self._stops:
                self.ended = "stop character"
                self.stop()
                return
            new.append(character)
            if len(self.text) + len(new) >= self._config.characters:
                self.ended = "length"
                self.stop()
                return

    def stop(self) -> None:
        """End the text here."""
        self._ids = None
