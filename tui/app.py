"""The app: its layout, and what its keys, mouse and command palette do."""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from msgspec.structs import replace
from textual import events
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.filter import LineFilter
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Static

from data.safe_text import safe_text
from engine import EngineThread
from engine.protocol import Command, Event, Fork, Open, OpenRun, StopReading
from tui.bindings import BINDINGS, CHANGES, action_of, acts
from tui.chart_actions import ChartActions
from tui.copy_actions import CopyActions
from tui.encoding import ascii_only, named
from tui.engine_app import EngineApp
from tui.lab_actions import LabActions
from tui.line_filter import DroppingFilter
from tui.link import Engine
from tui.panes.header import HeaderLine, MessageLine
from tui.panes.keys import KeysLine
from tui.panes.loss import LossPane
from tui.panes.prompt import PromptPane
from tui.panes.samples import SamplesPane
from tui.panes.text import TextPane
from tui.panes.training import TrainingPane
from tui.run_actions import RunActions
from tui.state import RunState
from tui.tour_actions import TourActions
from tui.trial_actions import TrialActions
from tui.view_switching import ViewSwitching
from tui.views import TRAIN, VIEW_CLASS

FULL_SIZE = Size(110, 34)
"""Cells from which on every pane is shown at once."""
LARGE_HEIGHT = 60
"""Lines from which on the loss chart gets more of the room."""
MIN_SIZE = Size(80, 24)
"""Cells below which the app cannot be used."""


class TinyGPTApp(
    LabActions, RunActions, TourActions, ChartActions, CopyActions, TrialActions, EngineApp
):
    """Trains a small GPT on a text, draws its loss, and generates text from prompts."""

    TITLE = "tinygpt"
    CSS_PATH = "app.tcss"
    AUTO_FOCUS = None

    BINDINGS = [*BINDINGS]

    def __init__(
        self,
        opening: Open | OpenRun | Fork,
        why: str = "",
        engine: Callable[[Callable[[Event], None]], Engine] = EngineThread,
        more: Iterable[Command] = (),
        *,
        saving: bool = True,
        follows: bool = False,
        sweep: str = "",
    ) -> None:
        """`why`: why this text, where the user has not named one. `engine` and `more`: as for
        `EngineApp`. `saving`: whether choices for the app itself are remembered. `follows`: whether
        what reads or writes other files than the open run is left out. `sweep`: the name of one that
        is shown at once."""
        super().__init__(opening, engine, more)
        self._follows = follows
        self.use_preferences(saving=saving)
        self._why = why
        self._sweep = sweep
        self._acting: tuple[bool | None, ...] = ()
        self._dropping = DroppingFilter()

    def compose(self) -> ComposeResult:
        with Vertical(id="main"):
            yield HeaderLine().data_bind(EngineApp.state, ViewSwitching.view)
            yield MessageLine().data_bind(EngineApp.state)
            with Vertical(id=f"view-{TRAIN}", classes=VIEW_CLASS):
                with Horizontal(id="body"):
                    with Vertical(id="left"):
                        yield TextPane(self._why).data_bind(EngineApp.state)
                        yield TrainingPane().data_bind(EngineApp.state)
                    with Vertical(id="right"):
                        yield LossPane().data_bind(EngineApp.state)
                        yield SamplesPane().data_bind(
                            EngineApp.state, copies=CopyActions.sample_copies
                        )
                yield PromptPane().data_bind(EngineApp.state, config=EngineApp.sample_config)
            yield KeysLine()

    def on_ready(self) -> None:
        """Show the sweep that was asked for."""
        if self._sweep:
            self.show_sweep(self._sweep)

    def on_resize(self, event: events.Resize) -> None:
        """Lay the panes out for the size of the window."""
        width, height = event.size
        full = width >= FULL_SIZE.width and height >= FULL_SIZE.height
        fits = width >= MIN_SIZE.width and height >= MIN_SIZE.height
        large = full and height >= LARGE_HEIGHT
        if large or not full:
            self.read_occasional_styles()
        main = self.query_one("#main")
        main.set_class(not full, "column")
        main.set_class(large, "large")
        self.refresh_bindings()
        screen = self.screen_stack[0]
        screen.set_class(not fits, "too-small")
        if not fits:
            if not screen.query("#too-small"):
                screen.mount(Static(id="too-small"))
            screen.query_one("#too-small", Static).update(
                f"tinygpt needs a window of {MIN_SIZE.width} × {MIN_SIZE.height}; "
                f"this one is {width} × {height}."
            )

    def get_key_display(self, binding: Binding) -> str:
        """As Textual has it, where the terminal can show that."""
        return named(super().get_key_display(binding))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, the safety net for untrusted text, and one for ASCII terminals."""
        filters = [*super().get_line_filters(), self._dropping]
        if ascii_only(os.environ):
            from tui.ascii_filter import AsciiFilter  # seldom needed

            filters.append(AsciiFilter())
        return filters

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The actions that are available now, in full phrases."""
        from tui.palette import reworded, sentence  # when the palette is opened

        page = self.page
        ours = [(self, binding) for binding in BINDINGS]
        theirs = [(page, binding) for binding in page.KEYS] if page else []
        for owner, binding in (*ours, *theirs):
            if (words := sentence(binding)) and self._offers(binding):
                act = partial(self.run_action, binding.action, owner)
                yield SystemCommand(words, f"key {self.get_key_display(binding)}", act)
        if not self._follows:
            yield from self.export_commands()
        yield from reworded(super().get_system_commands(screen))
        yield from self.preference_commands()
        if not self._follows:
            # In a moment: the palette is not to be in the picture.
            picture = partial(self.set_timer, 0.1, self.save_picture)
            yield SystemCommand("Save a picture of the screen", "As an SVG file", picture)

    def save_picture(self) -> None:
        """Save the screen as a file, and say where it is or why it cannot be."""
        from tui.screenshot import save_screenshot  # when one is taken

        try:
            path = save_screenshot(self.export_screenshot())
        except OSError as error:
            reason = f"The picture cannot be saved: {error.filename}: {error.strerror}."
            self.notify(safe_text(reason), severity="error", markup=False)
        else:
            self.notify(safe_text(f"Saved as {path}"), title="picture of the screen", markup=False)

    # When the keys act.

    def watch_state(self, state: RunState) -> None:
        """Refresh the footer when a key has become available or unavailable."""
        now = tuple(acts(action_of(binding), state) for binding in BINDINGS)
        if now != self._acting:
            self._acting = now
            self.refresh_bindings()
        self.show_state(state)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key acts now: True; no, but another action of the same key may: False; no, and
        it is shown as such: None."""
        if not self.acts_here(action):
            return False
        if self._follows and action in CHANGES:
            return None
        if action in ("go", "tour", "show_copy"):
            return len(self.screen_stack) == 1
        if action == "prompt":
            return self.may_go_to_prompt(only_without_focus=bool(parameters))
        if action in ("view", "enlarge", "shrink"):
            return self.can_view(action)
        return acts(action, self.state)

    def _offers(self, binding: Binding) -> bool:
        """Whether the command palette, which is a screen of its own, has the action of a key."""
        name = action_of(binding)
        if not self.acts_here(name) or binding.action == f"go({self.view})":
            return False
        if self._follows and name in CHANGES:
            return False
        views = name in ("view", "enlarge", "shrink")
        return self.can_view(name) if views else bool(acts(name, self.state))

    def action_leave(self) -> None:
        """Stop the reading of a text; where none is read, as elsewhere."""
        if self.state.busy.stoppable:
            self.engine.send(StopReading())
        else:
            super().action_leave()

    # Other screens, for which the first paint does not wait.

    def action_new_run(self) -> None:
        """Open the form for a new run."""
        from tui.screens.new_run import NewRunScreen  # when it is opened

        state = self.state
        if state.raw_opened is not None:
            screen = NewRunScreen(state.raw_opened.value.config, state, self.engine.send)
            self.push_screen(screen.data_bind(EngineApp.state), lambda _: self._forget_the_form())

    def _forget_the_form(self) -> None:
        """What failed for the form goes with it."""
        failure = self.state.failure
        if failure is not None and failure.during in ("open", "measure"):
            self.state = replace(self.state, failure=None)

    def action_runs(self) -> None:
        """Show the saved runs and open the one that is chosen."""
        from tui.screens.runs import RunsScreen  # when it is opened

        def chosen(name: str | None) -> None:
            if name is not None:
                self.engine.send(OpenRun(name))

        if self.state.opened is not None:
            screen = RunsScreen(self.state, self.engine.send, self.ask_for_export)
            self.push_screen(screen.data_bind(EngineApp.state), chosen)

    def action_help(self) -> None:
        """Show the help page."""
        from tui.screens.help import HelpScreen  # when it is opened

        self.push_screen(HelpScreen(self.state))
