"""Gathers what there is to report of a saved run, in slices between those of training."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from math import isfinite, sqrt
from typing import Generic, TypeVar

from engine.config import RunConfig
from engine.export.source import Source
from engine.model.weights import Weights
from engine.protocol import (
    Evaluated,
    Excerpt,
    Extended,
    LearningRateChanged,
    LossDivided,
    Recorded,
    ReportedChange,
    ReportedEvaluation,
    ReportedRun,
    ReportedSample,
    ReportedText,
    StepDone,
    Taught,
    ThreadsChosen,
    Tokens,
    TrainingLosses,
)
from engine.session.encoding import tokens_of
from engine.session.ladder import measured_rungs, per_token
from engine.session.loss_divider import CHARACTERS, divided
from engine.storage.history import read_history
from engine.storage.ladder_file import Rungs, read_ladder
from engine.storage.lock import RunLock
from engine.storage.paths import check_exists, folder_of
from engine.storage.run_info import read_info, without_folder
from engine.training.split import train_end
from engine.training.training_text import in_words, training_characters
from engine.training.validation import ValidationText

MOST_POINTS = 400
"""Points of a curve, at most: a page has no more columns."""
MOST_SAMPLES = 6
"""Besides the first and the last."""
MOST_CHANGES = 50
SAMPLE_LENGTH = 1_000
"""Characters of a sample and of its prompt, at most."""
TAUGHT_LENGTH = 200
"""Characters of a taught text, at most: a longer one is named by its source."""
SLICE = 2_000
"""Events between two slices: some hundredths of a second."""

T = TypeVar("T")


class _Thinned(Generic[T]):
    """Of values by step up to a last one, one in each of so many parts."""

    def __init__(self, last: int, parts: int, scale: Callable[[float], float] = float) -> None:
        """`scale`: from the fraction of the steps to that of the parts."""
        self._last, self._parts, self._scale = max(1, last), parts, scale
        self._kept: dict[int, T] = {}

    def part(self, step: int) -> int:
        """The part that a step is in."""
        return int(self._scale(step / self._last) * self._parts)

    def get(self, step: int) -> T | None:
        """The value that is kept in the part of a step."""
        return self._kept.get(self.part(step))

    def put(self, step: int, value: T) -> None:
        """Keep a value in place of that which was kept in its part."""
        self._kept[self.part(step)] = value

    def values(self) -> tuple[T, ...]:
        """Those that are kept, ascending."""
        return tuple(self._kept[part] for part in sorted(self._kept))


class HistoryDigest:
    """What a report keeps of a run's history."""

    def __init__(self, last: int, rungs: Rungs) -> None:
        """`last`: the step up to which it is read."""
        self.trained = 0
        """Characters trained on."""
        self.changes: list[ReportedChange] = []
        self._rungs = dict(rungs)
        """Those that have not been passed yet."""
        self._training: _Thinned[tuple[TrainingLosses, int]] = _Thinned(last, MOST_POINTS)
        self._evaluations: _Thinned[ReportedEvaluation] = _Thinned(last, MOST_POINTS)
        self._marked: list[ReportedEvaluation] = []
        """Evaluations that are kept in any case, but for the best."""
        self._best: ReportedEvaluation | None = None
        self._samples: _Thinned[ReportedSample] = _Thinned(last, MOST_SAMPLES, sqrt)
        self._newest: ReportedSample | None = None

    def add(self, event: Recorded) -> None:
        """The next event."""
        match event:
            case StepDone():
                self.trained += event.tokens
                if isfinite(event.loss):
                    self._add_loss(event)
            case Evaluated() if isfinite(event.loss):
                self._add_evaluation(event)
            case Excerpt(step, prompt, text):
                more = max(0, len(text) - SAMPLE_LENGTH)
                shown = prompt[:SAMPLE_LENGTH], text[:SAMPLE_LENGTH]
                self._newest = ReportedSample(step, *shown, more)
                if self._samples.get(step) is None:
                    self._samples.put(step, self._newest)
            case LearningRateChanged(step, rate):
                self.changes.append(ReportedChange(step, "learning rate", rate))
            case Extended(step, _, minutes) if minutes:
                self.changes.append(ReportedChange(step, "minutes", minutes))
            case Extended(step, steps):
                self.changes.append(ReportedChange(step, "steps", steps))
            case ThreadsChosen(step, _, threads):
                self.changes.append(ReportedChange(step, "threads", threads))
            case Taught(step, text, share, mapped, source):
                short = text if len(text) <= TAUGHT_LENGTH else ""
                taught = ReportedChange(step, "taught", share, short, source, bool(mapped))
                self.changes.append(taught)
            case _:
                pass

    def _add_loss(self, event: StepDone) -> None:
        step, loss, rate = event.step, event.loss, event.learning_rate
        before = self._training.get(step)
        if before is None:
            self._training.put(step, (TrainingLosses(step, step, loss, loss, loss, rate), 1))
            return
        sums, number = before
        joined = TrainingLosses(
            sums.first,
            step,
            min(sums.low, loss),
            sums.mean + (loss - sums.mean) / (number + 1),
            max(sums.high, loss),
            sums.learning_rate + (rate - sums.learning_rate) / (number + 1),
        )
        self._training.put(step, (joined, number + 1))

    def _add_evaluation(self, event: Evaluated) -> None:
        one = ReportedEvaluation(
            event.step, event.loss, event.accuracy, event.characters, self.trained, event.elapsed
        )
        self._evaluations.put(event.step, one)
        if self._best is None or one.loss < self._best.loss:
            self._best = one
        passed = [name for name, loss in self._rungs.items() if one.loss < loss]
        if passed:
            self._marked.append(one)
            self._rungs = {n: loss for n, loss in self._rungs.items() if n not in passed}

    @property
    def training(self) -> tuple[TrainingLosses, ...]:
        """The training losses, those of adjacent steps in one."""
        return tuple(losses for losses, _ in self._training.values())

    @property
    def evaluations(self) -> tuple[ReportedEvaluation, ...]:
        """The evaluations, ascending."""
        best = (self._best,) if self._best else ()
        kept = {one.step: one for one in (*self._marked, *best, *self._evaluations.values())}
        return tuple(kept[step] for step in sorted(kept))

    @property
    def samples(self) -> tuple[ReportedSample, ...]:
        """Some of the samples, ascending."""
        kept = self._samples.values()
        return kept if self._newest is None or self._newest in kept else (*kept, self._newest)


def gathered(source: Source, *, whole: bool = True) -> Iterator[float | ReportedRun]:
    """Gather what there is to report of a run at one step: the fractions done, then the run. Not
    `whole`: without the ladder and the parts of the loss, which take longest. OSError."""
    rungs: Rungs = ()
    for found in _rungs(source) if whole else ():
        if isinstance(found, float):
            yield found
        else:
            rungs = found
    tokens = _tokens(source)
    rungs = per_token(rungs, tokens)
    history = HistoryDigest(source.step, rungs)
    for number, event in enumerate(read_history(source.folder, source.step)):
        history.add(event)
        if number % SLICE == 0:
            yield 0.3
    parts: LossDivided | None = None
    for result in _divided(source) if whole else ():
        if isinstance(result, LossDivided):
            parts = result
        else:
            yield 0.4 + 0.6 * result
    info, progress = source.info, source.progress
    yield ReportedRun(
        run=source.name,
        step=source.step,
        steps=progress.steps,
        minutes=progress.minutes,
        done=progress.done,
        holder=RunLock(source.folder).held_elsewhere(),
        config=info.config,
        created=info.created,
        note=info.note,
        parent=info.parent.run if info.parent else "",
        parent_step=info.parent.step if info.parent else 0,
        parent_config=_config_of(info.parent.run) if info.parent else None,
        text=_text(source, tokens),
        machine=source.machine,
        parameters=sum(p.numel() for p in source.model.parameters()),
        seconds=progress.elapsed,
        trained=history.trained,
        training=history.training,
        evaluations=history.evaluations,
        samples=history.samples,
        changes=tuple(history.changes[-MOST_CHANGES:]),
        rungs=rungs,
        divided=parts,
    )


def _config_of(run: str) -> RunConfig | None:
    """The config of another run; None if that is not here."""
    with suppress(ValueError, OSError):
        check_exists(run)
        return without_folder(read_info(folder_of(run))).config
    return None


def _has_text(source: Source) -> bool:
    """Whether the text is the one that it was trained on, rather than one that stands for it."""
    return source.info.trained_on is None


def _rungs(source: Source) -> Iterator[float | Rungs]:
    """The ladder, as it was saved with the run, or else measured; in slices."""
    if not _has_text(source):
        yield ()
        return
    saved = read_ladder(source.folder, source.info)
    if saved is not None:
        yield saved
        return
    measured = []
    for rung in measured_rungs(source.text, source.info):
        if rung is not None:
            measured.append(rung)
        yield 0.1
    yield tuple(measured)


def _divided(source: Source) -> Iterator[float | LossDivided]:
    """Where the loss lives, in slices; nothing for a run whose text is not here."""
    if not _has_text(source):
        return
    config = source.info.config
    validation = source.text[train_end(config, len(source.text)) :]
    ids = source.tokenizer.encode_corpus(validation)
    text = ValidationText(ids, config.model.context_length, CHARACTERS)
    weights = Weights(source.model, source.step, source.context_length)
    yield from divided(weights, text, source.tokenizer)


def _tokens(source: Source) -> Tokens:
    """Those of the run; for a text that is not here, without what is measured on it."""
    config = source.info.config
    held_out = source.text[train_end(config, len(source.text)) :]
    if not _has_text(source) or not held_out:
        return Tokens(kind=config.model.tokenizer, number=len(source.tokenizer))
    number = len(source.tokenizer.encode_corpus(held_out))
    return tokens_of(source.tokenizer, config, held_out, number)


def _text(source: Source, tokens: Tokens) -> ReportedText:
    corpus = source.info.corpus
    config, other = source.info.config, source.info.other
    held_out = len(source.text) - train_end(config, len(source.text))
    trained = training_characters(config, len(source.text), len(source.other))
    counts = (trained, held_out) if _has_text(source) else (0, 0)
    return ReportedText(
        corpus.name,
        corpus.source,
        corpus.license,
        corpus.sha256,
        len(source.tokenizer),
        *counts,
        in_words(config.text, other.name if other else ""),
        tokens,
    )
