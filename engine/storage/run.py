"""The folder of a run, as the program that trains the run writes it."""

import errno
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata

from data.text import Text
from engine.config import RunConfig
from engine.device import Machine
from engine.model.tokenizer import Tokenizer
from engine.protocol import Event
from engine.storage.atomic import clear_unfinished, make_folder, rename_folder, replace_file
from engine.storage.checkpoints import MOST_KEPT, State, set_aside, write_checkpoint
from engine.storage.corpus_text import FILE, OTHER, has_written, utf8_chunks
from engine.storage.history import History, Origin
from engine.storage.ladder_file import Rungs, write_ladder
from engine.storage.lock import RunLock, locked
from engine.storage.manifest import Progress, checkpoints_of
from engine.storage.moments import drop_after
from engine.storage.names import new_name
from engine.storage.paths import NoSpaceError, folder_of, free_folder, free_space, runs_folder
from engine.storage.run_info import (
    FORMAT,
    TIME_FORMAT,
    TOKENIZER_FILE,
    CorpusInfo,
    Parent,
    RunInfo,
    read_info,
    with_note,
    write_info,
)
from engine.storage.saved_run import SavedRun
from engine.storage.tokenizer_file import info_of

SPACE_MARGIN = 1_000_000
"""Bytes that stay free for the history, and for what other programs write."""


class Run:
    """A run that can be written. Nothing is written before `start_writing`."""

    def __init__(
        self,
        name: str | None = None,
        saved: SavedRun | None = None,
        origin: Origin | None = None,
        tokenizer: Tokenizer | None = None,
        other: str = "",
    ) -> None:
        """`name` and `saved` are those of a saved run; without them, a new run chooses a name. A
        new run begins with the history of `origin`, and has this `tokenizer`. `other`: the text that
        it is trained on in place of its own."""
        self.name = name or new_name({p.name for p in runs_folder().glob("*")})
        self.folder = folder_of(self.name)
        self._saved = saved
        self._other = saved.other if saved else other
        self._history = History(saved.manifest.progress.step if saved else None, origin)
        self._lock: RunLock | None = None
        tokenizer = saved.tokenizer if saved else tokenizer
        self._tokenizer_file = tokenizer.file if tokenizer else b""

    @property
    def is_writing(self) -> bool:
        """Whether this program holds the run's lock and writes it."""
        return self._lock is not None

    @property
    def is_new(self) -> bool:
        """Whether it is no saved run, of which there are checkpoints."""
        return self._saved is None

    @property
    def is_missing(self) -> bool:
        """Whether its files have been moved or deleted while this program was writing it."""
        return self._lock is not None and not (
            self._lock.is_in(self.folder) and (self.folder / "run.json").exists()
        )

    def start_writing(self, info: RunInfo, text: Text, checkpoint_bytes: int) -> None:
        """Acquire the lock and bring the folder into the state from which the run continues.

        ValueError, with a user-facing message, if another program holds the run or has trained it
        meanwhile; NoSpaceError if checkpoints of `checkpoint_bytes` do not fit on the disk; OSError
        if it cannot be written.
        """
        self._check_space(text, checkpoint_bytes)
        make_folder(self.folder)
        lock = RunLock(self.folder)
        lock.acquire()
        try:
            _clear_deleted()
            clear_unfinished(self.folder)
            if self._saved is None:
                replace_file(self.folder / FILE, utf8_chunks(text))
                has_written(self.folder, text)
                if info.other is not None:
                    replace_file(self.folder / OTHER, utf8_chunks(self._other))
                if self._tokenizer_file:
                    replace_file(self.folder / TOKENIZER_FILE, [self._tokenizer_file])
                write_info(self.folder, info)
            else:
                self._prepare_saved(self._saved, info)
            self._history.open(self.folder)
        except BaseException:
            lock.release()
            raise
        self._lock = lock

    def _check_space(self, text: Text, checkpoint_bytes: int) -> None:
        """NoSpaceError if the disk has no room for what comes to the files that are there: the
        checkpoints that will be kept, and one more until the oldest is deleted."""
        needed, kept = SPACE_MARGIN, 0
        if self._saved is None:
            needed += sum(len(chunk) for one in (text, self._other) for chunk in utf8_chunks(one))
        else:
            kept = len(self._saved.checkpoints) - len(self._saved.dropped)
        needed += max(1, MOST_KEPT + 1 - kept) * checkpoint_bytes
        free = free_space(self.folder)
        if free < needed:
            raise NoSpaceError(
                f"To save this run takes {needed / 1e6:,.0f} MB in {self.folder}, "
                f"where {free / 1e6:,.0f} MB are free."
            )

    def _prepare_saved(self, saved: SavedRun, info: RunInfo) -> None:
        """Have the folder of a saved run agree with what was opened."""
        clear_unfinished(self.folder / "checkpoints")
        if checkpoints_of(self.folder) != saved.checkpoints:
            raise ValueError(
                f"The run {self.name!r} has been trained by another program meanwhile: open it again."
            )
        if saved.changed_text or saved.info.format != FORMAT or saved.info != info:
            write_info(self.folder, info)
        set_aside(saved.dropped)
        drop_after(self.folder, saved.manifest.progress.step)

    def write_again(self, info: RunInfo, text: Text, checkpoint_bytes: int) -> None:
        """Write a run whose files are missing once more, with its whole history. Errors as from
        `start_writing`."""
        old_lock, self._saved = self._lock, None
        assert old_lock is not None, "only a run that was being written can go missing"
        self.start_writing(info, text, checkpoint_bytes)
        old_lock.release()

    def record(self, event: Event) -> None:
        """Add an event to the history."""
        self._history.record(event)

    def flush(self) -> None:
        """Write the history to its file. OSError keeps the rest for the next attempt."""
        self._check_present()
        self._history.flush()

    def save(self, progress: Progress, machine: Machine, state: State) -> None:
        """Write a checkpoint. OSError leaves the previous one in place."""
        assert self.is_writing, "only the holder of the lock may write"
        self._check_present()
        self._history.sync()
        write_checkpoint(self.folder, progress, machine, state)

    def _check_present(self) -> None:
        if self.is_missing:
            raise FileNotFoundError(
                errno.ENOENT,
                "moved or deleted while it was open; the next save writes it again",
                str(self.folder),
            )

    def rename(self, name: str) -> None:
        """Rename it. ValueError, with a user-facing message; OSError leaves the folder as it is."""
        target = free_folder(name)
        with self._locked() as on_disk:
            if on_disk:
                rename_folder(self.folder, target)
        if self._saved is not None:
            self._saved = self._saved.moved_to(target)
        self.name, self.folder = name, target

    def annotate(self, info: RunInfo, note: str) -> RunInfo:
        """Set its note; returns the info for `start_writing`. ValueError, with a user-facing message;
        OSError if it cannot be written."""
        annotated = with_note(info, note)
        with self._locked() as on_disk:
            if self.is_writing:
                write_info(self.folder, annotated)
            elif on_disk:  # the settings it was opened with are written when it is trained
                write_info(self.folder, with_note(read_info(self.folder), note))
        return annotated

    def keep_ladder(self, info: RunInfo, rungs: Rungs) -> None:
        """Write its ladder, if it is on the disk and no other program writes it: otherwise that is
        measured again."""
        if not (self.folder / "run.json").exists():  # taking the lock would make a folder
            return
        with suppress(ValueError, OSError), self._locked() as on_disk:
            if on_disk:
                write_ladder(self.folder, info, rungs)

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Whether it is on disk; if so, no other program can write it meanwhile."""
        if self.is_writing or self._saved is None:
            yield self.is_writing
        else:
            with locked(self.folder):
                yield True

    def discard(self) -> None:
        """Delete what a new run has written; a saved run stays."""
        if self.is_writing and self._saved is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Stop writing and release the lock."""
        self._history.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def new_info(
    config: RunConfig,
    corpus: CorpusInfo,
    tokenizer: Tokenizer,
    parent: Parent | None = None,
    other: CorpusInfo | None = None,
) -> RunInfo:
    """The `run.json` of a new run."""
    created = time.strftime(TIME_FORMAT, time.gmtime())
    version, tokens = metadata.version("torch"), info_of(tokenizer)
    return RunInfo(config, corpus, version, created, parent=parent, other=other, tokenizer=tokens)


def _clear_deleted() -> None:
    """Finish deletions that were interrupted."""
    for folder in runs_folder().glob(".*.deleted"):
        shutil.rmtree(folder, ignore_errors=True)
