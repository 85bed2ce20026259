"""The text to teach, as a user names it: a name of the catalog, the path of a file, or the text
itself; and what is reported of it, in words."""

import os
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data.catalog import load, names
from data.safe_text import safe_characters
from engine.protocol import (
    MOST_TAUGHT,
    MappingRequired,
    Replacement,
    Taught,
    TaughtAppeared,
    TaughtEvaluated,
    TaughtEvent,
)
from tui.drawing.words import counted, size
from tui.line_breaks import with_line_breaks
from tui.taught import windows

MOST_ASKED = 8
"""Characters that are named in a question, at most: a small window has room for these."""
MOST_BYTES = 4
"""Of a character in UTF-8."""

SHARE = 0.1
"""Of the batches, if none is named."""


def parse_share(typed: str) -> float:
    """A share as it was typed. ValueError, with a user-facing message."""
    try:
        share = float(typed or SHARE)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"That is no share: it is from 0 to 1, such as {SHARE}.")
    return share


def check_length(text: str) -> None:
    """ValueError, with a user-facing message, for a text that is too long to be taught."""
    if len(text) > MOST_TAUGHT:
        raise ValueError(
            f"That text has {len(text):,} characters: a text to teach has {MOST_TAUGHT:,} at most."
        )


class NamedText(NamedTuple):
    """A text to teach, and its source as in `Teach`."""

    text: str
    source: str = ""


def text_to_teach(given: str) -> NamedText:
    """The text with this name in the catalog, or of the file with this path, or else what was typed,
    where \\n is a line break. ValueError, with a user-facing message, for a file that cannot be read
    as text, and for a path without a file."""
    if not given.strip():
        raise ValueError("There is no text to teach: it is empty.")
    if given in names():
        return NamedText(load(given).text[:], given)
    from data.files import read  # when a text is read

    path, found = _file_at(given)
    if stat.S_ISREG(found.st_mode):
        if found.st_size > MOST_BYTES * MOST_TAUGHT:
            raise ValueError(
                f"{given!r} has {size(found.st_size)}: a text to teach has {MOST_TAUGHT:,} "
                "characters at most."
            )
        return NamedText(read(path).text, path.name)
    if stat.S_ISDIR(found.st_mode):
        raise ValueError(f"{given!r} is a folder: name a file, or type the text.")
    if os.sep in given and path.suffix and not any(map(str.isspace, given)):
        raise ValueError(f"There is no file {given!r}.")
    return NamedText(with_line_breaks(given))


def _file_at(given: str) -> tuple[Path, os.stat_result]:
    """The path that was typed, and what is there; nothing for a text that can be no path."""
    path = Path(given)
    try:
        path = path.expanduser()
        return path, path.stat()
    except (OSError, RuntimeError, ValueError):
        return path, os.stat_result([0] * 10)


def teaching_line(event: TaughtEvent, noun: str) -> str:
    """What was reported of a taught text, in words; the text itself is not made safe. `noun`: what the
    model predicts."""
    match event:
        case Taught(share=0):
            return "the other text is no longer taught"
        case Taught(_, text, share, mapped):
            said = f"taught from here on: {counted(len(text), 'character')}, in {windows(share)}"
            return ", ".join((said, *map(_as_written, mapped)))
        case TaughtEvaluated(_, bits, characters):
            shown = "no number" if bits is None else f"{bits:.3f} bits/char"
            return f"taught text  {shown}  on {counted(characters, noun)}"
        case TaughtAppeared(_, text):
            return f"the taught text is in the sample: {text}"


def replacements(required: MappingRequired, most: int = 20) -> Iterator[str]:
    """Each of the first characters that the model does not know, by name, and what would become of
    it; safe to draw."""
    for character, instead in required.replacements[:most]:
        becomes = f"becomes {instead}" if instead.strip() else "becomes a space"
        fate = becomes if instead else "is left out"
        yield f"{safe_characters(character)} ({', '.join(map(_name, character))}) {fate}"
    more = required.more + max(0, len(required.replacements) - most)
    if more:
        yield f"and {more:,} more"


def _name(character: str) -> str:
    """As Unicode calls it; its number where that has no name for it."""
    return unicodedata.name(character, "").capitalize() or f"U+{ord(character):04X}"


def mapping_question(required: MappingRequired) -> str:
    """What is asked before a text is taught without characters that the model does not know."""
    return "\n".join(
        (
            "The model does not know all characters of this text:",
            *replacements(required, MOST_ASKED),
            "Teach it with these replacements?",
        )
    )


def _as_written(mapped: Replacement) -> str:
    """What became of a character."""
    character, instead = mapped
    return f"{character} as {instead or 'nothing'}"
