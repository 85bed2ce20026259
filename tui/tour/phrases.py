"""Phrases that pages of the tour share."""

from rich.cells import cell_len, set_cell_size

from data.safe_text import safe_text
from engine.protocol import Likely
from tui.drawing.words import character
from tui.state import RunState
from tui.tour.scene import Scene
from tui.views import VIEWS

QUOTE, SHORT_QUOTE = 40, 20
"""Cells of a quoted text, at most."""


def quoted(text: str, cells: int = QUOTE) -> str:
    """The beginning of a text in one line, safe to draw."""
    lines = (line.strip() for line in safe_text(text, lines=True).split("\n"))
    line = " / ".join(filter(None, lines))
    return f"“{line if cell_len(line) <= cells else set_cell_size(line, cells - 1).rstrip() + '…'}”"


def picture(text: str) -> str:
    """A character in quotation marks, safe to draw."""
    return f"“{safe_text(character(text))}”"


def likeliest(likely: Likely, number: int = 3) -> str:
    """The likeliest characters with their probabilities."""
    return ", ".join(f"{picture(text)} {chance:.0%}" for text, chance in likely[:number])


def guessed(scene: Scene) -> str:
    """What the user has guessed."""
    one = len(scene.guess) == 1
    shown = picture(scene.guess) if one else quoted(scene.guess, SHORT_QUOTE)
    return f"You guessed {shown}."


def trains(state: RunState) -> str:
    """What has the run train on from where it is."""
    match state.phase:
        case "training":
            return "It is training: wait."
        case "following":
            return "Another program trains it: wait for that."
        case "failed" if state.failure is not None and state.failure.during == "engine":
            return "The engine has stopped: Space opens the run again."
        case "failed":
            return "A step has failed: Space skips it, b goes back."
        case "done":
            return "Space trains on."
        case _:
            return "Space trains it."


def goes_to(scene: Scene, number: int) -> str:
    """Which key leads to a view, and a blank; nothing where it is shown."""
    name = next(view.name for view in VIEWS if view.number == number)
    return "" if scene.view == number else f"Press {number} ({name}). "
