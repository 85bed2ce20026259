"""Lists of what is saved: runs, races, sweeps."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol, TypeVar


class _Summary(Protocol):
    @property
    def used(self) -> float:
        """When it was last used: seconds since the epoch."""


S = TypeVar("S", bound=_Summary)


def last_used_first(names: Iterable[str], summary_of: Callable[[str], S]) -> list[S]:
    """A summary for each name, last used first. `summary_of` may raise OSError for what is being
    deleted right now: that is left out."""
    found = []
    for name in names:
        with suppress(OSError):
            found.append(summary_of(name))
    return sorted(found, key=lambda summary: -summary.used)
