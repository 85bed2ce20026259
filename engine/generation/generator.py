"""Writing in slices: a copy of the model that goes on from a prompt while the original trains."""

from collections.abc import Callable, Iterator
from typing import Literal

import torch

from engine.config import SampleConfig
from engine.generation.sampler import sample
from engine.model.decoder import decoder_for
from engine.model.gpt import GPT
from engine.model.tokenizer import Vocabulary


class TextGenerator:
    """Holds its own weights and its own generator, so training is bit-identical without it."""

    def __init__(self, model: GPT, vocabulary: Vocabulary, clock: Callable[[], float]) -> None:
        self._model = model
        self._decoder = decoder_for(model.config, len(vocabulary))
        self._vocabulary = vocabulary
        self._clock = clock
        self._ids: Iterator[int | None] | None = None
        self._config = SampleConfig()
        self._stops: frozenset[str] = frozenset()
        self._generator = torch.Generator()
        self.text = ""
        self.characters = 0
        self.seconds = 0.0
        self.ended: Literal["length", "stop character"] | None = None

    @property
    def active(self) -> bool:
        """Whether there is more to write."""
        return self._ids is not None

    def start(self, prompt: str, config: SampleConfig, context_length: int) -> None:
        """Take over the weights as they are now, and begin. `prompt` holds known characters only,
        of which the last `context_length` are seen.

        An empty prompt begins as after a line's end, where the text has lines.
        """
        self._decoder.load_weights(self._model, context_length)
        first = "\n" if "\n" in self._vocabulary else self._vocabulary.characters[0]
        self._config = config
        self._stops = frozenset(config.stop)
        self._generator.manual_seed(config.seed)
        self._ids = sample(
            self._decoder, self._vocabulary.encode(prompt or first), config, self._generator
        )
        self.text = ""
        self.characters = 0
        self.seconds = 0.0
        self.ended = None

    def write(self, seconds: float) -> str:
        """Read the prompt and write for about so long, at least one character of either; return
        what is new. A stop character is not written.
        """
        assert self._ids is not None, "nothing was started"
        began = self._clock()
        new: list[str] = []
        while True:
            if (id_ := next(self._ids)) is not None:
                character = self._vocabulary.characters[id_]
                if character in self._stops:
                    self.ended = "stop character"
                    self.stop()
                    break
                new.append(character)
                if self.characters + len(new) >= self._config.characters:
                    self.ended = "length"
                    self.stop()
                    break
            if self._clock() - began >= seconds:
                break
        self.seconds += self._clock() - began
        self.characters += len(new)
        piece = "".join(new)
        self.text += piece
        return piece

    def stop(self) -> None:
        """Write no more."""
        self._ids = None
