"""What a user has chosen for the app itself, whatever the run: kept in `settings.json` beside the
saved runs."""

from pathlib import Path

import msgspec

from data.home import home

SIZE_LIMIT = 10_000
"""Bytes of the file that are read: more is not this app's."""


class Preferences(msgspec.Struct, frozen=True):
    """The choices; a file without one of them has its default."""

    theme: str = ""
    """The name of a theme; empty: that of the app."""
    bell: bool = False
    """Whether a bell rings at the end of a run."""
    tour_page: int = 0
    """The page of the tour that was shown last, counted from 0."""


def load_preferences() -> Preferences:
    """What was chosen before; the defaults where the file cannot be read or makes no sense."""
    try:
        path = _path()
        if not path.is_file():  # a pipe would be waited for
            return Preferences()
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(SIZE_LIMIT), type=Preferences)
    except (OSError, RuntimeError, ValueError):  # RuntimeError: no home folder, nested too deep
        return Preferences()


def save_preferences(preferences: Preferences) -> None:
    """Replace the file; OSError."""
    from data.atomic import replace_file  # when something is chosen

    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, [msgspec.json.encode(preferences)])


def _path() -> Path:
    return home() / "settings.json"
