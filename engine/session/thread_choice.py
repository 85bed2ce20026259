"""When the number of threads is chosen again: a machine that was busy at the start may be idle later."""

from math import inf
from typing import TYPE_CHECKING

from engine.protocol import Busy, ThreadsChosen
from engine.session.opened_run import Emit

if TYPE_CHECKING:  # imports torch, which the session loads with the first run
    from engine.session.context import RunContext

FIRST_AFTER = 60.0
"""Seconds of training until the choice of the start is measured again."""
INTERVAL = 600.0
"""Seconds of training between two measurements from then on."""

MEASURING = "measuring threads again"


class ThreadChoice:
    """Has the threads of one run measured again from time to time, if they were measured at all."""

    def __init__(self, context: "RunContext", elapsed: float, emit: Emit) -> None:
        """`elapsed`: seconds trained so far."""
        self._context = context
        self._emit = emit
        self._due = elapsed + FIRST_AFTER if context.threads_are_measured else inf

    def check(self, step: int, elapsed: float) -> None:
        """Choose again if that is due, `elapsed` seconds of training after the start. Between two
        steps, while nothing is evaluated."""
        if elapsed < self._due:
            return
        self._due = elapsed + INTERVAL
        self._emit(Busy(MEASURING))
        changed = self._context.choose_threads_again()
        self._emit(Busy(""))
        if changed:
            hardware = self._context.hardware
            self._emit(ThreadsChosen(step, elapsed, hardware.threads, hardware.reason))
