"""Answers what of a text is copied from the training part, in slices between those of training."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.insight.copies import SHORTEST, Copy, CopyIndex, Span
from engine.insight.lines import LineNumbers
from engine.model.tokenizer import Tokenizer, Vocabulary
from engine.protocol import CopiesFound, FindCopies, Piece
from engine.session.opened_run import Clock, Emit
from engine.session.slices import Slices

SECONDS = 0.01
"""About how long training waits at a time."""
AROUND = 300
"""Characters of the text that are shown before and after a copy."""
MOST_CHARACTERS = 500_000_000
"""The index takes a byte for each character of the training part."""
MOST_TOKENS = 10_000_000
"""Tokens that are no characters are decoded at once first."""


class CopyFinder:
    """Finds copies of one training part. Its index is built when the first question comes."""

    def __init__(self, tokens: Tensor, tokenizer: Tokenizer, emit: Emit, clock: Clock) -> None:
        """`tokens`: (N,) ids of the training part, with which the run's text begins."""
        self._tokens = tokens
        self._tokenizer = tokenizer
        self._characters = Vocabulary(tokenizer.characters)
        self._emit = emit
        self._slices: Slices[CopiesFound] = Slices(clock)

    @property
    def active(self) -> bool:
        """Whether a question is not answered yet."""
        return self._slices.active

    @cached_property
    def _ids(self) -> NDArray[np.integer[Any]]:
        """(N,) of the characters of the training part: copies are found by these."""
        if isinstance(self._tokenizer, Vocabulary):
            return self._tokens.numpy()
        text = self._tokenizer.decode(self._tokens.tolist())
        return self._characters.encode_corpus(text).numpy()

    @cached_property
    def _index(self) -> CopyIndex:
        return CopyIndex(self._ids)

    @cached_property
    def _building(self) -> Iterator[float]:
        return self._index.build()

    @cached_property
    def _lines(self) -> LineNumbers:
        return LineNumbers(self._ids, self._characters.encode_any("\n")[0])

    def ask(self, command: FindCopies) -> None:
        """Start to answer a question, in place of the one before."""
        most = MOST_CHARACTERS if isinstance(self._tokenizer, Vocabulary) else MOST_TOKENS
        if len(self._tokens) > most:
            what, why = "characters", "the index takes a byte for each"
            if most == MOST_TOKENS:
                what, why = "tokens", "they are decoded first, which takes memory"
            reason = f"copies are searched for in texts of up to {most:,} {what}: {why}"
            self._emit(CopiesFound(command.request, (), SHORTEST, refused=reason))
        else:
            self._slices.start(self._answer(command))

    def work(self) -> None:
        """Work on the answer for a moment, and emit it when it is complete."""
        if self.active:
            result = self._slices.advance_for(SECONDS)
            if isinstance(result, CopiesFound):
                self._emit(result)

    def _answer(self, command: FindCopies) -> Iterator[float | CopiesFound]:
        # A loop, not `yield from`: the index is built on where a newer question finds it.
        for done in self._building:  # noqa: UP028
            yield done
        query = np.array(self._characters.encode_any(command.text), np.int32)
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
        return self._characters.decode(self._ids[start:end].tolist())


def _length(copy: Copy) -> int:
    return copy.end - copy.start
