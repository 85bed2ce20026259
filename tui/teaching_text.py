"""The text to teach, as a person names it, the path of a file or the text itself; and in words."""

import os
import stat
from pathlib import Path

from data.files import read
from engine.protocol import Taught, TaughtAppeared, TaughtEvaluated, TaughtEvent
from tui.drawing.words import counted
from tui.line_breaks import with_line_breaks


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
