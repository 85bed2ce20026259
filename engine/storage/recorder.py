"""What a run brings, kept on disk: when it becomes ours to write, what is not saved yet, and the
sentence for the person when the disk says no."""

import errno
import shutil
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.protocol import RECORDED, Event

if TYPE_CHECKING:  # torch comes with the first run, not with this file
    from engine.session.context import RunContext
    from engine.storage.checkpoints import Progress
    from engine.storage.run import Run, RunInfo

CHECKPOINTS_ROOM = 4
"""Checkpoints that must fit on the disk: those that are kept, and the next."""
FLUSH = 1.0
"""Seconds between two times that the history is handed to the system."""


class SaveError(Exception):
    """A sentence on what could not be written, and why."""


class Recorder:
    """Writes one run. Every method that writes raises SaveError, and may be tried again."""

    def __init__(
        self,
        context: "RunContext",
        run: "Run",
        info: "RunInfo",
        text: str,
        clock: Callable[[], float],
    ) -> None:
        self._assembly = context
        self._run = run
        self._info = info
        self._text = text
        self._clock = clock
        self._flushed_at = clock()
        self.dirty = False  # something has happened since the last checkpoint
        self.failed = False  # the last checkpoint could not be written

    @property
    def name(self) -> str:
        return self._run.name

    @property
    def folder(self) -> str:
        return str(self._run.folder)

    @property
    def begun(self) -> bool:
        """Whether this program writes it."""
        return self._run.begun

    @property
    def unsaved(self) -> bool:
        """Whether something is not in the newest checkpoint, or that is gone."""
        return self.dirty or self._run.gone

    def record(self, event: Event) -> None:
        """Keep an event for the run's history."""
        self._run.record(event)
        self.dirty = self.dirty or isinstance(event, RECORDED)

    def rename(self, name: str) -> None:
        """Give it another name. ValueError, in a sentence; OSError where its folder stays."""
        self._run.rename(name)

    def annotate(self, note: str) -> None:
        """Keep a note with it, from its first step on. ValueError, in a sentence; OSError."""
        self._info = self._run.annotate(self._info, note)

    def begin(self) -> None:
        """Make the run ours to write, if it is not."""
        if not self.begun:
            self._begin(self._run.begin)

    def _begin(self, begin: Callable[["RunInfo", str, int], None]) -> None:
        room = CHECKPOINTS_ROOM * self._assembly.checkpoint_bytes + 4 * len(self._text)
        try:
            begin(self._info, self._text, room)
        except OSError as error:
            raise SaveError(self._sentence(error)) from None
        except ValueError as error:
            raise SaveError(str(error)) from None

    def checkpoint(self, progress: "Progress") -> None:
        """Write all that the next step depends on. Where the run's files are gone that is told
        first; the next time they are written anew."""
        if self.failed and self._run.gone:
            self._begin(self._run.begin_anew)
        state = self._assembly.trainer.state_dict()
        try:
            self._run.save(progress, self._assembly.machine, state)
        except OSError as error:
            self.failed = True
            raise SaveError(self._sentence(error)) from None
        self.dirty = self.failed = False

    def flush(self) -> None:
        """Hand the history to the system, about once a second."""
        if self._clock() - self._flushed_at < FLUSH:
            return
        try:
            self._run.flush()
        except OSError as error:
            self.failed = self._run.gone
            raise SaveError(self._sentence(error)) from None
        finally:
            self._flushed_at = self._clock()

    def close(self) -> None:
        """Let others write. A fresh run that took no step leaves no trace."""
        if not self._assembly.trainer.step_number:
            self._run.discard()
        self._run.close()

    def _sentence(self, error: OSError) -> str:
        reason = error.strerror or str(error)
        where = error.filename or self._run.folder
        room = ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            room = f" It needs {self._assembly.checkpoint_bytes / 1e6:,.0f} MB."
            folder = self._run.folder
            with suppress(OSError, StopIteration):
                there = next(path for path in (folder, *folder.parents) if path.exists())
                free = shutil.disk_usage(there).free
                room = f"{room[:-1]}; {free / 1e6:,.0f} MB are free."
        return f"The run could not be saved: {where}: {reason}.{room}"
