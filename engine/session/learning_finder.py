"""Answers when a prediction was learned, in slices between those of training."""

from collections.abc import Iterator

from torch import Tensor

from engine.insight.learning import first_right, is_right, next_probabilities, sure_since
from engine.model.tokenizer import Tokenizer
from engine.model.weights import Weights
from engine.protocol import AskWhenLearned, Failed, WhenLearned
from engine.session.moment_models import NOW, MomentModels
from engine.session.opened_run import Clock, Emit
from engine.session.slices import Slices
from engine.storage.moment_files import Moment
from engine.storage.moments import evenly

MOST_STEPS = 40
ROWS = 16


class LearningFinder:
    """Compares what the kept weights of one run predict, one moment a slice."""

    def __init__(
        self, models: MomentModels, tokenizer: Tokenizer, emit: Emit, clock: Clock
    ) -> None:
        self._models = models
        self._tokenizer = tokenizer
        self._emit = emit
        self._slices: Slices[WhenLearned] = Slices(clock)
        self._request = 0
        self._text: list[int] = []
        self._known: dict[Moment, Tensor] = {}
        """What was predicted after this text, so that only new moments are read when the question
        is asked again while the model trains on."""

    @property
    def active(self) -> bool:
        """Whether a question is not answered yet."""
        return self._slices.active

    def ask(self, command: AskWhenLearned, ids: Tensor) -> None:
        """Start to answer a question, in place of the one before. `ids`: of its text."""
        self._request = command.request
        self._slices.start(self._answer(command, ids))

    def work(self) -> None:
        """Read with the weights of one moment, and emit the answer after the last."""
        if not self.active:
            return
        try:
            result = self._slices.advance()
        except ValueError as error:
            self._emit(Failed(str(error), "inspect", self._request))
        else:
            if isinstance(result, WhenLearned):
                self._emit(result)

    def _answer(self, command: AskWhenLearned, ids: Tensor) -> Iterator[float | WhenLearned]:
        damage: ValueError | None = None
        now = self._models.at(NOW)  # the next slice may find it trained further
        found = {now.step: _prediction(now, ids)}
        yield 0.0
        kept = self._models.kept()
        same = ids.tolist() == self._text
        self._known = {m: p for m, p in self._known.items() if same and m in kept}
        self._text = ids.tolist()
        for moment in evenly([m for m in kept if m.step < now.step], MOST_STEPS - 1):
            if moment not in self._known and moment in self._models.kept():  # or it was thinned
                try:
                    self._known[moment] = _prediction(self._models.at(moment.step), ids)
                except ValueError as error:  # the others can be compared all the same
                    damage = damage or error
                yield len(found) / MOST_STEPS
            if moment in self._known:
                found[moment.step] = self._known[moment]
        if damage:
            self._emit(Failed(str(damage), "inspect", command.request))
        yield self._compared(command, found)

    def _compared(self, command: AskWhenLearned, found: dict[int, Tensor]) -> WhenLearned:
        pieces = self._tokenizer.pieces
        steps = sorted(found)
        likeliest = found[steps[-1]].topk(min(ROWS, len(pieces))).indices.tolist()
        right = likeliest[0]
        target = self._tokenizer.id_of(command.target)
        if target >= 0:
            right = target
        ids = [*likeliest, *([] if right in likeliest else [right])]
        was_right = [is_right(found[step], right) for step in steps]
        return WhenLearned(
            command.request,
            tuple(steps),
            tuple((pieces[i], tuple(float(found[step][i]) for step in steps)) for i in ids),
            pieces[right],
            first_right(steps, was_right),
            sure_since(steps, was_right),
        )


def _prediction(weights: Weights, ids: Tensor) -> Tensor:
    """What these weights predict after a text, of which they see as much as they are trained on."""
    return next_probabilities(weights.model, ids[max(0, len(ids) - weights.context_length) :])
