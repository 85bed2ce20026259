"""Answers what a user asks about the inside of the open model."""

from torch import Tensor

from engine.generation.sampler import candidates
from engine.insight.parts import parse_off
from engine.insight.reading import NEXT, read, sublayers
from engine.insight.trace import trace
from engine.model.tokenizer import Vocabulary
from engine.protocol import (
    AskWhenLearned,
    DivideLoss,
    Event,
    Failed,
    FindCopies,
    InsightCommand,
    Inspect,
    Inspected,
    InspectPlace,
    MapAlphabet,
    PlaceInspected,
)
from engine.session.alphabet_mapper import AlphabetMapper
from engine.session.copy_finder import CopyFinder
from engine.session.learning_finder import LearningFinder
from engine.session.loss_divider import LossDivider
from engine.session.moment_models import MomentModels
from engine.session.opened_run import Clock, Emit
from engine.training.trainer import Trainer

LONGEST_TEXT = 2_000
"""Characters that are read along at once: training waits meanwhile."""


class Inspector:
    """Looks inside the model of one run, between two slices of its training."""

    def __init__(
        self,
        trainer: Trainer,
        models: MomentModels,
        vocabulary: Vocabulary,
        emit: Emit,
        clock: Clock,
    ) -> None:
        """`models`: those of kept weights."""
        self._trainer = trainer
        self._models = models
        self._vocabulary = vocabulary
        self._emit = emit
        self._copies = CopyFinder(trainer.dataset.train, vocabulary, emit, clock)
        self._learning = LearningFinder(models, vocabulary, emit, clock)
        self._alphabet = AlphabetMapper(models, trainer.dataset.train, vocabulary)
        self._losses = LossDivider(models, trainer.dataset, vocabulary, emit, clock)

    def answer(self, command: InsightCommand) -> None:
        """Emit the answer, or why there is none; `work` emits those that take longer."""
        try:
            if isinstance(command, FindCopies):
                self._copies.ask(command)
            elif isinstance(command, AskWhenLearned):
                self._learning.ask(command, self._known(command.text)[2])
            elif isinstance(command, DivideLoss):
                self._losses.ask(command)
            else:
                self._emit(self._answer(command))
        except ValueError as error:
            self._emit(Failed(str(error), "inspect", command.request))

    @property
    def active(self) -> bool:
        """Whether `work` has something to do."""
        return self._copies.active or self._learning.active or self._losses.active

    def work(self) -> None:
        """Work on an answer for a moment."""
        self._copies.work()
        self._learning.work()
        self._losses.work()

    def _answer(self, command: Inspect | InspectPlace | MapAlphabet) -> Event:
        match command:
            case Inspect():
                return self._inspect(command)
            case InspectPlace():
                return self._inspect_place(command)
            case MapAlphabet():
                return self._alphabet.answer(command)

    def _known(self, text: str) -> tuple[str, str, Tensor]:
        """The known characters of a text, each unknown one once, and the ids of the former.
        ValueError, with a user-facing message, if it has no known character."""
        known, unknown = self._vocabulary.split_known(text)
        if not known:
            raise ValueError(
                "The model knows none of these characters: its text has none of them."
                if text
                else "There is no text to read."
            )
        return known, unknown, self._vocabulary.encode_corpus(known)

    def _inspect(self, command: Inspect) -> Inspected:
        # The whole context: early in a run less of it is used, and a passage would be a few words.
        length = self._trainer.config.model.context_length
        validation = self._trainer.dataset.validation
        start = max(0, min(command.start, len(validation) - length))
        if len(command.text) > LONGEST_TEXT:
            raise ValueError(
                f"This text has {len(command.text):,} characters; at most {LONGEST_TEXT:,} are read "
                "at once."
            )
        if command.text:
            text, unknown, ids = self._known(command.text)
            start = -1
        else:
            ids = validation[start : start + length]
            text, unknown = self._vocabulary.decode(ids.tolist()), ""
        weights = self._models.at(command.step)
        off = parse_off(command.off, weights.model.config)
        seen = weights.context_length
        places = read(weights.model, self._vocabulary.characters, ids, seen, off)
        bits = [place.bits for place in places if place.bits is not None]
        return Inspected(
            command.request,
            weights.step,
            text,
            unknown,
            start,
            len(validation),
            tuple(places),
            sublayers(weights.model),
            sum(bits) / len(bits) if bits else 0.0,
            seen,
        )

    def _inspect_place(self, command: InspectPlace) -> PlaceInspected:
        ids = self._known(command.text)[2]
        model, step, length = self._models.at(command.step)
        start = max(0, len(ids) - length)
        traced = trace(model, ids[start:], parse_off(command.off, model.config))
        logits = model.logits(traced.blocks[-1][-1]).detach().float().cpu().numpy()
        likely, cumulative = candidates(logits, command.config)
        probabilities = [float(p) / float(cumulative[-1]) for p in cumulative]
        before = [0.0, *probabilities]
        sampled = [
            (self._vocabulary.characters[int(i)], p - q)
            for i, p, q in zip(likely, probabilities, before, strict=False)
            if p > q
        ]
        attention = [tuple(map(tuple, weights.tolist())) for weights in traced.attention]
        return PlaceInspected(command.request, step, start, tuple(sampled[:NEXT]), tuple(attention))
