"""Opens a run, fresh or saved: its text first, which is told at once, then torch and the rest."""

import hashlib
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from data.catalog import Corpus
from data.catalog import load as load_corpus
from data.openings import opening_of
from engine.active_run import ActiveRun
from engine.config import RunConfig
from engine.protocol import (
    CorpusLoaded,
    Event,
    Extended,
    LearningRateChanged,
    Opened,
    Working,
)
from engine.splitting import check_length, split_at

if TYPE_CHECKING:
    from engine.checkpoints import Progress
    from engine.runs import Run, RunInfo, SavedRun

Emit = Callable[[Event], None]
Clock = Callable[[], float]


def open_fresh(config: RunConfig, emit: Emit, clock: Clock) -> ActiveRun:
    """A run at step 0. ValueError, in a sentence, for a text or a config that cannot be used."""
    emit(Working(f"reading {config.corpus}"))
    corpus = load_corpus(config.corpus)
    # A file's name need not be UTF-8, and JSON is: events and run.json name it with a "?".
    recorded = config.corpus.encode("utf-8", "replace").decode()
    config = replace(config, corpus=recorded)
    characters = _tell(corpus, config, emit)

    emit(Working("loading torch"))
    from engine.checkpoints import Progress
    from engine.runs import CorpusInfo, Run, new_info

    digest = hashlib.sha256(corpus.text.encode("utf-8", "surrogatepass")).hexdigest()
    info = new_info(
        config,
        CorpusInfo(corpus.name, corpus.source, corpus.license, digest),
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
    return _assemble(Run(), info, corpus.text, characters, progress, None, emit, clock)


def open_saved(name: str, emit: Emit, clock: Clock) -> ActiveRun:
    """A run as it was saved. ValueError, in a sentence, when it cannot be read."""
    emit(Working(f"opening {name}, loading torch"))
    from engine.runs import Run, load

    saved = load(name)
    corpus = Corpus(
        name=saved.info.corpus.name,
        text=saved.text,
        source=saved.info.corpus.source,
        license=saved.info.corpus.license,
    )
    characters = _tell(corpus, saved.info.config, emit)
    run = Run(name, saved)
    progress = caught_up(saved.manifest.progress, saved.events)
    active = _assemble(run, saved.info, saved.text, characters, progress, saved, emit, clock)
    for event in saved.events:
        emit(event)
    return active


def caught_up(progress: "Progress", events: Iterable[Event]) -> "Progress":
    """The progress of a checkpoint, with what a person has changed since, before the next step."""
    for event in events:
        match event:
            case LearningRateChanged(_, learning_rate):
                progress = replace(progress, learning_rate=learning_rate)
            case Extended(_, steps, minutes):
                progress = replace(progress, steps=steps, minutes=minutes)
            case _:
                pass
    return progress


def out_of_memory(error: Exception) -> bool:
    """Whether torch failed for want of memory: on a CPU that is a RuntimeError like any other."""
    return "DefaultCPUAllocator" in str(error) or type(error).__name__ == "OutOfMemoryError"


def _tell(corpus: Corpus, config: RunConfig, emit: Emit) -> str:
    """Count the text and tell what is in it; its distinct characters."""
    from data.statistics import measure  # brings numpy

    validation = config.train.validation
    check_length(len(corpus.text), config.model.context_length, validation)
    emit(Working(f"counting {len(corpus.text):,} characters"))
    statistics = measure(corpus.text)
    train = split_at(len(corpus.text), validation)
    emit(
        CorpusLoaded(
            name=corpus.name,
            source=corpus.source,
            license=corpus.license,
            note=corpus.note,
            opening=opening_of(corpus.name, corpus.text),
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
    run: "Run",
    info: "RunInfo",
    text: str,
    characters: str,
    progress: "Progress",
    saved: "SavedRun | None",
    emit: Emit,
    clock: Clock,
) -> ActiveRun:
    """Build what a run needs, tell that it is open, and hand it over."""
    from engine.assembly import Assembly, check_state, compile_loops
    from engine.hardware import keep_freed_memory

    keep_freed_memory()
    if saved is not None:
        check_state(saved.state, info.config, len(characters))
    emit(Working("compiling for this machine (some seconds, the first time only)"))
    compile_loops()
    emit(Working("measuring this machine"))
    opening = opening_of(info.corpus.name, text)
    before = saved.manifest.machine if saved else None
    assembly = Assembly(info.config, text, characters, opening, clock, before)
    notes = []
    if saved is not None:
        assembly.trainer.load_state_dict(saved.state, progress.step)
        notes = [saved.note] if saved.note else []
        if different := saved.manifest.machine.differences(assembly.machine):
            notes.append(f"Not as it was trained before ({different}): last bits will differ.")
    emit(Working(""))
    hardware = assembly.hardware
    emit(
        Opened(
            run=run.name,
            config=info.config,
            phase=progress.phase,
            step=progress.step,
            steps=progress.steps,
            elapsed=progress.elapsed,
            learning_rate=progress.learning_rate,
            parameters=sum(p.numel() for p in assembly.trainer.model.parameters()),
            device=hardware.device.type,
            threads=hardware.threads,
            precision=hardware.precision_name,
            choice=hardware.reason,
            note=" ".join(notes),
        )
    )
    return ActiveRun(assembly, run, info, text, progress, emit, clock)
