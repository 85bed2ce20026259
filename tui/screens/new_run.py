"""A new run: which text, how large a model, how long; and what that will cost."""

from collections.abc import Callable

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.timer import Timer
from textual.widgets import Button, Input, Label, Static

from data.catalog import names
from data.safe_text import safe_text
from engine.config import PRESETS, RunConfig, all_settings, override, preset
from engine.protocol import Command, Measure, Open
from engine.settings import plain
from tui.drawing.words import count, duration, short, size
from tui.safe_input import SafeInput
from tui.screens.completion import CorpusSuggester
from tui.state import RunState

FIELDS = (
    ("train.steps", "steps"),
    ("model.context_length", "context"),
    ("train.batch_size", "batch"),
    ("train.learning_rate", "learning rate"),
    ("model.dropout", "dropout"),
    ("train.seed", "seed"),
)
MEASURE_AFTER = 0.5
"""Seconds without a key before the cost is measured anew."""


class NewRunScreen(ModalScreen[None]):
    """A form over the whole of a run; it stays until the run is open."""

    DEFAULT_CSS = """
    NewRunScreen { align: center middle; }
    NewRunScreen > VerticalScroll {
      width: 100; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
      border-subtitle-color: $foreground-muted;
    }
    NewRunScreen .row { height: 1; }
    NewRunScreen Label { width: 14; }
    NewRunScreen Input { width: 1fr; background: $panel; }
    NewRunScreen .range { width: 2fr; padding-left: 2; }
    NewRunScreen .hint { color: $foreground-muted; padding-left: 14; height: 1; text-overflow: ellipsis; text-wrap: nowrap; }
    NewRunScreen #cost { height: 1; color: $accent; text-overflow: ellipsis; text-wrap: nowrap; }
    NewRunScreen #problem { height: auto; min-height: 1; max-height: 2; }
    NewRunScreen #buttons { height: 1; align-horizontal: right; }
    NewRunScreen Button { margin-left: 2; }
    """

    BINDINGS = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Field before", show=False),
    ]

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)

    def __init__(self, config: RunConfig, send: Callable[[Command], None]) -> None:
        """`config`: of the run that is open, the form starts from it. `send`: to the engine."""
        super().__init__()
        self._config = config
        self._send = send
        self._opened = self.state.opened
        self._seen = self.state
        self._sent = False
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        config = self._config
        with VerticalScroll() as form:
            form.border_title = "new run"
            form.border_subtitle = "Enter starts it, Esc leaves everything as it is"
            corpus = _input("corpus", config.corpus, CorpusSuggester())
            yield Horizontal(Label("corpus"), corpus, classes="row")
            yield _hint(f"{', '.join(names())}, or a path (→ completes it).")
            yield _row("preset", _input("preset", config.preset), ", ".join(PRESETS))
            yield _hint("The size of the model; it sets what is below.")
            settings = all_settings()
            for key, label in FIELDS:
                yield _row(label, _input(_id(key), _value(config, key)), "", f"range-{_id(key)}")
                yield _hint(settings[key].description)
            yield Static("", id="cost")
            yield Static("", id="problem")
            with Horizontal(id="buttons"):
                yield Button("Cancel (Esc)", id="cancel", compact=True)
                yield Button("Start fresh (Enter)", id="start", variant="primary", compact=True)

    def on_mount(self) -> None:
        self.query_one("#corpus", Input).focus()
        self._opened, self._seen = self.state.opened, self.state
        self._show_ranges()
        self._measure_soon()

    # What was typed.

    def _read(self) -> RunConfig:
        """The config in the form; ValueError, in a sentence, for what cannot be."""
        name, corpus = self._typed("preset"), self._typed("corpus")
        base = replace(self._config, corpus=corpus)
        if name != base.preset:  # the size changes; where it computes stays
            chosen, train = preset(name, corpus), base.train
            machine = {key: getattr(train, key) for key in ("device", "precision", "threads")}
            base = replace(chosen, train=replace(chosen.train, **machine))
        sets = [f"{key}={self._typed(_id(key))}" for key, _ in FIELDS]
        return override(base, ["train.minutes=0", *sets])

    def _typed(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    @on(Input.Changed)
    def _on_changed(self, event: Input.Changed) -> None:
        if event.input.id == "preset" and event.value in PRESETS and event.input.has_focus:
            chosen = preset(event.value, "")
            for key, _ in FIELDS:
                self.query_one(f"#{_id(key)}", Input).value = _value(chosen, key)
            self._show_ranges()
        self._measure_soon()

    def _show_ranges(self) -> None:
        """What each field may be, and what it is in this preset."""
        name = self._typed("preset")
        defaults = preset(name, "") if name in PRESETS else self._config
        settings = all_settings()
        for key, _ in FIELDS:
            text = f"{settings[key].range}; default {_value(defaults, key)}"
            self.query_one(f"#range-{_id(key)}", Static).update(Content(text))

    # What it costs.

    def _measure_soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(MEASURE_AFTER, self._measure)

    def _measure(self) -> None:
        self._timer = None
        try:
            config = self._read()
        except ValueError as error:
            self._problem(str(error))
            self.query_one("#cost", Static).update("")
            return
        self._problem("")
        self.query_one("#cost", Static).update("measuring a step …")
        self._send(Measure(config))

    def watch_state(self, state: RunState) -> None:
        if not self.is_mounted:
            return
        before, self._seen = self._seen, state
        if self._sent and state.opened is not self._opened and state.opened is not None:
            self.dismiss()
        elif state.failure is not None and state.failure is not before.failure:
            self._sent = False
            self._problem(state.failure.message)
            self.query_one("#cost", Static).update("")
        elif self._sent and state.busy.what:
            self.query_one("#problem", Static).update(Content(f"{state.busy.what} …"))
        measured = state.measured
        if measured is not None and measured is not before.measured:
            seconds = measured.step_seconds * measured.config.train.steps
            self.query_one("#cost", Static).update(
                Content(
                    f"{short(measured.parameters)} parameters · about {size(measured.memory)} of "
                    f"memory · {count(measured.config.train.steps)} steps of "
                    f"{measured.step_seconds * 1000:.0f} ms: about {duration(seconds)}"
                )
            )

    def _problem(self, sentence: str) -> None:
        self.query_one("#problem", Static).update(Content.styled(safe_text(sentence), "$error"))

    # The end of it.

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss()

    @on(Button.Pressed, "#start")
    @on(Input.Submitted)
    def _start(self) -> None:
        try:
            config = self._read()
        except ValueError as error:
            self._problem(str(error))
            return
        if self._timer is not None:  # what it costs no longer matters
            self._timer.stop()
        self._opened = self.state.opened
        self._sent = True
        self._problem("")
        self._send(Open(config))


def _row(label: str, field: Input, range_: str, range_id: str | None = None) -> Horizontal:
    return Horizontal(
        Label(label), field, Static(Content(range_), classes="range", id=range_id), classes="row"
    )


def _hint(text: str) -> Static:
    return Static(Content(text), classes="hint")


def _input(name: str, value: str, suggester: Suggester | None = None) -> Input:
    return SafeInput(value, compact=True, id=name, suggester=suggester, select_on_focus=False)


def _id(key: str) -> str:
    return key.replace(".", "-")


def _value(config: RunConfig, key: str) -> str:
    section, _, name = key.partition(".")
    return plain(getattr(getattr(config, section), name))
