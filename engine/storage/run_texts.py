"""The texts in the folder of a run: its own, and that which it is trained on in its place."""

from pathlib import Path

from engine.storage.corpus_text import FILE, OTHER, read_other_text, sha256_of
from engine.storage.run_info import RunInfo


def texts_of(info: RunInfo) -> tuple[str, ...]:
    """The files of its texts."""
    return (FILE,) if info.other is None else (FILE, OTHER)


def read_other(name: str, folder: Path, info: RunInfo) -> str:
    """The text that a run is trained on in place of its own; empty where it is trained on its own.
    ValueError, with a user-facing message, if it is not there as it was."""
    if info.other is None:
        return ""
    try:
        text = read_other_text(folder)
    except OSError as error:
        raise ValueError(f"The run {name!r} cannot be read: {OTHER}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"The run {name!r} cannot be read: {OTHER}: {error}.") from None
    if sha256_of(text) != info.other.sha256 or not set(text) <= set(info.corpus.characters):
        raise ValueError(
            f"The run {name!r} cannot be continued: {OTHER} in its folder is not the text that it was "
            "trained on."
        )
    return text
