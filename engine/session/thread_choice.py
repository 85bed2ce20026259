"""When the number of threads is chosen again: a machine that was busy at the start may be idle later."""

from math import inf
from typing import TYPE_CHECKING

from engine.protocol import ThreadsChosen
from engine.session.opened_run import Clock, Emit
from engine.session.slices import Slices

if TYPE_CHECKING:  # imports torch, which the session loads with the first run
    from engine.device import Hardware
    from engine.session.context import RunContext

FIRST_AFTER = 60.0
"""Seconds of training until the threads are measured again, since it began or was opened."""
CONFIRM_AFTER = 60.0
"""Seconds of training until a result that would change them is measured once more: the machine may
have been busy for a moment."""
INTERVAL = 600.0
"""Seconds of training between two measurements otherwise."""
MEASURING_SHARE = 0.01
"""Fraction of the time that measurements may take, after the first."""


class ThreadChoice:
    """Has the threads of one run measured again from time to time, if they were measured at all.
    They change when two measurements, one after the other, find the same number clearly faster."""

    def __init__(self, context: "RunContext", elapsed: float, emit: Emit, clock: Clock) -> None:
        """`elapsed`: seconds trained so far."""
        self._context = context
        self._emit = emit
        self._slices: Slices[Hardware] = Slices(clock)
        self._due = elapsed + FIRST_AFTER if context.threads_are_measured else inf
        self._found = 0
        """The number that the last measurement found faster; 0: none."""

    def measure(self, step: int, elapsed: float) -> bool:
        """Measure for one slice, if that is due `elapsed` seconds of training after the start;
        whether it was. Between two steps, while nothing is evaluated."""
        if not self._slices.active:
            if elapsed < self._due:
                return False
            self._slices.start(self._context.measure_threads())
        result = self._slices.advance()
        if not isinstance(result, float):
            pause = self._decide(result, step, elapsed)
            self._due = elapsed + max(pause, self._slices.seconds / MEASURING_SHARE)
        return True

    def _decide(self, measured: "Hardware", step: int, elapsed: float) -> float:
        """Change the threads if that is confirmed; seconds until they are measured again."""
        threads = measured.threads
        if threads == self._context.hardware.threads:
            self._found = 0
        elif threads != self._found:
            self._found = threads
            return CONFIRM_AFTER
        else:
            self._found = 0
            self._context.change_threads(measured)
            self._emit(ThreadsChosen(step, elapsed, threads, measured.reason))
        return INTERVAL
