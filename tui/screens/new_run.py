"""A new run: which text, which model, how long; and what that will cost."""

from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from data.preview import Preview
from data.safe_text import safe_text
from engine.config import PRESETS, RunConfig, all_settings, override, preset
from engine.protocol import Command, Open, StopReading
from engine.settings import plain
from tui.panes.header import busy_words
from tui.screens.choice import Choice
from tui.screens.completion import CorpusSuggester
from tui.screens.cost_line import CostLine
from tui.screens.dialog import Key, StateDialog
from tui.screens.form_row import FormRow, text_field
from tui.screens.run_fields import (
    HINTS,
    TRAIN_ON,
    TYPED,
    base_of,
    carried_over,
    fate_of,
    hint_of,
    id_of,
    in_words_of_the_form,
    label_of,
    options,
    range_of,
    value_of,
)
from tui.state import RunState

FRAME_LINES = 9
"""Lines of the form that do not scroll: its border, the hint, what becomes of the open run, the
cost in two, a problem in two, the keys."""


class NewRunScreen(StateDialog[None]):
    """A form for a new run; it stays until that run is open."""

    DEFAULT_CSS = """
    NewRunScreen { align: center middle; overflow: hidden; }
    NewRunScreen #form {
      width: 100; max-width: 100%; height: auto; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
    }
    NewRunScreen #fields { height: auto; overflow-y: auto; scrollbar-size-vertical: 1; }
    NewRunScreen .heading { color: $primary; height: 1; }
    NewRunScreen #carried { color: $accent; }
    NewRunScreen #hint, NewRunScreen #fate { height: 1; text-overflow: ellipsis; text-wrap: nowrap; }
    NewRunScreen #fate { color: $foreground-muted; }
    NewRunScreen #problem { height: auto; min-height: 1; max-height: 2; }
    NewRunScreen #keys { height: 1; }
    NewRunScreen KeyLine { width: 1fr; }
    NewRunScreen Button { margin-left: 2; }
    """

    BINDINGS = [
        Binding("escape", "leave", "Cancel"),
        Binding("enter", "start", "Start", show=False),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Previous field", show=False),
    ]

    TITLE_OF_HELP = "a new run"
    ABOUT = (
        "A run is a model that is trained on a text from scratch. The form begins with the settings "
        "of the open run; a preset sets them all. What differs from the preset is marked as kept "
        "from that run. The line below the fields explains the field you are in. The cost is "
        "measured while you type: memory is that of the whole program, and the time is that of "
        "this machine as busy as it is now."
    )
    KEYS = (
        Key("↑ ↓", "fields", "the field before or after; Tab does the same"),
        Key(
            "← →",
            "choices",
            "choose among the words of a setting; at the end of a text, complete it",
        ),
        Key("Enter", "", "start the new run; the open one is saved first"),
        Key("Esc", "", "close the form and leave everything as it is; stop the reading of a text"),
    )

    FIXED: ClassVar[tuple[str, ...]] = ()
    """The fields that cannot be changed."""
    FIRST: ClassVar[str] = "corpus"
    """The field that has the focus at first."""
    ACCEPT: ClassVar[str] = "Start"

    def __init__(self, config: RunConfig, state: RunState, send: Callable[[Command], None]) -> None:
        """`config`: of the open run, from which the form starts. `state`: as it is now; later
        ones come by data binding. `send`: to the engine."""
        super().__init__(state)
        self.title_of_form = "new run"
        self._config = config
        self._send = send
        self._settings = all_settings()
        self._options = options()
        self._hints = HINTS | {id_of(key): hint_of(key) for key in self._keys()}
        self._opened = state.opened
        self.origin = f"kept from {state.opened.run}" if state.opened is not None else ""
        self._seen = state
        self._sent = False
        text = state.corpus
        known = {config.corpus: Preview(text.vocabulary, whole=True)} if text else {}
        self._cost = CostLine(send, known)

    def compose(self) -> ComposeResult:
        config = self._config
        with Vertical(id="form") as form:
            form.border_title = self.title_of_form
            with Vertical(id="fields"):  # not VerticalScroll, which takes the up and down keys
                corpus = text_field("corpus", config.corpus, CorpusSuggester())
                yield FormRow("text", corpus)
                yield FormRow("preset", text_field("preset", config.preset), ", ".join(PRESETS))
                for key, label in TYPED:
                    yield FormRow(label, text_field(id_of(key), value_of(config, key)), "")
                other = text_field(id_of(TRAIN_ON), value_of(config, TRAIN_ON), CorpusSuggester())
                yield FormRow(label_of(TRAIN_ON), other, "")
                for heading, settings in self._options:
                    yield Static(heading, classes="heading")
                    for option in settings:
                        choice = Choice(
                            option.choices, value_of(config, option.key), id=id_of(option.key)
                        )
                        yield FormRow(label_of(option.key), choice, "")
                yield Static("", id="carried")
            yield Static("", id="hint")
            yield Static("", id="fate")
            yield self._cost
            yield Static("", id="problem")
            with Horizontal(id="keys"):
                yield self.key_line()
                yield Button("Cancel (Esc)", id="cancel", compact=True)
                yield Button(f"{self.ACCEPT} (Enter)", id="start", variant="primary", compact=True)

    def on_mount(self) -> None:
        for name in self.FIXED:
            self._field(name).disabled = True
        self._field(self.FIRST).focus()
        self._explain()
        self._show_fate()
        self._measure_soon()

    def on_resize(self, event: events.Resize) -> None:
        """In a small window the fields scroll; the cost and the buttons stay."""
        self.query_one("#fields").styles.max_height = max(1, event.size.height - FRAME_LINES)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Explain the field."""
        hint = self._hints.get(event.widget.id or "", "")
        self.query_one("#hint", Static).update(Content(hint))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Write a number as the form writes its own: 10448 as 10,448."""
        for key, _ in TYPED:
            if event.widget.id == id_of(key):
                with suppress(ValueError):  # reported when the whole form is read
                    value = plain(self._settings[key].parse(self._entered(id_of(key))))
                    self._field(id_of(key)).value = value

    # What was entered.

    def _read(self) -> RunConfig:
        """The config in the form; ValueError, with a user-facing message, for an invalid one."""
        base = base_of(self._config, self._entered("preset")).with_corpus(self._entered("corpus"))
        sets = [f"{key}={self._entered(id_of(key))}" for key in self._keys()]
        return override(base, sets)

    def _keys(self) -> list[str]:
        """The settings in the form."""
        chosen = (option.key for _, settings in self._options for option in settings)
        return [*(key for key, _ in TYPED), TRAIN_ON, *chosen]

    def _entered(self, id_: str) -> str:
        return self._field(id_).value.strip()

    def _field(self, id_: str) -> Input | Choice:
        field = self.query_one(f"#{id_}")
        assert isinstance(field, Input | Choice), "every setting has a field"
        return field

    @on(Input.Changed)
    def _on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "preset" and event.value in PRESETS and event.input.has_focus:
            chosen = preset(event.value, "")
            for key in self._keys():
                self._field(id_of(key)).value = value_of(chosen, key)
        self._explain()
        self._measure_soon()

    @on(Choice.Changed)
    def _on_choice_changed(self) -> None:
        self._explain()
        self._measure_soon()

    def _explain(self) -> None:
        """Show what each field may be and its value in the preset, and what is kept from the open
        run."""
        name, run = self._entered("preset"), self._config
        defaults = preset(name, "") if name in PRESETS else run
        for key in self._keys():
            field, default = self._field(id_of(key)), value_of(defaults, key)
            is_kept = field.value == value_of(run, key) != default
            first = self.origin if is_kept else range_of(key)
            words = f"default {default or 'empty'}"
            if is_kept or isinstance(field, Input):
                words = f"{first}; {words}"
            self.query_one(f"#row-{id_of(key)}", FormRow).explain(words, marked=is_kept)
        base = base_of(run, name) if name in PRESETS else run
        of_this_text = base.with_corpus(self._entered("corpus"))
        others = carried_over(of_this_text, defaults, set(self._keys()))
        kept = f"Also {self.origin}: {', '.join(others)}." if others else ""
        self.query_one("#carried", Static).update(Content(safe_text(kept)))

    # What it costs.

    def _measure_soon(self) -> None:
        if not self._sent:
            self._cost.after_a_rest(self._read_or_complain)

    def _read_or_complain(self) -> RunConfig | None:
        try:
            config = self._read()
        except ValueError as error:
            self._show_problem(str(error))
            return None
        self._show_problem("")
        return config

    @on(CostLine.Refused)
    def _on_refused(self, event: CostLine.Refused) -> None:
        if not self._sent:
            self._show_problem(event.reason)

    def watch_state(self, state: RunState) -> None:
        if not self.is_mounted:
            return
        before, self._seen = self._seen, state
        if self._sent and state.opened is not self._opened and state.opened is not None:
            self.dismiss()
        elif state.failure is not None and state.failure is not before.failure:
            self._sent = False
            self._show_problem(state.failure.message)
            self._cost.forget()
        elif self._sent and state.busy.what:
            self.query_one("#problem", Static).update(Content(busy_words(state.busy)))
        if (state.phase, state.step) != (before.phase, before.step):
            self._show_fate()
        if state.measured is not None and state.measured is not before.measured:
            self._cost.show(state.measured)

    def _show_fate(self) -> None:
        self.query_one("#fate", Static).update(Content(fate_of(self.state)))

    def _show_problem(self, message: str) -> None:
        words = safe_text(in_words_of_the_form(message))
        self.query_one("#problem", Static).update(Content.styled(words, "$error"))

    # The end of it.

    @on(Button.Pressed, "#cancel")
    def action_leave(self) -> None:
        """Stop the reading of the text; where none is read, close the form."""
        if self._sent and self.state.busy.stoppable:
            self._send(StopReading())
        else:
            self.dismiss()

    @on(Button.Pressed, "#start")
    @on(Input.Submitted)
    def action_start(self) -> None:
        """Go on with what was entered, if it can be."""
        if not self.is_mounted:  # the key came before the form
            return
        config = self._read_or_complain()
        if config is not None:
            self._cost.forget()
            self.accept(config)

    def accept(self, config: RunConfig) -> None:
        """Open a run of what was entered."""
        self._opened = self.state.opened
        self._sent = True
        self._send(Open(config))
