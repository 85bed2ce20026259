"""The app: starts the engine, folds its events into one state, turns keys into commands."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from time import monotonic

from rich.text import Text
from textual import events, on
from textual.app import App, ComposeResult, SystemCommand
from textual.containers import Horizontal, Vertical
from textual.filter import LineFilter
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, Static

from data.safe_text import safe_text
from engine.config import SampleConfig
from engine.protocol import (
    Close,
    Closed,
    ConfirmationRequired,
    Event,
    Failed,
    Open,
    Opened,
    OpenRun,
    Pause,
    Rollback,
    Sample,
    Saved,
    SetLearningRate,
    Step,
    Stop,
    StopSample,
    Train,
)
from engine.session.thread import EngineThread, write_log
from tui.ascii_filter import AsciiFilter
from tui.bindings import BINDINGS
from tui.encoding import ascii_only
from tui.ending import exit_code
from tui.line_filter import DroppingFilter
from tui.link import Engine, Link
from tui.panes.header import HeaderLine, MessageLine
from tui.panes.keys import Keys
from tui.panes.loss import LossPane
from tui.panes.prompt import PromptInput, PromptPane
from tui.panes.samples import SamplesPane
from tui.panes.text import TextPane
from tui.panes.training import TrainingPane
from tui.sampling_controls import SAMPLING_CONTROLS, turned
from tui.screens.confirm_dialog import ConfirmDialog
from tui.screens.help import HelpScreen
from tui.screens.new_run import NewRunScreen
from tui.signals import SignalGuard
from tui.state import RunState, fold
from tui.theme import CLASSROOM

FRAME = 1 / 20
"""Seconds between two looks at the events: text streams at this pace."""
RATE_FACTOR = 1.25
"""By how much a key changes the learning rate."""
SECONDS_TO_END = 2.5
"""After a signal: how long a last save may take. What was saved before is there in any case."""
LOOK_AT_TERMINAL = 1.0
"""Seconds between two looks whether the terminal is still there."""
FULL_SIZE = Size(110, 34)
"""Cells from which on everything is shown at once."""
LEAST_SIZE = Size(80, 24)
"""Cells from which on it can be used."""
VIEWS = ("writes", "text", "training")


class EventsWaiting(Message):
    """The doorbell: the link holds events."""


class TinyGPTApp(App[None]):
    """Trains a small GPT on a text, shows how its loss falls, and lets it write."""

    TITLE = "tinygpt"
    CSS_PATH = "app.tcss"
    AUTO_FOCUS = None

    BINDINGS = [*BINDINGS]

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)
    sample_config: reactive[SampleConfig] = reactive(SampleConfig(), repaint=False, layout=False)

    def __init__(
        self,
        opening: Open | OpenRun,
        why: str = "",
        engine: Callable[[Callable[[Event], None]], Engine] = EngineThread,
    ) -> None:
        """`why`: why this text, where the person named none. `engine` makes the engine."""
        super().__init__()
        # Before the style sheet is read: a theme that is set later has it read twice.
        self.register_theme(CLASSROOM)
        self.set_reactive(App.theme, CLASSROOM.name)
        self.stylesheet.set_variables(self.get_css_variables())
        self._opening = opening
        self._why = why
        self._link = Link(lambda: self.post_message(EventsWaiting()))
        self.engine = engine(self._link.emit)
        self._fold_timer: Timer | None = None
        self._folded_at = 0.0
        self._samples = 0
        self._view = 0
        self._quitting = False
        self._ended = False
        self._stopped = False  # by an error on the screen's side
        self.last_words = ""
        """What became of the run then, to be said once the terminal is given back."""
        self._code = 0
        self._dropping = DroppingFilter()
        self._ending = SignalGuard(self._end_by_signal, SECONDS_TO_END)
        if isinstance(opening, Open):
            self.set_reactive(TinyGPTApp.sample_config, opening.config.sample)

    def compose(self) -> ComposeResult:
        yield Static("", id="too-small")
        with Vertical(id="main"):
            yield HeaderLine().data_bind(TinyGPTApp.state)
            yield MessageLine().data_bind(TinyGPTApp.state)
            with Horizontal(id="body"):
                with Vertical(id="left"):
                    text = TextPane()
                    text.why = self._why
                    yield text.data_bind(TinyGPTApp.state)
                    yield TrainingPane().data_bind(TinyGPTApp.state)
                with Vertical(id="right"):
                    yield LossPane().data_bind(TinyGPTApp.state)
                    yield SamplesPane().data_bind(TinyGPTApp.state)
            yield PromptPane().data_bind(TinyGPTApp.state, config=TinyGPTApp.sample_config)
            yield Keys(compact=True)

    def on_mount(self) -> None:
        self._ending.watch()
        if not self.is_headless:
            self.set_interval(LOOK_AT_TERMINAL, self._ending.look_at_terminal)
        # Back from the shell, Textual takes the screen to be as it left it.
        self.app_resume_signal.subscribe(self, lambda app: app.refresh(layout=True))
        # Only once the screen is painted: torch takes a second or two to load.
        self.call_after_refresh(self._start_engine)

    def _start_engine(self) -> None:
        self.engine.start()
        self.engine.send(self._opening)

    def on_resize(self, event: events.Resize) -> None:
        """Lay the panes out for the size of the window."""
        width, height = event.size
        full = width >= FULL_SIZE.width and height >= FULL_SIZE.height
        fits = width >= LEAST_SIZE.width and height >= LEAST_SIZE.height
        self.query_one("#main").set_class(not full, "column")
        footer = self.query_one(Keys)
        if footer.show_command_palette != full:
            footer.show_command_palette = full
            footer.refresh(recompose=True)
        self.screen_stack[0].set_class(not fits, "too-small")
        self.query_one("#too-small", Static).update(
            f"tinygpt needs a window of {LEAST_SIZE.width} × {LEAST_SIZE.height}; "
            f"this one is {width} × {height}."
        )

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's, the one that drops what a terminal would obey, and one for old terminals."""
        plain = [AsciiFilter()] if ascii_only(os.environ) else []
        return [*super().get_line_filters(), self._dropping, *plain]

    def _end_by_signal(self, number: int) -> None:
        """Save and quit, with no question."""
        self._code = exit_code(number)
        self._quitting = True
        self.engine.send(Close())
        if self._ended:
            self.call_later(self._exit_with, "", self._code)

    @property
    def exit_code(self) -> int:
        """How it ended. A terminal that closes also makes Textual fail: the signal came first."""
        return self._code or self.return_code or 0

    def _fatal_error(self) -> None:
        """An error on the screen's side: one sentence, and all of it in a log. Textual's own page,
        which this replaces, prints local variables, and so a person's text."""
        error = sys.exc_info()[1]
        assert error is not None, "called where it is handled"
        log = write_log(error)
        self.panic(
            Text(
                safe_text(
                    f"The screen stopped: {type(error).__name__}: {error}"
                    f"{f' (all of it in {log})' if log else ''}."
                )
            )
        )
        self._stopped = True

    async def on_unmount(self) -> None:
        """However the app ends, the run is saved if it can be, and the thread joined."""
        self.engine.send(Close())
        await asyncio.to_thread(self.engine.close)
        self._ending.forget()
        if self._stopped:
            self.last_words = _last_words(self._link.drain(), self.state.saved)

    # Events.

    def on_events_waiting(self) -> None:
        """Fold at once if the last time is a frame ago, else when it is."""
        wait = self._folded_at + FRAME - monotonic()
        if wait <= 0:
            self._fold()
        elif self._fold_timer is None:
            self._fold_timer = self.set_timer(wait, self._fold)

    def _fold(self) -> None:
        self._fold_timer = None
        self._folded_at = monotonic()
        state = self.state
        for event in self._link.drain():
            state = fold(state, event)
            self._handle_event(event, state)
        self.state = state

    def _handle_event(self, event: Event, state: RunState) -> None:
        """What an event asks of the app itself, beyond being shown."""
        match event:
            case Opened():
                self.sample_config = event.config.sample
                _collect_from_now_on()
            case ConfirmationRequired():
                self._ask_for_a_yes(event)
            case Failed() if state.opened is None and state.failure is not None:
                self._exit_with(state.failure.message, 2)
            case Failed(_, "save" | "engine") if self._code:  # a signal waits for no answer
                self.engine.send(Close(save=False))
            case Failed(_, "save") if self._quitting:
                self._quitting = False
                self._ask_whether_to_lose(state)
            case Failed(_, "engine") if self._quitting:
                self.engine.send(Close(save=False))
            case Closed():
                self._ended = True
                if self._quitting:
                    self._exit_with(_farewell(state.saved), self._code)
            case _:
                pass

    def _ask_for_a_yes(self, asked: ConfirmationRequired) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self.engine.send(asked.command)
            elif self.state.opened is None:  # there is nothing else to show
                self._exit_with("", 2)

        self.push_screen(ConfirmDialog(safe_text(asked.question)), answered)

    def _exit_with(self, sentence: str, code: int) -> None:
        self.exit(return_code=code, message=Text(sentence) if sentence else None)

    # Actions: what keys, mouse and command palette do.

    def action_train(self) -> None:
        """Train, or pause; after an error of ours, open the run anew."""
        failure, opened = self.state.failure, self.state.opened
        if failure is not None and failure.during == "engine" and opened is not None:
            self.engine.send(OpenRun(opened.run) if self.state.step else Open(opened.config))
            return
        self.engine.send(Pause() if self.state.phase == "training" else Train())

    def action_rollback(self) -> None:
        """After a step that could not be taken: from the last save, at half the learning rate."""
        if self.state.phase == "failed":
            self.engine.send(Rollback())

    def action_step(self) -> None:
        self.engine.send(Step())

    def action_end(self) -> None:
        self.engine.send(Stop())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the prompt, and over this screen, p is text and Tab goes on as everywhere."""
        if action != "prompt":
            return True
        only_without_focus = bool(parameters)
        if len(self.screen_stack) > 1 or (only_without_focus and self.focused is not None):
            return False
        return not self.query_one(PromptInput).has_focus

    def action_prompt(self, _only_without_focus: bool = False) -> None:
        """To the prompt."""
        # Not prompt.focus(), which waits for its turn.
        self.screen.set_focus(self.query_one(PromptInput))

    def action_leave(self) -> None:
        """Stop writing; when nothing is being written, leave the prompt."""
        writing = self.state.writing
        if writing is not None and not writing.ended:
            self.engine.send(StopSample())
        else:
            self.screen.set_focus(None)

    @on(Input.Submitted, "#prompt-input")
    def action_write(self) -> None:
        """Write on from the prompt."""
        prompt = self.query_one(PromptInput)
        prompt.remember()
        self._samples += 1
        self.engine.send(Sample(self._samples, prompt.prompt, self.sample_config))

    def action_dial(self, number: int, direction: int) -> None:
        """Turn one of the sampling settings."""
        self.sample_config = turned(self.sample_config, SAMPLING_CONTROLS[number], direction)

    def action_learning_rate(self, direction: int) -> None:
        """Raise or lower the learning rate by a quarter, from the next step on."""
        if self.state.opened is not None:
            rate = self.state.learning_rate * RATE_FACTOR**direction
            self.engine.send(SetLearningRate(float(f"{rate:.3g}")))

    def action_log_axis(self) -> None:
        pane = self.query_one(LossPane)
        pane.log_x = not pane.log_x

    def action_view(self) -> None:
        """In one column: the next of the panes that share a place."""
        main = self.query_one("#main")
        main.remove_class(f"view-{VIEWS[self._view]}")
        self._view = (self._view + 1) % len(VIEWS)
        main.add_class(f"view-{VIEWS[self._view]}")

    def action_new_run(self) -> None:
        if self.state.opened is not None:
            screen = NewRunScreen(self.state.opened.config, self.engine.send)
            self.push_screen(screen.data_bind(TinyGPTApp.state))

    def action_runs(self) -> None:
        """The saved runs; the one that is chosen is opened."""

        def chosen(name: str | None) -> None:
            if name is not None:
                self.engine.send(OpenRun(name))

        if self.state.opened is not None:
            from tui.screens.runs import RunsScreen  # brings rich's tables along

            self.push_screen(RunsScreen(self.engine.send).data_bind(TinyGPTApp.state), chosen)

    def action_help(self) -> None:
        self.push_screen(HelpScreen())

    async def action_quit(self) -> None:
        """Save and quit; a question only where something would be lost."""
        self._quitting = True
        if self._ended:  # it has stopped by itself, and answers no more
            self._exit_with(_farewell(self.state.saved), 0)
        else:
            self.engine.send(Close())

    def _ask_whether_to_lose(self, state: RunState) -> None:
        def answered(lose: bool | None) -> None:
            if lose:
                self._quitting = True
                self.engine.send(Close(save=False))

        reason = state.failure.message if state.failure else ""
        self.push_screen(ConfirmDialog(f"{reason} Quit without saving?"), answered)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key's action, by name, beside Textual's own commands."""
        yield from super().get_system_commands(screen)
        for binding in BINDINGS:
            if binding.key in ("escape", "tab", "ctrl+z"):
                continue
            yield SystemCommand(
                binding.description.capitalize(),
                f"key {self.get_key_display(binding)}",
                partial(self.run_action, binding.action),
            )


def _collect_from_now_on() -> None:
    """The command put collecting garbage off until a run is open. All that was loaded until then,
    torch included, stays: no later collection has to look through it."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _farewell(saved: Saved | None) -> str:
    """What is said when the app has closed: where the run is."""
    if saved is None:
        return ""
    run = safe_text(saved.run)
    return f"Saved as {run} at step {saved.step:,}. Go on with: tinygpt-tui --run {run}"


def _last_words(unseen: Sequence[Event], saved: Saved | None) -> str:
    """The same after an error, from what the engine still told."""
    for event in reversed(unseen):
        match event:
            case Saved():
                return _farewell(event)
            case Failed(message, "save" | "engine"):
                return safe_text(message)
            case _:
                pass
    return _farewell(saved)
