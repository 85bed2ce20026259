"""Forks a run: a new one that begins where another was at an earlier step, with other settings."""

from collections.abc import Iterable
from math import isfinite
from typing import TYPE_CHECKING

from msgspec.structs import replace

from data.catalog import Corpus
from data.safe_text import safe_text
from data.text import Text
from engine.changes import change_in_fork, check_fork
from engine.config import RunConfig, override
from engine.protocol import Busy, Evaluated, Event, Fork, Forked, StepDone
from engine.session.active_run import ActiveRun
from engine.session.building import (
    Start,
    activate,
    build_context,
    fresh_progress,
    machine_note,
    recordable,
    report_corpus,
)
from engine.session.loader import with_later_changes
from engine.session.opened_run import Clock, Emit
from engine.session.other_text import OtherText, load_other
from engine.session.run_state import plan_of
from engine.session.text_loading import (
    Interrupted,
    Reporter,
    holdout_of,
    kept_corpus,
    load_text,
    never,
)
from engine.storage.corpus_text import sha256_of
from engine.storage.history import Origin, read_history
from engine.storage.manifest import Progress
from engine.storage.run_info import CorpusInfo, Parent
from engine.text_config import TextConfig
from engine.training.schedule import Position

if TYPE_CHECKING:  # imports torch, which is loaded after it was announced
    from engine.storage.checkpoints import State
    from engine.storage.parent_run import ParentRun


def open_fork(
    command: Fork, emit: Emit, clock: Clock, *, saving: bool, interrupted: Interrupted = never
) -> ActiveRun:
    """A new run at a step of another. ValueError, with a user-facing message, if that run or that
    step cannot be read, or the changes cannot be made; StoppedError."""
    check_fork(command.assignments)
    emit(Busy(f"forking {command.run}, loading torch"))
    # torch, after it was announced
    from engine.storage.parent_run import load_parent
    from engine.storage.run import Run, new_info

    report = Reporter(emit, interrupted)
    parent = load_parent(command.run, command.step, report)
    origin = Origin(parent.folder, parent.step)
    progress = parent.progress or progress_at(parent, read_history(*origin))
    changes = with_later_changes(progress, read_history(*origin))
    changes.check(parent.name)
    config, learning_rate = change_in_fork(
        parent.info.config, changes.progress.learning_rate, command.assignments
    )
    progress = _planned(changes.progress, config, command.assignments)
    text, corpus, config = _text_of(command, parent, config, report)
    config, other = _trained_on(command, parent, config, text.text)
    if command.corpus:
        progress = replace(progress, evaluated=-1, loss=None, best_loss=None, taught="")
    report_corpus(text, corpus.sha256, config, emit, other)
    tokenizer = parent.tokenizer
    info = new_info(config, corpus, tokenizer, Parent(parent.name, parent.step), other.info)
    lesson = None if command.corpus else changes.lesson
    state = parent.state
    if config.train.optimizer != parent.info.config.train.optimizer:
        state = {"model": state["model"]}
    before, prompt = parent.machine, changes.excerpt_prompt
    start = Start(state, before, parent.step, progress.skipped, lesson, prompt)
    context = build_context(info, text.text, tokenizer, start, emit, clock, other.text, report)
    run = Run(origin=None if command.corpus else origin, tokenizer=tokenizer, other=other.text)
    return activate(
        context,
        run,
        info,
        text.text,
        progress,
        emit,
        clock,
        saving=saving,
        notes=(_note(parent, state), machine_note(before, context)),
        # Losses on another text are no part of its curve.
        history=() if command.corpus else read_history(*origin),
        forked=Forked(parent.step, parent.name),
        learning_rate=learning_rate,
    )


def progress_at(parent: "ParentRun", events: Iterable[Event]) -> Progress:
    """The progress of a run at a step of which only the weights were kept, from its history up to
    there."""
    progress = replace(fresh_progress(parent.info.config), step=parent.step)
    for event in events:
        match event:
            case StepDone():
                progress = replace(progress, elapsed=event.elapsed)
            case Evaluated(step, loss) if isfinite(loss):
                best = loss if progress.best_loss is None else min(loss, progress.best_loss)
                progress = replace(progress, evaluated=step, loss=loss, best_loss=best)
            case _:
                pass
    return progress


def _planned(progress: Progress, config: RunConfig, assignments: Iterable[str]) -> Progress:
    """The progress with another planned length, if the assignments name one. ValueError, with a
    user-facing message, for one that is over already."""
    keys = {assignment.partition("=")[0].strip() for assignment in assignments}
    if not keys & {"train.steps", "train.minutes"}:
        return progress
    train = config.train
    progress = replace(
        progress, steps=train.steps, minutes=train.minutes, extended=None, done=False
    )
    if plan_of(config, progress).is_over(Position(progress.step, progress.elapsed)):
        length = f"{train.minutes:g} minutes" if train.minutes else f"{train.steps:,} steps"
        raise ValueError(
            f"The fork begins at step {progress.step:,}, after {progress.elapsed / 60:.1f} minutes: "
            f"a run of {length} is over there."
        )
    return progress


def _text_of(
    command: Fork, parent: "ParentRun", config: RunConfig, report: Reporter
) -> tuple[Corpus, CorpusInfo, RunConfig]:
    """The text of a fork, what run.json says of it, and the config with it. ValueError, with a
    user-facing message, if it has characters that the model does not know."""
    source = parent.info.corpus
    if not command.corpus:
        if parent.info.trained_on is not None:
            raise ValueError(
                f"The text of the run {parent.name!r} is not here: name a text for the fork."
            )
        return kept_corpus(parent.info, parent.text), source, config
    from engine.storage.saved_run import characters_with, unknown_in  # torch, as above

    text = load_text(command.corpus, command.reading, report, holdout_of(config))
    unknown = unknown_in(text.text, parent.tokenizer)
    if unknown:
        raise ValueError(
            f"The text {command.corpus!r} has characters that the model of {parent.name!r} does not "
            f"know: {safe_text(unknown[:20])}"
        )
    info = replace(
        source,
        name=text.name,
        source=text.source,
        license=text.license,
        sha256=sha256_of(text.text),
        characters=characters_with(parent.tokenizer, text.text),
        documents=text.documents,
        held_out=text.held_out,
    )
    config = replace(
        config,
        corpus=command.corpus,
        reading=command.reading,
        held_out_from=text.train_characters,
    )
    return text, info, recordable(config)


def _trained_on(
    command: Fork, parent: "ParentRun", config: RunConfig, own: Text
) -> tuple[RunConfig, OtherText]:
    """What a fork is trained on in place of its text, and the config with that: as its parent, unless
    it has another text or settings of its own. ValueError, with a user-facing message, if it cannot be
    used."""
    assignments = [one for one in command.assignments if one.strip().startswith("text.")]
    if command.corpus:
        config = override(replace(config, text=TextConfig()), assignments)
    elif not any(one.partition("=")[0].strip() == "text.train_on" for one in assignments):
        return config, OtherText(parent.other, parent.info.other)
    return recordable(config), load_other(config, own, parent.info.corpus.characters)


def _note(parent: "ParentRun", state: "State") -> str:
    fresh = "" if "optimizer" in state else ", with a fresh optimizer"
    return f"Forked from {parent.name} at step {parent.step:,}{fresh}."
