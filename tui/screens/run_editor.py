"""Asks for a name for a saved run or race, or for a note."""

from collections.abc import Callable
from typing import NamedTuple

from textual.widget import Widget

from engine.protocol import AnnotateRun, Command, RenameRace, RenameRun
from tui.screens.input_dialog import InputDialog
from tui.screens.run_columns import ListedRun


class _Edit(NamedTuple):
    """A change that the user is asked for."""

    question: str  # safe text
    value: str  # safe text: as it is now
    command: Callable[[str], Command]
    answer: str = ""


class RunEditor:
    """One change at a time: it is asked for again where the engine refuses it."""

    def __init__(self, screen: Widget, send: Callable[[Command], None]) -> None:
        """`screen`: over which it is asked. `send`: to the engine."""
        self._screen = screen
        self._send = send
        self._edit: _Edit | None = None  # sent, and not answered yet

    def rename(self, run: ListedRun) -> None:
        """Ask for another name."""
        shown, name = run
        self._ask(_Edit(f"A name for {shown.name}:", shown.name, lambda new: RenameRun(name, new)))

    def rename_race(self, shown: str, name: str) -> None:
        """Ask for another name of a race: `shown` is its name, safe to draw, and `name` the true
        one."""
        self._ask(_Edit(f"A name for the race {shown}:", shown, lambda new: RenameRace(name, new)))

    def annotate(self, run: ListedRun) -> None:
        """Ask for a note."""
        shown, name = run
        question = f"A note on {shown.name}:"
        self._ask(_Edit(question, shown.note, lambda note: AnnotateRun(name, note)))

    def accepted(self) -> str:
        """The engine has made a change: what was typed, if it was asked for here."""
        edit, self._edit = self._edit, None
        return edit.answer if edit is not None else ""

    def refused(self, reason: str) -> None:
        """The engine has refused a change: ask again, if it is the one that was asked for.
        `reason`: safe text."""
        if self._edit is not None:
            self._ask(self._edit, reason)

    def _ask(self, edit: _Edit, problem: str = "") -> None:
        self._edit = None

        def answered(text: str | None) -> None:
            if text is not None and text != edit.value:
                self._edit = edit._replace(answer=text)
                self._send(edit.command(text))

        question = f"{problem}\n{edit.question}" if problem else edit.question
        self._screen.app.push_screen(InputDialog(question, edit.answer or edit.value), answered)
