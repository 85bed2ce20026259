"""Answers how the model reads a passage, in slices between those of training."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor

from engine.insight.parts import parse_off
from engine.insight.reading import read, sublayers, surprises
from engine.model.tokenizer import Tokenizer
from engine.model.weights import Weights
from engine.protocol import Inspect, Inspected, Place
from engine.session.moment_models import MomentModels
from engine.session.opened_run import Clock, Emit
from engine.session.slices import Slices

SECONDS = 0.03
"""About how long training waits at a time."""
LONGEST_TEXT = 2_000
"""Characters that are read along, at most."""


class Known(NamedTuple):
    """A text as the model knows it."""

    text: str
    unknown: str
    """The characters that were left out, each once."""
    ids: Tensor
    start: int = -1
    """Where it begins in the validation part; -1: it is a text of the user's."""


def known(text: str, tokenizer: Tokenizer) -> Known:
    """The known characters of a text. ValueError, with a user-facing message, if it has none."""
    kept, unknown = tokenizer.split_known(text)
    if not kept:
        raise ValueError(
            "The model knows none of these characters: its text has none of them."
            if text
            else "There is no text to read."
        )
    return Known(kept, unknown, tokenizer.encode_corpus(kept))


class PassageReader:
    """Reads passages along with the models of one run."""

    def __init__(
        self,
        models: MomentModels,
        validation: Tensor,
        context_length: int,
        tokenizer: Tokenizer,
        emit: Emit,
        clock: Clock,
    ) -> None:
        """`validation`: (N,) ids. `context_length`: the length of a passage of them. Early in a run
        the model sees less, and a passage would be a few words."""
        self._models = models
        self._validation = validation
        self._length = context_length
        self._tokenizer = tokenizer
        self._emit = emit
        self._slices: Slices[Inspected] = Slices(clock)

    @property
    def active(self) -> bool:
        """Whether a question is not answered yet."""
        return self._slices.active

    def ask(self, command: Inspect) -> None:
        """Start to answer a question, in place of the one before. ValueError, with a user-facing
        message, if it cannot be answered."""
        self._slices.abandon()
        passage = self._passage(command)
        weights = self._models.apart(command.step)
        off = parse_off(command.off, weights.model.config)
        reading = read(
            weights.model, self._tokenizer.pieces, passage.ids, weights.context_length, off
        )
        self._slices.start(self._answer(command, passage, weights, reading))

    def work(self) -> None:
        """Read on for a moment, and emit the answer when it is complete."""
        if self.active:
            result = self._slices.advance_for(SECONDS)
            if isinstance(result, Inspected):
                self._emit(result)

    def _passage(self, command: Inspect) -> Known:
        if len(command.text) > LONGEST_TEXT:
            raise ValueError(
                f"This text has {len(command.text):,} characters; at most {LONGEST_TEXT:,} are read "
                "at once."
            )
        if command.text:
            return known(command.text, self._tokenizer)
        start = max(0, min(command.start, len(self._validation) - self._length))
        ids = self._validation[start : start + self._length]
        return Known(self._tokenizer.decode(ids.tolist()), "", ids, start)

    def _answer(
        self,
        command: Inspect,
        passage: Known,
        weights: Weights,
        reading: Iterator[float | list[Place]],
    ) -> Iterator[float | Inspected]:
        places: list[Place] = []
        for found in reading:
            if isinstance(found, float):
                yield found
            else:
                places = found
        bits = whole_bits = [place.bits for place in places if place.bits is not None]
        if command.off:
            for read_whole in surprises(weights.model, passage.ids, weights.context_length):
                if isinstance(read_whole, float):
                    yield read_whole
                else:
                    whole_bits = read_whole
        ids = passage.ids.tolist()
        starts = self._tokenizer.starts(ids)
        yield Inspected(
            command.request,
            weights.step,
            passage.text,
            passage.unknown,
            passage.start,
            len(self._validation),
            tuple(places),
            sublayers(weights.model),
            _mean(bits),
            command.off,
            _mean(whole_bits),
            weights.context_length,
            tuple(ids) if starts else (),
            starts,
        )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
