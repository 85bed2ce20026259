"""The text to teach, as a person names it, the path of a file or the text itself; and in words."""

import os
import stat
from pathlib import Path

from data.files import read
from engine.protocol import Taught, TaughtAppeared, TaughtEvaluated, TaughtEvent, Teach
from tui.drawing.words import counted
from tui.line_breaks import with_line_breaks

SHARE = 0.1
"""Of the batches, if none is named."""
TEXT_QUESTION = "A text to teach besides the run's own, or the path of a file"
SHARE_QUESTION = (
    f"How much of each batch is it, from 0 to 1? Nothing: {SHARE}. {SHARE} map also writes characters "
    "that the model does not know as those that they resemble, or leaves them out."
)
ANOTHER_SHARE = "How much of each batch is the taught text? 0 stops, nothing names another text."


def teach(text: str, typed: str) -> Teach:
    """The command for a text, empty for the one that is taught already, and a share as it was typed.
    ValueError, with a user-facing message."""
    words = typed.split()
    mapping = words[-1:] == ["map"]
    try:
        (number,) = words[: len(words) - mapping] or [str(SHARE)]
        share = float(number)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"That is no share: it is from 0 to 1, such as {SHARE}.")
    return Teach(text, share, mapping)


def text_to_teach(given: str) -> str:
    """The text of the file with this path, or else what was typed, where \\n is a line break.
    ValueError, with a user-facing message, for a file that cannot be read as text, and for a path
    without a file."""
    if not given.strip():
        raise ValueError("There is no text to teach: it is empty.")
    path = Path(given)
    mode = _mode_of(path)
    if stat.S_ISREG(mode):
        return read(path).text
    if stat.S_ISDIR(mode):
        raise ValueError(f"{given!r} is a folder: name a file, or type the text.")
    if os.sep in given and path.suffix and not any(map(str.isspace, given)):
        raise ValueError(f"There is no file {given!r}.")
    return with_line_breaks(given)


def _mode_of(path: Path) -> int:
    """The kind of file that is there; 0 where there is none, as for a text that can be no path."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def teaching_line(event: TaughtEvent) -> str:
    """What was reported of a taught text, in words; the text itself is not made safe."""
    match event:
        case Taught(share=0):
            return "the other text is no longer taught"
        case Taught(_, text, share, mapped):
            said = (
                f"taught from here on: {counted(len(text), 'character')}, {share:.3g} of each batch"
            )
            written = (f"{unknown} as {instead or 'nothing'}" for unknown, instead in mapped)
            return ", ".join((said, *written))
        case TaughtEvaluated(_, bits, characters):
            shown = "no number" if bits is None else f"{bits:.3f} bits/char"
            return f"taught text  {shown}  on {counted(characters, 'character')}"
        case TaughtAppeared(_, text):
            return f"the taught text is in the sample: {text}"
