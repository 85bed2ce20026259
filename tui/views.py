"""The views of a run: one of them is shown at a time, chosen by its number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:  # made only when it is first shown
    from tui.view_page import ViewPage

TRAIN = 1
READ = 2
TIME = 3
LAB = 4
VIEW_CLASS = "view"
"""The class of the widgets of all views in the style sheet."""


class View(Struct, frozen=True):
    """A view with its number key."""

    number: int
    name: str
    about: str
    make: Callable[[], ViewPage] | None
    """Called when it is first shown; None: it is there from the start."""


def _read() -> ViewPage:
    from tui.read.view import ReadView  # not before it is needed: the first paint is to be fast

    return ReadView()


def _time() -> ViewPage:
    from tui.time.view import TimeView  # for the same reason

    return TimeView()


def _lab() -> ViewPage:
    from tui.lab.view import LabView  # for the same reason

    return LabView()


VIEWS = (
    View(TRAIN, "Train", "Train and write: view 1", None),
    View(READ, "Read", "Read along with the model: view 2", _read),
    View(TIME, "Time", "Look back at earlier moments of the model: view 3", _time),
    View(LAB, "Lab", "Change one thing and see what it does: view 4", _lab),
)
