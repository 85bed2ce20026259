"""Teaches an open run another text: checks it, has it mixed in, and reports what comes of it."""

from math import isfinite
from typing import TYPE_CHECKING

from data.lookalikes import lookalike
from data.safe_text import safe_text
from engine.protocol import (
    LEAST_TAUGHT,
    MOST_TAUGHT,
    Event,
    Excerpt,
    MappingRequired,
    Taught,
    TaughtAppeared,
    TaughtEvaluated,
    Teach,
)
from engine.session.opened_run import Clock, Emit
from engine.session.run_state import RunState
from engine.session.slices import Slices
from engine.storage.teaching import Lesson, digest_of

if TYPE_CHECKING:  # these import torch, which the session loads with the first run
    from engine.model.tokenizer import Tokenizer
    from engine.session.context import RunContext
    from engine.training.trainer import Evaluation

RECOGNIZED = 20
"""So many characters of a longer text, in a row, make a sample one that it appears in."""
MOST_SHOWN = 20
"""Unknown characters that are named."""


class Teacher:
    """What one run is taught besides its own text."""

    def __init__(self, context: "RunContext", state: RunState, emit: Emit, clock: Clock) -> None:
        self._context = context
        self._state = state
        self._emit = emit
        self._slices: Slices[Evaluation] = Slices(clock)

    @property
    def active(self) -> bool:
        """Whether an evaluation of the taught text is in progress."""
        return self._slices.active

    def teach(self, command: Teach, context_length: int) -> None:
        """Teach from the next step on, and evaluate as by `start_evaluation`; or report which
        characters would have to be replaced. Not while a step is in progress. ValueError, with a
        user-facing message."""
        before = self._context.lesson
        if not command.text and before is None:
            raise ValueError("No text is taught yet: there is no share to change.")
        text = command.text or (before.taught.text if before else "")
        tokenizer = self._context.tokenizer
        known = frozenset(tokenizer.characters)
        _check_extent(text, command.share)
        stands_for = {
            character: lookalike(character, known) for character in tokenizer.split_known(text)[1]
        }
        shown = tuple(stands_for.items())[:MOST_SHOWN]
        if stands_for:
            text = "".join(stands_for.get(character, character) for character in text)
            if not text.strip():
                raise ValueError(
                    "The model knows no character of the text to teach, nor any that it resembles."
                )
            if not command.map_unknown:
                self._emit(MappingRequired(command, shown, len(stands_for) - len(shown)))
                return
        check_taught(text, command.share, tokenizer)
        source = command.source if command.text or before is None else before.taught.source
        taught = Taught(self._state.step, text, command.share, shown, source)
        appeared = before is not None and before.appeared and before.taught.text == text
        self._context.teach(Lesson(taught, appeared))
        self._state.set_taught(digest_of(taught))
        self._emit(taught)
        self.start_evaluation(context_length)

    def start_evaluation(self, context_length: int) -> None:
        """Evaluate how well the weights as they are predict the text, if there is one."""
        text = self._context.trainer.dataset.taught
        if text is not None:
            work = self._context.trainer.evaluate(context_length, text.evaluated)
            self._slices.start(work)

    def advance(self) -> bool:
        """Evaluate one slice; after the last one, report the result. Whether that was the last."""
        result = self._slices.advance()
        if isinstance(result, float):
            return False
        bits = (
            self._context.tokens.bits_per_character(result.loss) if isfinite(result.loss) else None
        )
        self._emit(TaughtEvaluated(self._state.step, bits, result.characters))
        return True

    def look_at(self, event: Event) -> None:
        """Report the first sample that the text appears in."""
        lesson = self._context.lesson
        if lesson is None or lesson.appeared or not isinstance(event, Excerpt):
            return
        found = found_in(event.text, lesson.taught.text)
        if found and event.step > lesson.taught.step:
            self._context.lesson = lesson._replace(appeared=True)
            self._emit(TaughtAppeared(event.step, found))


def check_taught(text: str, share: float, tokenizer: "Tokenizer") -> None:
    """ValueError, with a user-facing message, for a text that cannot be taught to a model with this
    tokenizer, or a share that none can have."""
    _check_extent(text, share)
    unknown = tokenizer.split_known(text)[1][:MOST_SHOWN]
    if unknown:
        raise ValueError(
            f"The model does not know some characters of the text to teach: {safe_text(unknown)}."
        )


def _check_extent(text: str, share: float) -> None:
    """ValueError, with a user-facing message, for a share that none can have, or a text that is
    none or too long."""
    if not 0 <= share <= 1:
        raise ValueError(f"The share of the taught text is from 0 to 1, not {share:g}.")
    if not text.strip():
        raise ValueError("There is no text to teach: it is empty.")
    if not LEAST_TAUGHT <= len(text) <= MOST_TAUGHT:
        raise ValueError(
            f"A text to teach has {LEAST_TAUGHT} to {MOST_TAUGHT:,} characters, not {len(text):,}."
        )


def found_in(sample: str, taught: str) -> str:
    """What of a taught text is in a sample: all of it, or the first `RECOGNIZED` characters in a row
    that it has in common with a longer text; empty: nothing."""
    wanted = taught.strip()
    if len(wanted) <= RECOGNIZED:
        return wanted if wanted in sample else ""
    for start in range(len(sample) - RECOGNIZED + 1):
        piece = sample[start : start + RECOGNIZED]
        if piece in wanted:
            return piece
    return ""
