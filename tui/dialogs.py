"""Questions to the user, for whose screens the first paint does not wait."""

from collections.abc import Callable

from textual.app import App

from data.safe_text import safe_text


def confirm(app: App[None], question: str, answered: Callable[[bool], None]) -> None:
    """Ask for a yes or a no."""
    from tui.screens.confirm_dialog import ConfirmDialog  # when it is asked

    app.push_screen(ConfirmDialog(safe_text(question, lines=True)), lambda yes: answered(bool(yes)))


def ask_for_line(
    app: App[None], question: str, act: Callable[[str], None], proposed: str = ""
) -> None:
    """Ask for a line until `act` takes it, or the user cancels. A ValueError of `act` says what is
    wrong with the line: it is asked with that again. `proposed`: the line to begin with."""
    from tui.screens.input_dialog import InputDialog  # when it is asked

    def ask(question: str, typed: str) -> None:
        app.push_screen(InputDialog(safe_text(question), typed), answered)

    def answered(typed: str | None) -> None:
        if typed is not None:
            try:
                act(typed)
            except ValueError as error:
                ask(str(error), typed)

    ask(question, proposed)


def ask_for_text(app: App[None], question: str, act: Callable[[str], None]) -> None:
    """Ask for a text of several lines; an empty one is none."""
    from tui.screens.text_dialog import TextDialog  # when it is asked

    def answered(text: str | None) -> None:
        if text:
            act(text)

    app.push_screen(TextDialog(safe_text(question), ""), answered)
