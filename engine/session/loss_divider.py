"""Answers where the loss lives, in slices between those of training."""

from collections.abc import Iterator

from msgspec.structs import replace

from engine.insight.loss_by_kind import LossByKind
from engine.model.tokenizer import Tokenizer
from engine.model.weights import Weights
from engine.protocol import DivideLoss, LossDivided
from engine.session.moment_models import MomentModels
from engine.session.opened_run import Clock, Emit
from engine.session.slices import Slices
from engine.training.dataset import Dataset
from engine.training.replica import micro_batch
from engine.training.validation import ValidationText

CHARACTERS = 8_192
"""Validation tokens that are predicted, about."""


class LossDivider:
    """Predicts a sample of the validation part, the same each time."""

    def __init__(
        self,
        models: MomentModels,
        dataset: Dataset,
        tokenizer: Tokenizer,
        emit: Emit,
        clock: Clock,
    ) -> None:
        self._models = models
        self._tokenizer = tokenizer
        self._text = ValidationText(dataset.validation, dataset.context_length, CHARACTERS)
        self._emit = emit
        self._slices: Slices[LossDivided] = Slices(clock)

    @property
    def active(self) -> bool:
        """Whether a question is not answered yet."""
        return self._slices.active

    def ask(self, command: DivideLoss) -> None:
        """Start to answer a question, in place of the one before. ValueError, with a user-facing
        message, if the weights of that step are not kept."""
        self._slices.start(self._answer(command, self._models.apart(command.step)))

    def work(self) -> None:
        """Predict some of the text, and emit the answer after the last."""
        if self.active:
            result = self._slices.advance()
            if isinstance(result, LossDivided):
                self._emit(result)

    def _answer(self, command: DivideLoss, weights: Weights) -> Iterator[float | LossDivided]:
        for result in divided(weights, self._text, self._tokenizer):
            if isinstance(result, LossDivided):
                result = replace(result, request=command.request)
            yield result


def divided(
    weights: Weights, text: ValidationText, tokenizer: Tokenizer
) -> Iterator[float | LossDivided]:
    """Divide the loss on a text, in slices: the fractions done, then the answer to request 0."""
    model, step, length = weights
    losses = LossByKind(tokenizer, length)
    size = micro_batch(sum(p.numel() for p in model.parameters()))
    predicted = text.predicted(length)
    for inputs, targets in text.batches(length, size):
        losses.add(model, inputs, targets)
        yield losses.characters / predicted
    yield LossDivided(
        0, step, losses.characters, losses.bits, losses.kinds(), losses.positions(), length
    )
