"""Opens a run, fresh or saved: its text first, which is reported at once, then torch and the rest."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from engine.changes import change
from engine.config import RunConfig
from engine.protocol import (
    Busy,
    ConfirmationRequired,
    Event,
    Excerpt,
    Extended,
    LadderMeasured,
    LearningRateChanged,
    OpenRun,
    Taught,
)
from engine.session.active_run import ActiveRun
from engine.session.building import (
    Start,
    activate,
    build_context,
    fresh_progress,
    machine_note,
    opened_event,
    recordable,
    report_corpus,
    report_parent,
    text_note,
)
from engine.session.followed_run import FollowedRun
from engine.session.ladder import per_token
from engine.session.opened_run import Clock, Emit
from engine.session.other_text import OtherText, load_other
from engine.session.run_state import extended
from engine.session.text_loading import (
    Interrupted,
    Reporter,
    holdout_of,
    info_of,
    kept_corpus,
    load_text,
    never,
)
from engine.storage.corpus_text import sha256_of
from engine.storage.history import HistoryReader, read_history
from engine.storage.ladder_file import read_ladder
from engine.storage.lock import RunLock
from engine.storage.manifest import Progress
from engine.storage.paths import folder_of
from engine.storage.run_info import RunInfo
from engine.storage.teaching import Lesson, continued, digest_of

if TYPE_CHECKING:  # imports torch, which is loaded after the text has been reported
    from engine.session.context import RunContext
    from engine.storage.saved_run import SavedRun


_OTHERS_SETTINGS = (
    "Another program trains the run {name!r} ({holder}): its settings cannot be changed here."
)


def open_fresh(
    config: RunConfig,
    emit: Emit,
    clock: Clock,
    *,
    saving: bool,
    interrupted: Interrupted = never,
) -> ActiveRun:
    """A run at step 0. `saving`: whether it is ever written. ValueError, with a user-facing message,
    if text or config cannot be used; StoppedError."""
    emit(Busy(f"reading {config.corpus}"))
    report = Reporter(emit, interrupted)
    corpus = load_text(config.corpus, config.reading, report, holdout_of(config))
    config = replace(config, held_out_from=corpus.train_characters)
    named, config = config, recordable(config)
    digest = sha256_of(corpus.text)
    other = load_other(named, corpus.text, corpus.text)
    characters = report_corpus(corpus, digest, config, emit, other)

    emit(Busy("loading torch"))
    # torch, after the text is counted
    from engine.session.encoding import learned_tokenizer
    from engine.storage.run import Run, new_info

    tokenizer = learned_tokenizer(config, characters, corpus.text, emit)
    source = info_of(corpus, digest, characters)
    info = new_info(config, source, tokenizer, other=other.info)
    progress = fresh_progress(config)
    run = Run(tokenizer=tokenizer, other=other.text)
    context = build_context(info, corpus.text, tokenizer, None, emit, clock, other.text, report)
    return activate(context, run, info, corpus.text, progress, emit, clock, saving=saving)


def open_saved(
    command: OpenRun,
    emit: Emit,
    clock: Clock,
    *,
    saving: bool,
    interrupted: Interrupted = never,
    follows: bool = False,
    kind: type[ActiveRun] = ActiveRun,
) -> ActiveRun | FollowedRun | None:
    """A run as it was saved (see `engine.storage.saved_run.load_run`), followed if another program
    trains it, or if this one only `follows`. `kind`: what is made of one that is trained here.

    None if the user has to confirm it first, which is asked for by an event. ValueError, with a
    user-facing message, if the run cannot be read; StoppedError.
    """
    emit(Busy(f"opening {command.name}, loading torch"))
    # torch, after it was announced
    from engine.storage.run import Run

    report = Reporter(emit, interrupted)
    saved = _loaded(command, emit, report)
    if saved is None:
        return None
    step = saved.manifest.progress.step
    run = Run(saved.name, saved)
    lock, reader = RunLock(run.folder), HistoryReader(run.folder)
    holder = lock.held_elsewhere()
    if holder and command.assignments:
        raise ValueError(_OTHERS_SETTINGS.format(name=run.name, holder=holder))
    # Read here, and again below to be emitted: it may be too long for the memory.
    changes = with_later_changes(saved.manifest.progress, read_history(run.folder, step))
    changes.check(run.name)
    progress = changes.progress
    config, rate = change(saved.info.config, progress.learning_rate, command.assignments)
    info = replace(saved.info, config=config)
    _report_saved(saved, info, emit)
    prompt, before = changes.excerpt_prompt, saved.manifest.machine
    start = Start(saved.state, before, step, progress.skipped, changes.lesson, prompt)
    parts = (info, saved.text, saved.tokenizer, start)
    context = build_context(*parts, emit, clock, saved.other, report)
    if holder or follows:
        _report_followed(context, run.name, info, progress, holder, emit)
        return FollowedRun(context, saved, lock, reader, emit, clock, stays=follows)
    return activate(
        context,
        run,
        info,
        saved.text,
        progress,
        emit,
        clock,
        saving=saving,
        notes=(saved.note, text_note(info), machine_note(start.machine, context)),
        history=read_history(run.folder, step),
        learning_rate=rate,
        kind=kind,
    )


def _loaded(command: OpenRun, emit: Emit, report: Reporter) -> "SavedRun | None":
    """The run from its files; None if the user has to confirm it first, which is asked for."""
    # torch, after it was announced
    from engine.storage.saved_run import ChangedTextError, load_run

    try:
        return load_run(command.name, report, changed_text=command.changed_text)
    except ChangedTextError as error:
        emit(Busy(""))
        confirmed = replace(command, changed_text=True)
        emit(ConfirmationRequired(f"{error} Open it all the same?", confirmed))
        return None


def _report_saved(saved: "SavedRun", info: RunInfo, emit: Emit) -> None:
    """Report the text of a saved run."""
    corpus, other = kept_corpus(info, saved.text), OtherText(saved.other, info.other)
    report_corpus(corpus, info.corpus.sha256, info.config, emit, other)


def _report_followed(
    context: "RunContext", name: str, info: RunInfo, progress: Progress, holder: str, emit: Emit
) -> None:
    """Report that a run is open and followed. `holder`: who trains it; empty: nobody."""
    trained = f"Another program trains this run ({holder})" if holder else "Nobody trains this run"
    note = f"{trained}: here it is followed, p lets it write."
    emit(opened_event(context, name, info, progress, "following", note))
    rungs = read_ladder(folder_of(name), info)
    if rungs is not None:
        emit(LadderMeasured(per_token(rungs, context.tokens), complete=True))
    report_parent(info, emit)


class LaterChanges(NamedTuple):
    """Where a run stands at a checkpoint, with what its history says besides."""

    progress: Progress
    excerpt_prompt: str | None  # of the last one
    lesson: Lesson | None
    lost: bool  # the history does not have the text that the checkpoint names

    def check(self, name: str) -> None:
        """ValueError, with a user-facing message, if the run cannot be trained as before."""
        if self.lost:
            raise ValueError(
                f"The run {name!r} cannot be continued: the text that it was taught is missing from "
                "its history (metrics.jsonl), or has been changed there."
            )


def with_later_changes(progress: Progress, events: Iterable[Event]) -> LaterChanges:
    """The progress of a checkpoint, with the changes that the user made after it was written, and
    what else is to be known of its history."""
    excerpt_prompt, lesson, known = None, None, {""}
    expected = progress.taught
    for event in events:
        lesson = continued(lesson, event)
        match event:
            case Taught():
                progress = replace(progress, taught=digest_of(event))
                known.add(progress.taught)
            case LearningRateChanged(_, learning_rate):
                progress = replace(progress, learning_rate=learning_rate)
            case Extended():
                progress = replace(extended(progress, event), done=False)
            case Excerpt():
                excerpt_prompt = event.prompt
            case _:
                pass
    return LaterChanges(progress, excerpt_prompt, lesson, expected not in known)
