"""Answers what a user asks about the inside of the open model."""

from collections.abc import Callable

import torch
from torch import Tensor

from engine.generation.sampler import candidates
from engine.insight.parts import parse_off
from engine.insight.reading import NEXT
from engine.insight.trace import trace
from engine.model.tokenizer import Tokenizer
from engine.protocol import (
    AskWhenLearned,
    DivideLoss,
    Event,
    Failed,
    FindCopies,
    FindLearningRate,
    InsightCommand,
    Inspect,
    InspectPlace,
    InspectStep,
    MapAlphabet,
    PlaceInspected,
    StopTrial,
)
from engine.session.alphabet_mapper import AlphabetMapper
from engine.session.copy_finder import CopyFinder
from engine.session.learning_finder import LearningFinder
from engine.session.loss_divider import LossDivider
from engine.session.moment_models import MomentModels
from engine.session.opened_run import Clock, Emit
from engine.session.passage_reader import PassageReader, known
from engine.session.stepper import NextStep
from engine.session.trials import Trials
from engine.training.trainer import Trainer


class Inspector:
    """Looks inside the model of one run, between two slices of its training."""

    def __init__(
        self,
        trainer: Trainer,
        models: MomentModels,
        tokenizer: Tokenizer,
        emit: Emit,
        clock: Clock,
        next_step: Callable[[], NextStep] | None,
    ) -> None:
        """`models`: those of kept weights. `next_step`: how the run goes on; None: it is not trained
        here."""
        self._models = models
        self._tokenizer = tokenizer
        self._emit = emit
        dataset = trainer.dataset
        self._passages = PassageReader(
            models,
            dataset.validation,
            trainer.config.model.context_length,
            tokenizer,
            emit,
            clock,
        )
        self._copies = CopyFinder(dataset.train, tokenizer, emit, clock)
        self._learning = LearningFinder(models, tokenizer, emit, clock)
        self._alphabet = AlphabetMapper(models, dataset, tokenizer)
        self._losses = LossDivider(models, dataset, tokenizer, emit, clock)
        self._trials = Trials(trainer, tokenizer, next_step, emit, clock)
        self._in_slices: tuple[
            PassageReader | CopyFinder | LearningFinder | LossDivider | Trials, ...
        ] = (
            self._passages,
            self._copies,
            self._learning,
            self._losses,
            self._trials,
        )

    def answer(self, command: InsightCommand) -> None:
        """Emit the answer, or why there is none; `work` emits those that take longer."""
        try:
            if isinstance(command, Inspect):
                self._passages.ask(command)
            elif isinstance(command, FindCopies):
                self._copies.ask(command)
            elif isinstance(command, AskWhenLearned):
                self._learning.ask(command, self._ids(command))
            elif isinstance(command, DivideLoss):
                self._losses.ask(command)
            elif isinstance(command, FindLearningRate | InspectStep | StopTrial):
                self._trials.ask(command)
            else:
                self._emit(self._answer(command))
        except ValueError as error:
            self._emit(Failed(str(error), "inspect", command.request))

    @property
    def active(self) -> bool:
        """Whether `work` has something to do."""
        return any(one.active for one in self._in_slices)

    @property
    def holds_training(self) -> bool:
        """Whether training waits until a trial is over."""
        return self._trials.active

    def work(self) -> None:
        """Work for a moment on one answer: a passage first, what takes longest last."""
        for one in self._in_slices:
            if one.active:
                one.work()
                return

    def _answer(self, command: InspectPlace | MapAlphabet) -> Event:
        match command:
            case InspectPlace():
                return self._inspect_place(command)
            case MapAlphabet():
                return self._alphabet.answer(command)

    def _ids(self, command: InspectPlace | AskWhenLearned) -> Tensor:
        """The text that is looked at. ValueError, with a user-facing message, if the model knows
        none of it."""
        if not command.ids:
            return known(command.text, self._tokenizer).ids
        if not all(0 <= id_ < len(self._tokenizer) for id_ in command.ids):
            raise ValueError("The model does not have these tokens.")
        return torch.tensor(command.ids)

    def _inspect_place(self, command: InspectPlace) -> PlaceInspected:
        ids = self._ids(command)
        model, step, length = self._models.at(command.step)
        start = max(0, len(ids) - length)
        traced = trace(model, ids[start:], parse_off(command.off, model.config))
        logits = model.logits(traced.blocks[-1][-1]).detach().float().cpu().numpy()
        likely, cumulative = candidates(logits, command.config)
        probabilities = [float(p) / float(cumulative[-1]) for p in cumulative]
        before = [0.0, *probabilities]
        sampled = [
            (self._tokenizer.pieces[int(i)], p - q)
            for i, p, q in zip(likely, probabilities, before, strict=False)
            if p > q
        ]
        attention = [tuple(map(tuple, weights.tolist())) for weights in traced.attention]
        return PlaceInspected(command.request, step, start, tuple(sampled[:NEXT]), tuple(attention))
