"""Keeps the weights of a run from time to time, to look back at: after its first steps (0, 1, 2, 4,
8, ...) and at every evaluation."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.protocol import Failed, MomentsKept
from engine.session.opened_run import Clock, Emit
from engine.session.run_state import RunState
from engine.storage.moment_files import Moment, is_regular, moments_of
from engine.storage.paths import free_space
from engine.storage.recorder import Recorder

if TYPE_CHECKING:  # imports torch, which the session loads with the first run
    from torch import Tensor

    from engine.model.gpt import GPT

SHARE, FREE_SECONDS = 0.01, 1.0
"""Keeping weights may take this fraction of the time, and so many seconds more. Where evaluations
come so fast that it would take more, some are left out."""
MB = 1_000_000


class MomentKeeper:
    """Keeps the moments of one run that is trained here. What fails is reported once, and training
    goes on without."""

    def __init__(
        self,
        recorder: Recorder,
        state: RunState,
        weights: "Callable[[], dict[str, Tensor]]",
        context_length: Callable[[], int],
        emit: Emit,
        clock: Clock,
    ) -> None:
        """`weights` are those of the model at present, `context_length` the one that it was trained
        with last."""
        self._recorder = recorder
        self._state = state
        self._weights = weights
        self._context_length = context_length
        self._emit = emit
        self._clock = clock
        self._began = clock()
        self._spent = 0.0
        self._reported: MomentsKept | None = None
        self._failed = False
        self._begun = False
        self._due = False

    @property
    def _budget(self) -> int:
        return self._state.config.train.moments_mb * MB

    def report(self) -> None:
        """Emit which moments there are, if that has changed."""
        try:
            kept = report_of(self.found(), self._state.config.train.moments_mb)
        except OSError as error:
            self._fail(error)
            return
        if kept != self._reported:
            self._reported = kept
            self._emit(kept)

    def keep_first(self) -> None:
        """Before the first step that is taken here, keep the weights with which it begins, if there
        are none of the run yet."""
        first, self._begun = not self._begun, True
        if first and self._reported is not None and not self._reported.steps:
            self._keep()

    def step_taken(self) -> None:
        """The weights are those of another step: they are due if it is one of the regular ones."""
        self._due = is_regular(self._state.step)

    def evaluated(self) -> None:
        """The weights have been evaluated: they are due, unless that would take too much time."""
        self._due = self._spent <= FREE_SECONDS + SHARE * (self._clock() - self._began)

    def keep_up(self) -> None:
        """Keep the weights, if they are due."""
        if self._due:
            self._due = False
            self._keep()

    def _keep(self) -> None:
        # torch, which is loaded with the first run
        from engine.storage.moments import Circumstances, write_moment

        if not self._recorder.is_writing or self._recorder.is_missing or not self._budget:
            return
        began = self._clock()
        progress = self._state.progress
        loss = progress.loss if progress.loss_is_current else None
        try:
            if self._state.step not in (moment.step for moment in self.found()):
                self._check_space()
                at = Circumstances(loss, self._context_length())
                write_moment(self._folder, progress.step, self._weights(), at, self._budget)
        except OSError as error:
            self._fail(error)
        else:
            self._failed = False
        self._spent += self._clock() - began
        self.report()

    @property
    def _folder(self) -> Path:
        return Path(self._recorder.folder)

    def found(self) -> list[Moment]:
        """The moments that there are. OSError."""
        return moments_of(self._folder, self._state.step)

    def _check_space(self) -> None:
        """OSError where a moment would take the room of the next checkpoint."""
        if free_space(self._folder) < 2 * self._recorder.checkpoint_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _fail(self, error: OSError) -> None:
        if not self._failed:
            self._failed = True
            reason = error.strerror or error
            self._emit(
                Failed(
                    f"The weights of step {self._state.step:,} could not be kept to look back at: "
                    f"{reason}. Training goes on.",
                    "inspect",
                )
            )


def report_of(moments: list[Moment], megabytes: int) -> MomentsKept:
    """The report of these moments and of their budget."""
    steps = tuple(moment.step for moment in moments)
    return MomentsKept(steps, sum(moment.size for moment in moments), megabytes * MB)


def budget_note(megabytes: int, model: "GPT") -> str:
    """A sentence about a budget that has no room for one moment of this model, or nothing."""
    moment_bytes = sum(p.numel() * p.element_size() for p in model.parameters())
    if not 0 < megabytes * MB < moment_bytes:
        return ""
    return (
        f"No weights of earlier steps are kept: one set takes {moment_bytes / MB:,.1f} MB, more than "
        f"train.moments_mb={megabytes}."
    )
