"""A line of a form: a label, a field, and what the field may be."""

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from tui.safe_input import SafeInput
from tui.screens.choice import Choice


class FormRow(Horizontal):
    """One line; without an explanation the field takes all of it."""

    DEFAULT_CSS = """
    FormRow { height: 1; }
    FormRow Label { width: 14; }
    FormRow Input { width: 1fr; background: $panel; }
    FormRow Choice { width: 38; }
    FormRow .range { width: 2fr; padding-left: 2; height: 1; text-overflow: ellipsis; text-wrap: nowrap; }
    FormRow.choice .range { width: 1fr; }
    FormRow .marked { color: $accent; }
    """

    def __init__(self, label: str, field: Widget, words: str | None = None) -> None:
        """`words`: what the field may be, as text that is safe to draw."""
        super().__init__(id=f"row-{field.id}")
        self._label = label
        self._field = field
        self._words = words
        self.set_class(isinstance(field, Choice), "choice")

    def compose(self) -> ComposeResult:
        yield Label(self._label)
        yield self._field
        if self._words is not None:
            yield Static(Content(self._words), classes="range")

    def explain(self, words: str, *, marked: bool) -> None:
        """Show other words; `marked`: in a colour of their own."""
        line = self.query_one(".range", Static)
        line.update(Content(words))
        line.set_class(marked, "marked")


def text_field(
    name: str, value: str, suggester: Suggester | None = None, placeholder: str = ""
) -> Input:
    """A field that is typed into. `name`: its id."""
    return SafeInput(
        value,
        placeholder=placeholder,
        compact=True,
        id=name,
        suggester=suggester,
        select_on_focus=False,
    )
