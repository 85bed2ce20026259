"""Answers what of a text is copied from the training part, in slices between those of training."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from engine.insight.copies import SHORTEST, Copy, CopyIndex, Span
from engine.insight.lines import LineNumbers
from engine.model.tokenizer import Vocabulary
from engine.protocol import CopiesFound, FindCopies, Piece
from engine.session.opened_run import Clock, Emit
from engine.session.slices import Slices

SECONDS = 0.01
"""About how long training waits at a time."""
AROUND = 300
"""Characters of the text that are shown before and after a copy."""
MOST_CHARACTERS = 500_000_000
"""The index takes a byte for each character of the training part."""


class CopyFinder:
    """Finds copies of one training part. Its index is built when the first question comes."""

    def __init__(self, ids: Tensor, vocabulary: Vocabulary, emit: Emit, clock: Clock) -> None:
        """`ids`: (N,) of the training part, with which the run's text begins."""
        self._ids = ids.numpy()
        self._vocabulary = vocabulary
        self._emit = emit
        self._clock = clock
        self._index = CopyIndex(self._ids)
        self._building = self._index.build()
        self._lines = LineNumbers(self._ids, vocabulary.encode_any("\n")[0])
        self._slices: Slices[CopiesFound] = Slices(clock)

    @property
    def active(self) -> bool:
        """Whether a question is not answered yet."""
        return self._slices.active

    def ask(self, command: FindCopies) -> None:
        """Start to answer a question, in place of the one before."""
        if len(self._ids) > MOST_CHARACTERS:
            reason = (
                f"copies are searched for in texts of up to {MOST_CHARACTERS:,} characters: the "
                "index takes a byte for each"
            )
            self._emit(CopiesFound(command.request, (), SHORTEST, refused=reason))
        else:
            self._slices.start(self._answer(command))

    def work(self) -> None:
        """Work on the answer for a moment, and emit it when it is complete."""
        end = self._clock() + SECONDS if self.active else 0.0
        while self.active:
            result = self._slices.advance()
            if isinstance(result, CopiesFound):
                self._emit(result)
            elif self._clock() >= end:
                return

    def _answer(self, command: FindCopies) -> Iterator[float | CopiesFound]:
        # A loop, not `yield from`: the index is built on where a newer question finds it.
        for done in self._building:  # noqa: UP028
            yield done
        query = np.array(self._vocabulary.encode_any(command.text), np.int32)
        for found in self._index.find(query):
            if isinstance(found, float):
                yield found
            else:
                yield self._found(command, found)

    def _found(self, command: FindCopies, spans: list[Span]) -> CopiesFound:
        pieces: list[Piece] = []
        end = 0
        for span in spans:
            if end < span.start:
                pieces.append(Piece(command.text[end : span.start], 0))
            place = span.copy.place + span.start - span.copy.start
            pieces.append(Piece(command.text[span.start : span.end], self._lines.line(place)))
            end = span.end
        if end < len(command.text):
            pieces.append(Piece(command.text[end:], 0))
        if not spans:
            return CopiesFound(command.request, tuple(pieces), SHORTEST)
        longest = max((span.copy for span in spans), key=_length)
        begins, ends = longest.place, longest.place + _length(longest)
        return CopiesFound(
            command.request,
            tuple(pieces),
            SHORTEST,
            _length(longest),
            self._lines.line(begins),
            self._before(begins),
            self._text(begins, ends),
            self._after(ends),
        )

    def _before(self, place: int) -> str:
        """The text before a place, from the beginning of a line on if there is one."""
        text = self._text(max(0, place - AROUND), place)
        return text if place <= AROUND else text.partition("\n")[2] or text

    def _after(self, place: int) -> str:
        """The text after a place, to the end of a line if there is one."""
        text = self._text(place, place + AROUND)
        return text if len(text) < AROUND else text.rpartition("\n")[0] or text

    def _text(self, start: int, end: int) -> str:
        return self._vocabulary.decode(self._ids[start:end].tolist())


def _length(copy: Copy) -> int:
    return copy.end - copy.start
