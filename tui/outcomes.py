"""What became of taking a run elsewhere, in words."""

import shlex

from engine.protocol import Imported, Packed, Unpacked
from tui.drawing.words import count, size

SUFFIX = ".tinygpt"
"""How the name of a packed run ends."""


def outcome(event: Packed | Unpacked | Imported) -> str:
    """What there is now, and for a run that has come here, how to go on. Not safe to print."""
    match event:
        case Packed(run, step, path, number):
            return f"Packed {run} at step {count(step)} into {path} ({size(number)})."
        case Unpacked(run, step):
            opening = f"tinygpt-tui --run {shlex.quote(run)}"
            return (
                f"Unpacked as {run}, at step {count(step)}. Go on with: {opening} "
                "(--no-save: without changing it)"
            )
        case Imported(run, step, _, note):
            opening = f"tinygpt-tui --run {shlex.quote(run)}"
            return f"Imported as {run}, at step {count(step)}. {note} Open it with: {opening}"
