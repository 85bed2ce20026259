"""Saved runs as they are read to be exported or reported."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.session.forking import progress_at
from engine.session.loader import with_later_changes
from engine.session.run_state import plan_of
from engine.storage.history import read_history
from engine.storage.paths import folder_of
from engine.training.schedule import Position

if TYPE_CHECKING:  # imports torch, which is loaded with the first run or export
    from engine.export.source import Source


def source_of(wanted: str) -> "Source":
    """The run to read: "NAME", "NAME@best" or "NAME@STEP". ValueError, with a user-facing message,
    if there is no such run or step, or it cannot be read."""
    # torch, with the first of these, or the first run
    from engine.export.source import Source, model_of
    from engine.session.context import check_state
    from engine.storage.parent_run import load_parent
    from engine.storage.recorded_tokens import recorded_tokens
    from engine.storage.run_info import without_folder
    from engine.storage.saved_run import load_run

    name, _, step = wanted.rpartition("@")
    # What is exported depends on the weights alone: a changed text needs no confirmation.
    if name and step.isascii() and step.isdecimal():
        run = load_parent(name, int(step), changed_text=True)
        progress = run.progress or progress_at(run, read_history(run.folder, run.step))
        info, text, state, machine = run.info, run.text, run.state, run.machine
        tokenizer, other = run.tokenizer, run.other
    else:
        saved = load_run(wanted, changed_text=True)
        progress, name = saved.manifest.progress, saved.name
        info, text, state, other = saved.info, saved.text, saved.state, saved.other
        machine, tokenizer = saved.manifest.machine, saved.tokenizer
    folder, step_number = folder_of(name), progress.step
    progress = with_later_changes(progress, read_history(folder, step_number)).progress
    check_state({"model": state["model"]}, info.config, info.vocabulary)
    if info.trained_on is not None:
        info = replace(info, corpus=info.trained_on)
    return Source(
        name=name,
        folder=folder,
        info=without_folder(info),
        text=text,
        step=step_number,
        loss=progress.loss if progress.loss_is_current else None,
        context_length=plan_of(info.config, progress).context_length(
            Position(step_number, progress.elapsed)
        ),
        model=model_of(state["model"], info.config.model, len(tokenizer)),
        tokenizer=tokenizer,
        progress=progress,
        machine=machine,
        other=other,
        tokens=recorded_tokens(folder, info),
    )
