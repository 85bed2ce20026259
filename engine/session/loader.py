"""Opens a run, fresh or saved: its text first, which is told at once, then torch and the rest."""

import hashlib
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from data.catalog import Corpus
from data.catalog import load as load_corpus
from data.prompts import default_prompt
from engine.config import RunConfig
from engine.protocol import (
    Busy,
    ConfirmationRequired,
    CorpusLoaded,
    Event,
    Extended,
    LearningRateChanged,
    Opened,
    OpenRun,
    Phase,
)
from engine.session.active_run import ActiveRun
from engine.session.followed_run import FollowedRun
from engine.training.split import check_length, split_at

if TYPE_CHECKING:
    from engine.session.context import RunContext
    from engine.storage.manifest import Progress
    from engine.storage.run_info import RunInfo
    from engine.storage.saved_run import SavedRun

Emit = Callable[[Event], None]
Clock = Callable[[], float]


def open_fresh(config: RunConfig, emit: Emit, clock: Clock) -> ActiveRun:
    """A run at step 0. ValueError, in a sentence, for a text or a config that cannot be used."""
    emit(Busy(f"reading {config.corpus}"))
    corpus = load_corpus(config.corpus)
    # A file's name need not be UTF-8, and JSON is: events and run.json name it with a "?".
    recorded = config.corpus.encode("utf-8", "replace").decode()
    config = replace(config, corpus=recorded)
    characters = _tell(corpus, config, emit)

    emit(Busy("loading torch"))
    from engine.storage.manifest import Progress
    from engine.storage.run import Run, new_info
    from engine.storage.run_info import CorpusInfo

    digest = hashlib.sha256(corpus.text.encode("utf-8", "surrogatepass")).hexdigest()
    info = new_info(
        config, CorpusInfo(corpus.name, corpus.source, corpus.license, digest, characters)
    )
    progress = Progress(
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
    run = Run()
    context = _assemble(info, corpus.text, None, emit, clock)
    _tell_opened(context, run.name, info, progress, progress.phase, "", emit)
    return ActiveRun(context, run, info, corpus.text, progress, emit, clock)


def open_saved(
    wanted: str, emit: Emit, clock: Clock, *, changed_text: bool = False
) -> ActiveRun | FollowedRun | None:
    """A run as it was saved (see `engine.storage.saved_run.load_run`); one that another program trains is followed.
    None where that needs a yes, which is told. ValueError, in a sentence, when it cannot be read.
    """
    emit(Busy(f"opening {wanted}, loading torch"))
    from engine.storage.history import HistoryReader, read_history
    from engine.storage.lock import RunLock
    from engine.storage.run import Run
    from engine.storage.saved_run import ChangedTextError, load_run

    try:
        saved = load_run(wanted, changed_text=changed_text)
    except ChangedTextError as error:
        emit(Busy(""))
        emit(
            ConfirmationRequired(
                f"{error} Open it all the same?", OpenRun(wanted, changed_text=True)
            )
        )
        return None
    run = Run(saved.name, saved)
    lock, reader = RunLock(run.folder), HistoryReader(run.folder)
    elsewhere = lock.held_elsewhere()
    corpus = Corpus(
        name=saved.info.corpus.name,
        text=saved.text,
        source=saved.info.corpus.source,
        license=saved.info.corpus.license,
    )
    _tell(corpus, saved.info.config, emit)
    context = _assemble(saved.info, saved.text, saved, emit, clock)
    step = saved.manifest.progress.step
    # The history is read here, and again below to be told: it may be too long to be held.
    progress = caught_up(saved.manifest.progress, read_history(run.folder, step))
    if elsewhere:
        note = (
            f"Another program trains this run ({elsewhere}): here it is followed, p lets it write."
        )
        _tell_opened(context, run.name, saved.info, progress, "following", note, emit)
        return FollowedRun(context, saved, lock, reader, emit, clock)
    notes = [saved.note, _differences(saved, context)]
    note = " ".join(note for note in notes if note)
    _tell_opened(context, run.name, saved.info, progress, progress.phase, note, emit)
    active = ActiveRun(context, run, saved.info, saved.text, progress, emit, clock)
    for event in read_history(run.folder, step):
        emit(event)
    return active


def caught_up(progress: "Progress", events: Iterable[Event]) -> "Progress":
    """The progress of a checkpoint, with what a person has changed since, before the next step."""
    for event in events:
        match event:
            case LearningRateChanged(_, learning_rate):
                progress = replace(progress, learning_rate=learning_rate)
            case Extended(_, steps, minutes):
                progress = replace(progress, steps=steps, minutes=minutes, done=False)
            case _:
                pass
    return progress


def out_of_memory(error: Exception) -> bool:
    """Whether torch failed for want of memory: on a CPU that is a RuntimeError like any other."""
    return "DefaultCPUAllocator" in str(error) or type(error).__name__ == "OutOfMemoryError"


def _tell(corpus: Corpus, config: RunConfig, emit: Emit) -> str:
    """Count the text and tell what is in it; its distinct characters."""
    from data.statistics import measure  # brings numpy

    validation = config.train.val_fraction
    check_length(len(corpus.text), config.model.context_length, validation)
    emit(Busy(f"counting {len(corpus.text):,} characters"))
    statistics = measure(corpus.text)
    train = split_at(len(corpus.text), validation)
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
            train_characters=train,
            validation_characters=statistics.characters - train,
            frequent=statistics.frequent,
            uniform_loss=math.log(len(statistics.vocabulary)),
            unigram_loss=statistics.unigram_entropy,
            bigram_loss=statistics.bigram_entropy,
        )
    )
    return "".join(statistics.vocabulary)


def _assemble(
    info: "RunInfo", text: str, saved: "SavedRun | None", emit: Emit, clock: Clock
) -> "RunContext":
    """Build what a run needs."""
    from engine.device import keep_freed_memory
    from engine.session.context import RunContext, check_state, compile_loops

    characters = info.corpus.characters
    keep_freed_memory()
    if saved is not None:
        check_state(saved.state, info.config, len(characters))
    emit(Busy("compiling for this machine (some seconds, the first time only)"))
    compile_loops()
    emit(Busy("measuring this machine"))
    opening = default_prompt(info.corpus.name, text)
    before = saved.manifest.machine if saved else None
    context = RunContext(info.config, text, characters, opening, clock, before)
    if saved is not None:
        context.trainer.load_state_dict(saved.state, saved.manifest.progress.step)
    emit(Busy(""))
    return context


def _differences(saved: "SavedRun", context: "RunContext") -> str:
    """One sentence on a machine that is not as it was, or nothing."""
    different = saved.manifest.machine.differences(context.machine)
    return (
        f"Not as it was trained before ({different}): last bits will differ." if different else ""
    )


def _tell_opened(
    context: "RunContext",
    name: str,
    info: "RunInfo",
    progress: "Progress",
    phase: Phase,
    note: str,
    emit: Emit,
) -> None:
    hardware = context.hardware
    emit(
        Opened(
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
        )
    )
