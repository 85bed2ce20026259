"""What opening a run takes, be it fresh, saved or forked."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from data.catalog import Corpus
from data.prompts import default_prompt
from data.text import LargeText, Text
from engine.config import RunConfig
from engine.device import Machine
from engine.memory import keep_freed_memory
from engine.protocol import Busy, CorpusLoaded, Event, Forked, Opened, ParentLoaded, Phase
from engine.session.active_run import ActiveRun
from engine.session.ladder import Ladder
from engine.session.moment_keeper import budget_note
from engine.session.opened_run import Clock, Emit
from engine.session.other_text import NONE, OtherText
from engine.session.teacher import check_taught
from engine.session.textless_run import TextlessRun
from engine.storage.corpus_text import Report, unreported
from engine.storage.library import run_curve
from engine.storage.manifest import Progress
from engine.storage.recorder import Recorder
from engine.storage.run_info import RunInfo
from engine.storage.teaching import Lesson
from engine.training.split import check_length, train_end
from engine.training.training_text import (
    check_training_text,
    in_words,
    training_characters,
    training_text,
)

if TYPE_CHECKING:  # these import torch, which is loaded after the text has been reported
    from engine.model.tokenizer import Tokenizer
    from engine.session.context import RunContext
    from engine.storage.checkpoints import State
    from engine.storage.run import Run


class Start(NamedTuple):
    """What the training of a saved or forked run continues from."""

    state: "State"
    machine: Machine
    step: int
    skipped: int = 0  # batches left out before
    lesson: Lesson | None = None
    excerpt_prompt: str | None = None  # that samples are written to, unless it is the usual one


def report_corpus(
    corpus: Corpus, digest: str, config: RunConfig, emit: Emit, other: OtherText = NONE
) -> str:
    """Count the text and report what is in it; its distinct characters. `other`: what is trained on in
    its place. ValueError, with a user-facing message, if it is too short."""
    from data.statistics import measure  # imports NumPy, which the first paint does not wait for

    check_length(config, len(corpus.text))
    check_training_text(config, len(corpus.text), len(other.text))
    if isinstance(corpus.text, LargeText):
        statistics = corpus.text.statistics()
    else:
        emit(Busy(f"counting {len(corpus.text):,} characters"))
        statistics = measure(corpus.text)
    held_out = statistics.characters - train_end(config, statistics.characters)
    emit(
        CorpusLoaded(
            name=corpus.name,
            source=corpus.source,
            license=corpus.license,
            note=" ".join(filter(None, (corpus.note, other.note))),
            opening=default_prompt(corpus.name, corpus.text),
            characters=statistics.characters,
            lines=statistics.lines,
            vocabulary=len(statistics.vocabulary),
            train_characters=training_characters(config, statistics.characters, len(other.text)),
            validation_characters=held_out,
            frequent=statistics.frequent,
            uniform_loss=math.log(len(statistics.vocabulary)),
            unigram_loss=statistics.unigram_entropy,
            bigram_loss=statistics.bigram_entropy,
            sha256=digest,
            documents=corpus.documents,
            held_out_documents=corpus.held_out,
            trained_on=in_words(config.text, other.name),
        )
    )
    return "".join(statistics.vocabulary)


def recordable(config: RunConfig) -> RunConfig:
    """A file name need not be UTF-8, but JSON must be: events and run.json show it with a "?"."""
    reading = config.reading
    return replace(
        config,
        corpus=_in_utf8(config.corpus),
        text=replace(config.text, train_on=_in_utf8(config.text.train_on)),
        reading=replace(
            reading,
            ignore=tuple(map(_in_utf8, reading.ignore)),
            more=tuple(map(_in_utf8, reading.more)),
            separator=_in_utf8(reading.separator),
        ),
    )


def _in_utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def fresh_progress(config: RunConfig) -> Progress:
    """At step 0."""
    return Progress(
        step=0,
        steps=config.train.steps,
        minutes=config.train.minutes,
        elapsed=0.0,
        learning_rate=config.train.peak_learning_rate,
        evaluated=-1,
        loss=None,
        best_loss=None,
        done=False,
    )


def build_context(
    info: RunInfo,
    text: Text,
    tokenizer: "Tokenizer",
    start: Start | None,
    emit: Emit,
    clock: Clock,
    other: str = "",
    report: Report = unreported,
) -> "RunContext":
    """Build the model and all around it, with the tensors to start from; without them, at step 0.
    `other`: the text that is trained on in place of the run's own. ValueError, with a user-facing
    message, if they do not fit, or the run does not fit this machine."""
    from engine.session.context import RunContext, check_state, load_loops  # torch and Numba

    keep_freed_memory()
    if start is not None:
        check_state(start.state, info.config, info.vocabulary)
    emit(Busy("compiling for this machine (some seconds, the first time only)"))
    load_loops()
    emit(Busy("measuring this machine"))
    opening = start.excerpt_prompt if start else None
    if opening is None:
        opening = default_prompt(info.corpus.name, text)
    before = start.machine if start else None
    training = training_text(info.config, text, other)
    context = RunContext(info.config, text, tokenizer, opening, clock, before, training, report)
    if start is not None:
        context.trainer.load_state_dict(start.state, start.step, start.skipped)
        if start.lesson is not None:
            check_taught(start.lesson.taught.text, start.lesson.taught.share, tokenizer)
            context.teach(start.lesson)
    emit(Busy(""))
    return context


def machine_note(before: Machine, context: "RunContext") -> str:
    """A sentence about a machine other than the one that trained the run so far, or nothing."""
    differences = before.differences(context.machine)
    if not differences:
        return ""
    return f"Not as it was trained before ({differences}): last bits will differ."


def text_note(info: RunInfo) -> str:
    """A sentence about a run whose text is not here, or nothing."""
    if info.trained_on is None:
        return ""
    return f"Its text, {info.trained_on.name}, is not here: what stands for it was written by the model."


def opened_event(
    context: "RunContext",
    name: str,
    info: RunInfo,
    progress: Progress,
    phase: Phase,
    note: str = "",
    *,
    saving: bool = True,
) -> Opened:
    hardware = context.hardware
    return Opened(
        run=name,
        config=info.config,
        phase=phase,
        step=progress.step,
        steps=progress.steps,
        elapsed=progress.elapsed,
        learning_rate=progress.learning_rate,
        parameters=sum(p.numel() for p in context.trainer.model.parameters()),
        device=hardware.device.type,
        threads=hardware.threads,
        precision=hardware.precision_name,
        choice=hardware.reason,
        note=note,
        saving=saving,
        tokens=context.tokens,
    )


def activate(
    context: "RunContext",
    run: "Run",
    info: RunInfo,
    text: Text,
    progress: Progress,
    emit: Emit,
    clock: Clock,
    *,
    saving: bool,
    notes: Iterable[str] = (),
    history: Iterable[Event] = (),
    forked: Forked | None = None,
    learning_rate: float | None = None,
    kind: type[ActiveRun] = ActiveRun,
) -> ActiveRun:
    """Report that a run is open, with sentences about it, and replay its history. `forked`: that it
    begins now, as a fork. `learning_rate`: the peak from now on, where it is not that of the
    progress. `kind`: what is made of a run that has its text."""
    trainer = context.trainer
    budget = budget_note(trainer.config.train.moments_mb, trainer.model) if saving else ""
    note = " ".join(filter(None, (*notes, context.ranks_note, budget)))
    emit(opened_event(context, run.name, info, progress, progress.phase, note, saving=saving))
    recorder = Recorder(
        run,
        info,
        text,
        state=trainer.state_dict,
        machine=lambda: context.machine,
        checkpoint_bytes=context.checkpoint_bytes,
        clock=clock,
        saves=saving,
    )
    ladder = Ladder(text, info, context.tokens, recorder, emit, clock)
    kind = kind if info.trained_on is None else TextlessRun
    active = kind(context, recorder, ladder, info.config, progress, emit, clock)
    for event in history:
        emit(event)
    if forked is not None:
        recorder.record(forked)
        emit(forked)
    report_parent(info, emit)
    if learning_rate is not None and learning_rate != progress.learning_rate:
        active.set_learning_rate(learning_rate, keep=False)
    return active


def report_parent(info: RunInfo, emit: Emit) -> None:
    """Of a fork, report the run that it comes from, or why that cannot be shown."""
    if info.parent is None:
        return
    run, curve, problem = info.parent.run, None, ""
    try:
        curve = run_curve(run)
    except ValueError:
        problem = f"The run {run!r}, from which it was forked, is gone or renamed: its curve is not drawn."
    except OSError as error:
        problem = (
            f"The curve of {run!r}, from which it was forked, cannot be read: {error.strerror}."
        )
    emit(ParentLoaded(curve, problem))
