"""Opens a run, fresh or saved: its text first, which is reported at once, then torch and the rest."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from data.catalog import Corpus
from data.catalog import load as load_corpus
from data.prompts import default_prompt
from engine.changes import change
from engine.config import RunConfig
from engine.device import keep_freed_memory
from engine.protocol import (
    Busy,
    ConfirmationRequired,
    CorpusLoaded,
    Event,
    Excerpt,
    Extended,
    LearningRateChanged,
    Opened,
    OpenRun,
    Phase,
)
from engine.session.active_run import ActiveRun
from engine.session.followed_run import FollowedRun
from engine.session.moment_keeper import budget_note
from engine.session.opened_run import Clock, Emit
from engine.session.run_state import extended
from engine.storage.corpus_text import sha256_of
from engine.storage.history import HistoryReader, read_history
from engine.storage.lock import RunLock
from engine.storage.manifest import Progress
from engine.storage.recorder import Recorder
from engine.storage.run_info import CorpusInfo, RunInfo
from engine.training.split import check_length, split_at

if TYPE_CHECKING:  # these import torch, which is loaded after the text has been reported
    from engine.session.context import RunContext
    from engine.storage.run import Run
    from engine.storage.saved_run import SavedRun


def open_fresh(config: RunConfig, emit: Emit, clock: Clock, *, saving: bool) -> ActiveRun:
    """A run at step 0. `saving`: whether it is ever written. ValueError, with a user-facing message,
    if text or config cannot be used."""
    emit(Busy(f"reading {config.corpus}"))
    corpus = load_corpus(config.corpus, config.reading)
    config = _recordable(config)
    digest = sha256_of(corpus.text)
    characters = _report_corpus(corpus, digest, config, emit)

    emit(Busy("loading torch"))
    from engine.storage.run import Run, new_info  # torch, after the text is counted

    info = new_info(
        config, CorpusInfo(corpus.name, corpus.source, corpus.license, digest, characters)
    )
    progress = _fresh_progress(config)
    run = Run()
    context = _build_context(info, corpus.text, None, emit, clock)
    note = _budget_note(context, saving=saving)
    emit(_opened(context, run.name, info, progress, progress.phase, note, saving=saving))
    recorder = _recorder(context, run, info, corpus.text, clock, saving=saving)
    return ActiveRun(context, recorder, config, progress, emit, clock)


def open_saved(
    command: OpenRun, emit: Emit, clock: Clock, *, saving: bool
) -> ActiveRun | FollowedRun | None:
    """A run as it was saved (see `engine.storage.saved_run.load_run`), followed if another program trains it.

    None if the user has to confirm it first, which is asked for by an event. ValueError, with a
    user-facing message, if the run cannot be read.
    """
    emit(Busy(f"opening {command.name}, loading torch"))
    # torch, after it was announced
    from engine.storage.run import Run
    from engine.storage.saved_run import ChangedTextError, load_run

    try:
        saved = load_run(command.name, changed_text=command.changed_text)
    except ChangedTextError as error:
        emit(Busy(""))
        confirmed = replace(command, changed_text=True)
        emit(ConfirmationRequired(f"{error} Open it all the same?", confirmed))
        return None
    step = saved.manifest.progress.step
    run = Run(saved.name, saved)
    lock, reader = RunLock(run.folder), HistoryReader(run.folder)
    holder = lock.held_elsewhere()
    if holder and command.assignments:
        raise ValueError(
            f"Another program trains the run {run.name!r} ({holder}): its settings cannot be "
            "changed here."
        )
    # The history is read here, and again below to be emitted: it may be too long for the memory.
    progress, excerpt_prompt = with_later_changes(
        saved.manifest.progress, read_history(run.folder, step)
    )
    config, learning_rate = change(saved.info.config, progress.learning_rate, command.assignments)
    info = replace(saved.info, config=config)
    source = info.corpus
    corpus = Corpus(name=source.name, text=saved.text, source=source.source, license=source.license)
    _report_corpus(corpus, source.sha256, info.config, emit)
    context = _build_context(info, saved.text, saved, emit, clock, excerpt_prompt)
    if holder:
        note = f"Another program trains this run ({holder}): here it is followed, p lets it write."
        emit(_opened(context, run.name, info, progress, "following", note))
        return FollowedRun(context, saved, lock, reader, emit, clock)
    notes = (saved.note, _machine_note(saved, context), _budget_note(context, saving=saving))
    note = " ".join(note for note in notes if note)
    emit(_opened(context, run.name, info, progress, progress.phase, note, saving=saving))
    recorder = _recorder(context, run, info, saved.text, clock, saving=saving)
    active = ActiveRun(context, recorder, info.config, progress, emit, clock)
    for event in read_history(run.folder, step):
        emit(event)
    if learning_rate != progress.learning_rate:
        active.set_learning_rate(learning_rate)
    return active


def with_later_changes(progress: Progress, events: Iterable[Event]) -> tuple[Progress, str | None]:
    """The progress of a checkpoint, with the changes that the user made after it was written; and
    the prompt of the last excerpt."""
    excerpt_prompt = None
    for event in events:
        match event:
            case LearningRateChanged(_, learning_rate):
                progress = replace(progress, learning_rate=learning_rate)
            case Extended():
                progress = replace(extended(progress, event), done=False)
            case Excerpt():
                excerpt_prompt = event.prompt
            case _:
                pass
    return progress, excerpt_prompt


def is_out_of_memory(error: Exception) -> bool:
    """Whether torch ran out of memory: on a CPU that is a RuntimeError like any other."""
    return "DefaultCPUAllocator" in str(error) or type(error).__name__ == "OutOfMemoryError"


def _report_corpus(corpus: Corpus, digest: str, config: RunConfig, emit: Emit) -> str:
    """Count the text and report what is in it; its distinct characters. ValueError, with a
    user-facing message, if it is too short."""
    from data.statistics import measure  # imports NumPy, which the first paint does not wait for

    val_fraction = config.train.val_fraction
    check_length(len(corpus.text), config.model.context_length, val_fraction)
    emit(Busy(f"counting {len(corpus.text):,} characters"))
    statistics = measure(corpus.text)
    train_characters = split_at(len(corpus.text), val_fraction)
    emit(
        CorpusLoaded(
            name=corpus.name,
            source=corpus.source,
            license=corpus.license,
            note=corpus.note,
            opening=default_prompt(corpus.name, corpus.text),
            characters=statistics.characters,
            lines=statistics.lines,
            vocabulary=len(statistics.vocabulary),
            train_characters=train_characters,
            validation_characters=statistics.characters - train_characters,
            frequent=statistics.frequent,
            uniform_loss=math.log(len(statistics.vocabulary)),
            unigram_loss=statistics.unigram_entropy,
            bigram_loss=statistics.bigram_entropy,
            sha256=digest,
        )
    )
    return "".join(statistics.vocabulary)


def _recordable(config: RunConfig) -> RunConfig:
    """A file name need not be UTF-8, but JSON must be: events and run.json show it with a "?"."""
    corpus, *ignore = (
        text.encode("utf-8", "replace").decode() for text in (config.corpus, *config.reading.ignore)
    )
    return replace(config, corpus=corpus, reading=replace(config.reading, ignore=tuple(ignore)))


def _fresh_progress(config: RunConfig) -> Progress:
    return Progress(
        step=0,
        steps=config.train.steps,
        minutes=config.train.minutes,
        elapsed=0.0,
        learning_rate=config.train.learning_rate,
        evaluated=-1,
        loss=None,
        best_loss=None,
        done=False,
    )


def _build_context(
    info: RunInfo,
    text: str,
    saved: "SavedRun | None",
    emit: Emit,
    clock: Clock,
    excerpt_prompt: str | None = None,
) -> "RunContext":
    """Build the model and all around it, with the tensors of a saved run. ValueError, with a
    user-facing message, if they do not fit, or the run does not fit this machine."""
    from engine.session.context import RunContext, check_state, compile_loops  # torch and Numba

    characters = info.corpus.characters
    keep_freed_memory()
    if saved is not None:
        check_state(saved.state, info.config, len(characters))
    emit(Busy("compiling for this machine (some seconds, the first time only)"))
    compile_loops()
    emit(Busy("measuring this machine"))
    opening = excerpt_prompt
    if opening is None:
        opening = default_prompt(info.corpus.name, text)
    before = saved.manifest.machine if saved else None
    context = RunContext(info.config, text, characters, opening, clock, before)
    if saved is not None:
        progress = saved.manifest.progress
        context.trainer.load_state_dict(saved.state, progress.step, progress.skipped)
    emit(Busy(""))
    return context


def _recorder(
    context: "RunContext", run: "Run", info: RunInfo, text: str, clock: Clock, *, saving: bool
) -> Recorder:
    return Recorder(
        run,
        info,
        text,
        state=context.trainer.state_dict,
        machine=lambda: context.machine,
        checkpoint_bytes=context.checkpoint_bytes,
        clock=clock,
        saves=saving,
    )


def _machine_note(saved: "SavedRun", context: "RunContext") -> str:
    """A sentence about a machine other than the one that trained the run so far, or nothing."""
    differences = saved.manifest.machine.differences(context.machine)
    if not differences:
        return ""
    return f"Not as it was trained before ({differences}): last bits will differ."


def _budget_note(context: "RunContext", *, saving: bool) -> str:
    """A sentence about a budget for moments that is too small for one, or nothing."""
    trainer = context.trainer
    return budget_note(trainer.config.train.moments_mb, trainer.model) if saving else ""


def _opened(
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
    )
