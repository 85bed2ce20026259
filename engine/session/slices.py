"""Work of the engine in slices, so that commands are carried out in between."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Slices(Generic[T]):
    """At most one piece of work in progress, and the time it takes. The work yields the fractions
    done, then its result."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._work: Iterator[float | T] | None = None
        self.seconds = 0.0
        """Time spent on the work in progress, or on the last one."""
        self.last = 0.0
        """Time spent on its last slice."""

    @property
    def active(self) -> bool:
        """Whether work is in progress."""
        return self._work is not None

    def start(self, work: Iterator[float | T]) -> None:
        """Start work, in place of what is in progress."""
        self._work = work
        self.seconds = 0.0

    def abandon(self) -> None:
        """Give up the work in progress."""
        self._work = None

    def advance(self) -> float | T:
        """Work on one slice: the fraction done or, from the last slice, the result. If it raises,
        the work has ended."""
        assert self._work is not None, "no work was started"
        began = self._clock()
        work, self._work = self._work, None
        result = next(work)
        if isinstance(result, float):
            self._work = work
        self.last = self._clock() - began
        self.seconds += self.last
        return result

    def advance_for(self, seconds: float) -> float | T:
        """The same for so many seconds, or until the result is there."""
        end = self._clock() + seconds
        while isinstance(result := self.advance(), float):
            if self._clock() >= end:
                break
        return result
