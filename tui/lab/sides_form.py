"""Sides of the user's own: what differs, by what they are compared, how long, with how many seeds."""

import shlex
from collections.abc import Callable
from typing import get_args

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from data.safe_text import safe_text
from engine.changes import settings_that_differ
from engine.config import RunConfig, all_settings
from engine.protocol import LABELS, MOST_SEEDS, Axis, Command, OpenRace
from tui.engine_app import EngineApp
from tui.lab.entry import Entry, common_config, natural_axis, own_race, side_config
from tui.lab.side_form import SideForm
from tui.screens.choice import Choice
from tui.screens.completion import SettingSuggester
from tui.screens.dialog import Key, StateDialog
from tui.screens.form_row import FormRow, text_field
from tui.state import RunState

PLACEHOLDERS = (
    "as the open run",
    "what differs from it, for example model.n_head=8",
    "no third side",
    "no fourth side",
)
SIDE_HINT = (
    "What differs from the open run, as KEY=VALUE with blanks between two. The beginning of a key, "
    "then → completes it; F2 shows all settings in a form."
)
HINTS = {
    "question": "What you want to know, to find the race by. Empty: the sides name it.",
    "axis": (
        "The side that is behind in this trains next, and losses are compared where all sides have "
        "arrived: what wins by steps may lose by seconds."
    ),
    "length": "Of each side: 500 are steps, 2 min are minutes. A few hundred steps show much.",
    "seeds": (
        "How often the race is repeated, each time with another seed. From one seed it is not known "
        "whether the difference is chance; from three or more it is."
    ),
}


class SidesForm(StateDialog[tuple[Entry, OpenRace]]):
    """Dismissed with what was entered, and the race that it makes."""

    DEFAULT_CSS = """
    SidesForm { align: center middle; }
    SidesForm > Vertical {
      width: 90; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
    }
    SidesForm #row-question { margin-top: 1; }
    SidesForm #hint { height: 2; margin-top: 1; color: $foreground-muted; }
    SidesForm #problem { height: auto; max-height: 3; }
    """

    BINDINGS = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("enter", "start", "Go on", show=False),
        Binding("f2", "form", "Form", show=False),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Previous field", show=False),
    ]

    TITLE_OF_HELP = "versions of your own"
    ABOUT = (
        "Two to four versions of the open run, trained with the same seed, in turns. Each is named "
        "by the settings in which it differs. Change one thing at a time: then it is known what made "
        "the difference."
    )
    KEYS = (
        Key("Enter", "go on", "to your guess, and from there to the race", "start"),
        Key("F2", "form", "set up the side in the form for new runs", "form"),
        Key("↑ ↓", "fields", "the field before or after; Tab does the same"),
        Key("→", "complete", "at the end of what is typed, complete the name of a setting"),
        Key("Esc", "cancel", "no race", "dismiss"),
    )

    def __init__(
        self, entry: Entry, config: RunConfig, state: RunState, send: Callable[[Command], None]
    ) -> None:
        """`config`: of the open run. `state`: as it is now. `send`: to the engine."""
        super().__init__(state)
        self._entry = entry
        self._config = config
        self._send = send
        self._settings = all_settings()
        self._axis_was_chosen = entry.axis != natural_axis(entry.length)

    def compose(self) -> ComposeResult:
        entry = self._entry
        with Vertical() as page:
            page.border_title = "versions of your own"
            for label, side, words in zip(LABELS, entry.sides, PLACEHOLDERS, strict=True):
                yield FormRow(
                    f"side {label}", text_field(_id(label), side, SettingSuggester(), words)
                )
            yield FormRow(
                "question",
                text_field("question", entry.question, placeholder="what you want to know"),
            )
            yield FormRow("compared by", Choice(get_args(Axis), entry.axis, id="axis"))
            yield FormRow("length", text_field("length", entry.length), "steps, or minutes: 2 min")
            yield FormRow("seeds", text_field("seeds", entry.seeds), f"1 to {MOST_SEEDS}")
            yield Static("", id="hint")
            yield Static("", id="problem")
            yield self.key_line()

    def on_mount(self) -> None:
        self.query_one("#side-B", Input).focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Explain the field."""
        self._explain(event.widget.id or "")

    @on(Input.Changed)
    def _on_changed(self, event: Input.Changed) -> None:
        self._complain("")
        self._explain(event.input.id or "")
        axis = self.query_one("#axis", Choice)
        if event.input.id == "length" and not self._axis_was_chosen:
            axis.value = natural_axis(event.value)

    @on(Choice.Changed)
    def _on_chosen(self, event: Choice.Changed) -> None:
        self._axis_was_chosen = self._axis_was_chosen or event.choice.has_focus

    def _explain(self, id_: str) -> None:
        """What the field takes; of a side, the setting that is being typed."""
        if not id_.startswith("side-"):
            hint = HINTS.get(id_, "")
        else:
            key = self._entered(id_).rpartition(" ")[2].partition("=")[0]
            setting = self._settings.get(key)
            hint = f"{key}: {setting.range}. {setting.description}" if setting else SIDE_HINT
        self.query_one("#hint", Static).update(Content(hint))

    def _complain(self, problem: str) -> None:
        self.query_one("#problem", Static).update(Content.styled(safe_text(problem), "$error"))

    # What was entered.

    def _entered(self, id_: str) -> str:
        return self.query_one(f"#{id_}", Input).value

    def _read(self) -> Entry:
        chosen = self.query_one("#axis", Choice).value
        return Entry(
            sides=tuple(self._entered(_id(label)) for label in LABELS),
            question=self._entered("question"),
            axis=next(axis for axis in get_args(Axis) if axis == chosen),
            length=self._entered("length"),
            seeds=self._entered("seeds"),
        )

    @on(Input.Submitted)
    def action_start(self) -> None:
        """Go on with the race, if it can be."""
        if not self.is_mounted:  # the key came before the form
            return
        entry = self._read()
        try:
            self.dismiss((entry, own_race(entry, self._config)))
        except ValueError as error:
            self._complain(str(error))

    def action_form(self) -> None:
        """Set up the side with the focus in the form for new runs."""
        focused = self.focused.id if self.focused else None
        label = next((label for label in LABELS if _id(label) == focused), "B")
        entry = self._read()
        try:
            common = common_config(entry, self._config)
            config = side_config(label, self._entered(_id(label)), common)
        except ValueError as error:
            self._complain(str(error))
            return

        def use(config: RunConfig) -> None:
            side = self.query_one(f"#{_id(label)}", Input)
            side.value = shlex.join(settings_that_differ((common, config))[1])
            side.focus()

        form = SideForm(label, config, self.state, self._send, use)
        self.app.push_screen(form.data_bind(EngineApp.state))


def _id(label: str) -> str:
    return f"side-{label}"
