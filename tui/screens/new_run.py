"""A new run: which text, which model, how long; and what that will cost."""

from collections.abc import Callable

from msgspec.structs import replace
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static

from data.catalog import names
from data.preview import Preview
from data.safe_text import safe_text
from engine.config import PRESETS, ModelConfig, RunConfig, all_settings, override, preset
from engine.protocol import Command, Open
from engine.settings import Setting, plain, settings_of
from tui.safe_input import SafeInput
from tui.screens.choice import Choice
from tui.screens.completion import CorpusSuggester
from tui.screens.cost_line import CostLine
from tui.state import RunState

FIELDS = (
    ("train.steps", "steps"),
    ("model.context_length", "context"),
    ("train.batch_size", "batch"),
    ("train.learning_rate", "learning rate"),
    ("model.dropout", "dropout"),
    ("train.seed", "seed"),
)
"""The settings that are typed, with their labels."""
FRAME_LINES = 7
"""Lines of the form that do not scroll: its border, the cost in two, a problem, the buttons."""


def architecture_options() -> tuple[Setting, ...]:
    """The settings of the model that are one of a few words: each is offered as a choice."""
    return tuple(setting for setting in settings_of(ModelConfig) if setting.choices)


class NewRunScreen(ModalScreen[None]):
    """A form for a new run; it stays until that run is open."""

    DEFAULT_CSS = """
    NewRunScreen { align: center middle; }
    NewRunScreen #form {
      width: 100; max-width: 100%; height: auto; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
      border-subtitle-color: $foreground-muted;
    }
    NewRunScreen #fields { height: auto; overflow-y: auto; scrollbar-size-vertical: 1; }
    NewRunScreen .row { height: 1; }
    NewRunScreen Label { width: 14; }
    NewRunScreen Input { width: 1fr; background: $panel; }
    NewRunScreen .range { width: 2fr; padding-left: 2; height: 1; text-overflow: ellipsis; text-wrap: nowrap; }
    NewRunScreen Choice { width: 34; }
    NewRunScreen .choice .range { width: 1fr; }
    NewRunScreen .hint { color: $foreground-muted; padding-left: 14; height: 1; text-overflow: ellipsis; text-wrap: nowrap; }
    NewRunScreen .heading { color: $primary; height: 1; }
    NewRunScreen #problem { height: auto; min-height: 1; max-height: 2; }
    NewRunScreen #buttons { height: 1; align-horizontal: right; }
    NewRunScreen Button { margin-left: 2; }
    """

    BINDINGS = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("enter", "start", "Start", show=False),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Previous field", show=False),
    ]

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)

    def __init__(self, config: RunConfig, state: RunState, send: Callable[[Command], None]) -> None:
        """`config`: of the open run, from which the form starts. `state`: as it is now; later
        ones come by data binding. `send`: to the engine."""
        super().__init__()
        self.set_reactive(NewRunScreen.state, state)
        self._config = config
        self._send = send
        self._options = architecture_options()
        self._opened = state.opened
        self._seen = state
        self._sent = False
        text = state.corpus
        known = {config.corpus: Preview(text.vocabulary, whole=True)} if text else {}
        self._cost = CostLine(send, known)

    def compose(self) -> ComposeResult:
        config = self._config
        with Vertical(id="form") as form:
            form.border_title = "new run"
            form.border_subtitle = "Enter starts it, Esc leaves everything as it is"
            with Vertical(id="fields"):  # not VerticalScroll, which takes the up and down keys
                corpus = _input("corpus", config.corpus, CorpusSuggester())
                yield Horizontal(Label("corpus"), corpus, classes="row")
                yield _hint(f"{', '.join(names())}, or a path (→ completes it).")
                yield _row("preset", _input("preset", config.preset), ", ".join(PRESETS))
                yield _hint("The size of the model; it sets the fields below.")
                settings = all_settings()
                for key, label in FIELDS:
                    yield _setting_row(label, key, _input(_id(key), _value(config, key)))
                    yield _hint(settings[key].description)
                if self._options:
                    yield Static("architecture (← → choose)", classes="heading")
                for option in self._options:
                    label = option.key.partition(".")[2].replace("_", " ")
                    choice = Choice(option.choices, _value(config, option.key), id=_id(option.key))
                    yield _setting_row(label, option.key, choice)
                    yield _hint(option.description)
            yield self._cost
            yield Static("", id="problem")
            with Horizontal(id="buttons"):
                yield Button("Cancel (Esc)", id="cancel", compact=True)
                yield Button("Start fresh (Enter)", id="start", variant="primary", compact=True)

    def on_mount(self) -> None:
        self.query_one("#corpus", Input).focus()
        self._show_ranges()
        self._measure_soon()

    def on_resize(self, event: events.Resize) -> None:
        """In a small window the fields scroll; the cost and the buttons stay."""
        self.query_one("#fields").styles.max_height = max(1, event.size.height - FRAME_LINES)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Scroll to the explanation under a field, too."""
        row = event.widget.parent
        if isinstance(row, Widget) and row.has_class("row"):
            siblings = list(self.query_one("#fields").children)
            siblings[siblings.index(row) + 1].scroll_visible(animate=False)

    # What was entered.

    def _read(self) -> RunConfig:
        """The config in the form; ValueError, with a user-facing message, for an invalid one."""
        name, corpus = self._entered("preset"), self._entered("corpus")
        base = replace(self._config, corpus=corpus)
        if name != base.preset:  # another model, on the same device
            chosen, train = preset(name, corpus), base.train
            machine = {key: getattr(train, key) for key in ("device", "precision", "threads")}
            base = replace(chosen, train=replace(chosen.train, **machine))
        sets = [f"{key}={self._entered(_id(key))}" for key in self._keys()]
        return override(base, ["train.minutes=0", *sets])

    def _keys(self) -> list[str]:
        """The settings in the form."""
        return [*(key for key, _ in FIELDS), *(option.key for option in self._options)]

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
                self._field(_id(key)).value = _value(chosen, key)
            self._show_ranges()
        self._measure_soon()

    @on(Choice.Changed)
    def _on_choice_changed(self) -> None:
        self._measure_soon()

    def _show_ranges(self) -> None:
        """Show what each field may be, and its value in the preset."""
        name = self._entered("preset")
        defaults = preset(name, "") if name in PRESETS else self._config
        settings = all_settings()
        for key in self._keys():
            text = f"default {_value(defaults, key)}"
            if isinstance(self._field(_id(key)), Input):
                text = f"{settings[key].range}; {text}"
            self.query_one(f"#range-{_id(key)}", Static).update(Content(text))

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
            self.query_one("#problem", Static).update(Content(f"{state.busy.what} …"))
        if state.measured is not None and state.measured is not before.measured:
            self._cost.show(state.measured)

    def _show_problem(self, message: str) -> None:
        self.query_one("#problem", Static).update(Content.styled(safe_text(message), "$error"))

    # The end of it.

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss()

    @on(Button.Pressed, "#start")
    @on(Input.Submitted)
    def action_start(self) -> None:
        """Open a run of what was entered."""
        if not self.is_mounted:  # the key came before the form
            return
        config = self._read_or_complain()
        if config is not None:
            self._cost.forget()
            self._opened = self.state.opened
            self._sent = True
            self._send(Open(config))


def _row(label: str, field: Widget, range_: str = "", range_id: str | None = None) -> Horizontal:
    kind = "row choice" if isinstance(field, Choice) else "row"
    range_text = Static(Content(range_), classes="range", id=range_id)
    return Horizontal(Label(label), field, range_text, classes=kind)


def _setting_row(label: str, key: str, field: Widget) -> Horizontal:
    return _row(label, field, range_id=f"range-{_id(key)}")


def _hint(text: str) -> Static:
    return Static(Content(text), classes="hint")


def _input(name: str, value: str, suggester: Suggester | None = None) -> Input:
    return SafeInput(value, compact=True, id=name, suggester=suggester, select_on_focus=False)


def _id(key: str) -> str:
    return key.replace(".", "-")


def _value(config: RunConfig, key: str) -> str:
    """A setting as it would be typed."""
    section, _, name = key.partition(".")
    value = getattr(getattr(config, section), name)
    return value if isinstance(value, str) else plain(value)
