"""When a run is written: from its first step on, with its history about once a second, and with a
user-facing message if the disk refuses."""

import errno
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING

from engine.protocol import RECORDED, Event
from engine.storage.paths import NoSpaceError, free_space

if TYPE_CHECKING:  # torch is loaded with the first run, not with this module
    from data.text import Text
    from engine.device import Machine
    from engine.storage.checkpoints import State
    from engine.storage.ladder_file import Rungs
    from engine.storage.manifest import Progress
    from engine.storage.run import Run
    from engine.storage.run_info import RunInfo

CHECKPOINT_INTERVAL = 50.0
"""Seconds between two checkpoints, at most: with a step or two that is less than a minute unsaved."""
SAVING_SHARE = 0.02
"""Fraction of the time that checkpoints may take, unless they are asked for."""
FLUSH_INTERVAL = 1.0
"""Seconds between two writes of the history."""
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
WAY_OUT = " TINYGPT_HOME names another folder for runs, and --no-save trains without saving."


class SaveError(Exception):
    """A user-facing message on what could not be written, and why."""


class Recorder:
    """Writes one run. Every method that writes raises SaveError, and may be tried again."""

    def __init__(
        self,
        run: "Run",
        info: "RunInfo",
        text: "Text",
        *,
        state: "Callable[[], State]",
        machine: "Callable[[], Machine]",
        checkpoint_bytes: int,
        clock: Callable[[], float],
        saves: bool,
    ) -> None:
        """`state` gives the tensors for a checkpoint, which take `checkpoint_bytes`; `machine` where
        they are computed. `saves`: whether anything is written at all."""
        self._run = run
        self._info = info
        self._text = text
        self._state = state
        self._machine = machine
        self.checkpoint_bytes = checkpoint_bytes
        self._clock = clock
        self.saves = saves
        self._flushed_at = clock()
        self._next_checkpoint = clock() + CHECKPOINT_INTERVAL
        self.dirty = False
        """Whether something has happened since the last checkpoint."""
        self.failed = False
        """Whether the last save has failed."""

    @property
    def name(self) -> str:
        """The name of the run."""
        return self._run.name

    @property
    def folder(self) -> str:
        """The path of the run's folder."""
        return str(self._run.folder)

    @property
    def created(self) -> str:
        """When the run was created, as in its `run.json`."""
        return self._info.created

    @property
    def is_writing(self) -> bool:
        """Whether this program writes the run."""
        return self._run.is_writing

    @property
    def is_new(self) -> bool:
        """Whether it is no saved run, of which there are checkpoints."""
        return self._run.is_new

    @property
    def is_missing(self) -> bool:
        """Whether the run's files have been moved or deleted while this program was writing it."""
        return self._run.is_missing

    @property
    def unsaved(self) -> bool:
        """Whether something is not in the newest checkpoint, or the run's files are missing."""
        return self.dirty or self._run.is_missing

    def record(self, event: Event) -> None:
        """Add an event to the run's history, if it is of a recorded kind."""
        if self.saves:
            self._run.record(event)
            self.dirty = self.dirty or isinstance(event, RECORDED)

    @property
    def checkpoint_is_due(self) -> bool:
        """Whether the newest checkpoint is so old that the next is not to wait for an evaluation."""
        return self.is_writing and self.dirty and self._clock() >= self._next_checkpoint

    def rename(self, name: str) -> None:
        """Rename the run. ValueError, with a user-facing message; OSError leaves the folder as it
        is."""
        self._run.rename(name)

    def annotate(self, note: str) -> None:
        """Set the run's note. ValueError, with a user-facing message; OSError."""
        self._info = self._run.annotate(self._info, note)

    def keep_ladder(self, rungs: "Rungs") -> bool:
        """Keep the ladder with the run, be it trained here or only looked at; False while the run is
        not on the disk."""
        if not self.saves or (self.is_new and not self.is_writing):
            return False
        self._run.keep_ladder(self._info, rungs)
        return True

    def start_writing(self) -> None:
        """Acquire the run, unless this program writes it already, or nothing is saved."""
        if self.saves and not self.is_writing:
            self._start(self._run.start_writing)
            self._flushed_at = -inf  # what was changed before is on the disk before a step is taken
            self.flush()

    def _start(self, start: Callable[["RunInfo", "Text", int], None]) -> None:
        try:
            start(self._info, self._text, self.checkpoint_bytes)
        except NoSpaceError as error:
            raise SaveError(f"{error}{WAY_OUT}") from None
        except OSError as error:
            raise SaveError(self._message(error)) from None
        except ValueError as error:
            raise SaveError(str(error)) from None

    def checkpoint(self, progress: "Progress") -> None:
        """Save a checkpoint. If the run's files are missing, the first attempt reports that and the
        next writes them again. Nothing where nothing is saved."""
        if not self.saves:
            return
        began = self._clock()
        if self.failed and self._run.is_missing:
            self._start(self._run.write_again)
        try:
            self._run.save(progress, self._machine(), self._state())
        except OSError as error:
            self.failed = True
            raise SaveError(self._message(error)) from None
        finally:
            ended = self._clock()
            pause = max(CHECKPOINT_INTERVAL, (ended - began) / SAVING_SHARE)
            self._next_checkpoint = ended + pause
        self.dirty = self.failed = False

    def flush(self) -> None:
        """Write the history to its file, at most once per FLUSH_INTERVAL."""
        if self._clock() - self._flushed_at < FLUSH_INTERVAL:
            return
        try:
            self._run.flush()
        except OSError as error:
            self.failed = self._run.is_missing
            raise SaveError(self._message(error)) from None
        finally:
            self._flushed_at = self._clock()

    def close(self, *, discard: bool) -> None:
        """Release the run. `discard`: delete it, unless it was there before."""
        if discard:
            self._run.discard()
        self._run.close()

    def _message(self, error: OSError) -> str:
        reason = error.strerror or str(error)
        where = error.filename or self._run.folder
        space = ""
        if error.errno in NO_SPACE:
            space = f" It needs {self.checkpoint_bytes / 1e6:,.0f} MB."
            with suppress(OSError):
                free = free_space(self._run.folder)
                space = f"{space[:-1]}; {free / 1e6:,.0f} MB are free."
        way_out = WAY_OUT if error.errno in (*NO_SPACE, *READ_ONLY) else ""
        return f"The run could not be saved: {where}: {reason}.{space}{way_out}"
