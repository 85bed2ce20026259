"""An evaluation in slices, so that commands are carried out in between."""

from typing import TYPE_CHECKING

from engine.protocol import Busy, Evaluated, Tokens
from engine.session.opened_run import Clock, Emit
from engine.session.slices import Slices

if TYPE_CHECKING:  # imports torch, which the session loads with the first run
    from engine.training.trainer import Evaluation, Trainer

EVALUATING = "evaluating on held-out text"


class Evaluator:
    """Evaluates one model, from time to time."""

    def __init__(self, trainer: "Trainer", tokens: Tokens, emit: Emit, clock: Clock) -> None:
        self._trainer = trainer
        self._tokens = tokens
        self._emit = emit
        self._slices: Slices[Evaluation] = Slices(clock)
        self._context_length = 0
        self.windows: tuple[float, ...] = ()
        """The losses of the windows of text that the last evaluation has read; empty before it."""

    @property
    def active(self) -> bool:
        """Whether an evaluation is in progress."""
        return self._slices.active

    @property
    def seconds(self) -> float:
        """Time spent on the evaluation in progress, or on the last one."""
        return self._slices.seconds

    def start(self, context_length: int) -> None:
        """Start an evaluation of the weights as they are; they must not change until it is done."""
        self._slices.start(self._trainer.evaluate(context_length))
        self._context_length = context_length
        self._emit(Busy(EVALUATING, 0.0))

    def advance(self, elapsed: float) -> Evaluated | None:
        """Evaluate one slice; after the last one, the result, as an event that is yet to be
        emitted. `elapsed`: seconds trained before this slice."""
        result = self._slices.advance()
        if isinstance(result, float):
            self._emit(Busy(EVALUATING, result))
            return None
        self.windows = result.windows
        self._emit(Busy(""))
        return Evaluated(
            step=self._trainer.step_number,
            loss=result.loss,
            bits_per_char=self._tokens.bits_per_character(result.loss),
            accuracy=result.accuracy,
            context_length=self._context_length,
            characters=result.characters,
            seconds=self.seconds,
            elapsed=elapsed + self._slices.last,
            bits_per_byte=self._tokens.bits_per_byte(result.loss),
        )
