"""A path that a user typed."""

from pathlib import Path


def typed_path(given: str) -> Path:
    """The absolute path; ~ is a home folder. ValueError, with a user-facing message, for one that
    cannot be."""
    try:
        if "\0" not in given:
            return Path(given).expanduser().absolute()
    except RuntimeError:  # there is no such user
        pass
    raise ValueError(f"{given!r} is no path here.")
