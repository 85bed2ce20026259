"""The app's side of the engine: starts it, folds its events into one state, and ends with it."""

import asyncio
import gc
from collections.abc import Callable, Iterable, Sequence
from time import monotonic

from rich.text import Text
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer
from textual.widgets import Input

from data.safe_text import safe_text
from engine.config import SampleConfig
from engine.protocol import (
    Close,
    Closed,
    Command,
    ConfirmationRequired,
    DownloadEnded,
    Downloading,
    Event,
    Failed,
    Fork,
    Open,
    Opened,
    OpenRun,
    Saved,
)
from tui.dialogs import confirm
from tui.downloads import Downloads
from tui.link import Engine, Link
from tui.signals import SignalGuard, exit_code
from tui.state import RunState, fold
from tui.textual_patches import TERMINAL_RESET, PatchedApp

FRAME = 1 / 20
"""Seconds between two updates of the state: generated text streams at this pace."""
EXIT_TIMEOUT = 2.5
"""Seconds that the last save may take after a signal. What was saved before is safe anyway."""
NOT_TRAINED_HERE = "Another program trains this run: that can be done only there."
TERMINAL_CHECK_INTERVAL = 1.0
"""Seconds between two checks that the terminal is still there."""


class EventsWaiting(Message):
    """The link holds events of the engine."""


class EngineApp(PatchedApp):
    """An app around an engine on its own thread: whatever ends one ends the other, with the run
    saved if it can be."""

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)
    sample_config: reactive[SampleConfig] = reactive(SampleConfig(), repaint=False, layout=False)
    """The settings for the next prompt: those of the run when it is opened."""

    def __init__(
        self,
        opening: Open | OpenRun | Fork,
        engine: Callable[[Callable[[Event], None]], Engine],
        more: Iterable[Command],
    ) -> None:
        """`opening`: the first command. `engine` makes the engine, given where its events go.
        `more`: the commands after the first."""
        super().__init__()
        self._opening = opening
        self._more = more
        self._link = Link(lambda: self.post_message(EventsWaiting()))
        self.engine = engine(self._link.emit)
        self._downloads = Downloads(self, self.engine.send)
        self._fold_timer: Timer | None = None
        self._folded_at = 0.0
        self._quitting = False
        self._engine_closed = False
        self._signal_code = 0
        self.last_words = ""
        """What became of the run after an error; printed once the terminal is restored."""
        self._signals = SignalGuard(self._end_by_signal, EXIT_TIMEOUT, TERMINAL_RESET)
        if isinstance(opening, Open):
            self.set_reactive(EngineApp.sample_config, opening.config.sample)

    def on_mount(self) -> None:
        self._signals.watch()
        if not self.is_headless:
            self.set_interval(TERMINAL_CHECK_INTERVAL, self._signals.look_at_terminal)
        # Only once the screen is painted: torch takes a second or two to load.
        self.call_after_refresh(self._start_engine)

    def _start_engine(self) -> None:
        self.engine.start()
        self.engine.send(self._opening)
        for command in self._more:
            self.engine.send(command)

    async def on_unmount(self) -> None:
        """However the app ends, save the run if possible and join the thread."""
        self.engine.send(Close())
        await asyncio.to_thread(self.engine.close)
        self._signals.forget()
        if self.stopped_by_error:
            self.last_words = _last_words(self._link.drain(), self.state.saved)

    # Events.

    def on_events_waiting(self) -> None:
        """Fold now if the last time was long enough ago, else when it will have been."""
        patience = self._link.patience if self.state.phase == "training" else 0.0
        wait = self._folded_at + max(FRAME, patience) - monotonic()
        if self._fold_timer is not None:
            self._fold_timer.stop()
        if wait <= 0:
            self._fold()
        else:
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
        """What the app itself does about an event, beyond showing it."""
        match event:
            case Opened():
                self.sample_config = event.config.sample
                _resume_garbage_collection()
            case ConfirmationRequired():
                self._confirm(event)
            case Downloading() | DownloadEnded():
                self._downloads.show(event)
            case Failed() if state.opened is None and state.failure is not None:
                self.exit_with(state.failure.message, 2)
            case Failed(_, "save" | "engine") if self._signal_code:  # nobody is there to answer
                self.engine.send(Close(save=False))
            case Failed(_, "save") if self._quitting:
                self._quitting = False
                self._confirm_quitting_unsaved(state)
            case Failed(_, "engine") if self._quitting:
                self.engine.send(Close(save=False))
            case Closed():
                self._engine_closed = True
                if self._quitting:
                    self.exit_with(_farewell(state.saved), self._signal_code)
            case _:
                pass

    def refuses_followed(self) -> bool:
        """Whether the open run is only followed, so that this cannot be done here; says so."""
        if self.state.phase == "following":
            self.notify(NOT_TRAINED_HERE)
        return self.state.phase == "following"

    def _confirm(self, required: ConfirmationRequired) -> None:
        def answered(yes: bool) -> None:
            if yes:
                self.engine.send(required.command)
            elif self.state.opened is None:  # there is nothing else to show
                self.exit_with("", 2)
            elif not isinstance(required.command, OpenRun):  # the form for new runs waits for it
                self.state = fold(self.state, Failed("Nothing was downloaded.", "open"))

        confirm(self, required.question, answered)

    # The end.

    async def action_quit(self) -> None:
        """Save and quit; ask only where something would be lost."""
        self._quitting = True
        if self._engine_closed:  # the engine has ended by itself and answers no more
            self.exit_with(_farewell(self.state.saved), 0)
        elif _trains_unsaved(self.state):
            self._quitting = False
            self._confirm_quitting_unsaved(self.state)
        else:
            self.engine.send(Close())

    def action_help_quit(self) -> None:
        """Ctrl-C, which ends other programs: say what ends this one."""
        leave = "Esc leaves the prompt, then " if isinstance(self.focused, Input) else ""
        self.notify(f"{leave}q saves the run and quits.", title="Ctrl-C does not quit")

    def _confirm_quitting_unsaved(self, state: RunState) -> None:
        def answered(unsaved: bool) -> None:
            if unsaved:
                self._quitting = True
                self.engine.send(Close(save=False))

        reason = "This run is not saved (--no-save)." if _trains_unsaved(state) else ""
        if state.failure:
            reason = state.failure.message
        confirm(self, f"{reason} Quit without saving?", answered)

    def _end_by_signal(self, number: int) -> None:
        """Save and quit, without a question."""
        self._signal_code = exit_code(number)
        self._quitting = True
        self.engine.send(Close())
        if self._engine_closed:
            self.call_later(self.exit_with, "", self._signal_code)

    @property
    def exit_code(self) -> int:
        """The exit code of the program. A closed terminal also makes Textual fail: the signal's
        code comes first."""
        return self._signal_code or self.return_code or 0

    def exit_with(self, message: str, code: int) -> None:
        """End the app; `message`, safe text, is printed once the terminal is restored."""
        self.exit(return_code=code, message=Text(message) if message else None)


def _resume_garbage_collection() -> None:
    """Collect garbage from now on, if the command has switched that off until a run is open.

    What was loaded until now, torch included, stays: no collection has to look through it.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _trains_unsaved(state: RunState) -> bool:
    """Whether steps were taken that end with the program."""
    opened = state.opened
    return opened is not None and not opened.saving and state.step > opened.step


def _farewell(saved: Saved | None) -> str:
    """The last line of a program that has ended: where the run is."""
    if saved is None:
        return ""
    run = safe_text(saved.run)
    return f"Saved as {run} at step {saved.step:,}. Go on with: tinygpt-tui --run {run}"


def _last_words(unseen: Sequence[Event], saved: Saved | None) -> str:
    """The same after an error, from the events that the state does not hold yet."""
    for event in reversed(unseen):
        match event:
            case Saved():
                return _farewell(event)
            case Failed(message, "save" | "engine"):
                return safe_text(message)
            case _:
                pass
    return _farewell(saved)
