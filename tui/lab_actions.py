"""What the keys do to the laboratory: ask a question, race sides of one's own, open a saved race, look
at a sweep."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.config import RunConfig
from engine.protocol import (
    Compare,
    Event,
    Failed,
    OpenRace,
    OpenRun,
    OpenSavedRace,
    RaceOpened,
    SideEvent,
    Train,
)
from tui.compared import MOST_COMPARED
from tui.engine_app import EngineApp
from tui.export_actions import ExportActions
from tui.state import RunState

if TYPE_CHECKING:  # loaded when it is needed
    from tui.lab.entry import Entry


class LabActions(ExportActions):
    """The part of the app that starts and opens races."""

    _starts = False
    """Whether the race that is being opened is to train at once."""
    _entry: "Entry | None" = None
    """The sides of the user's own, as they were entered last."""

    def _handle_event(self, event: Event, state: RunState) -> None:
        if isinstance(event, SideEvent):
            if event.side == 0:  # what the other views show
                self._handle_event(event.event, state)
            return
        super()._handle_event(event, state)
        match event:
            case RaceOpened() if self._starts:
                # Only now: had it not been opened, this would train the run that stays open.
                self._starts = False
                self.engine.send(Train())
            case Failed(during="open"):
                self._starts = False
            case _:
                pass

    @property
    def _open_config(self) -> RunConfig | None:
        raw = self.state.raw_opened
        return raw.value.config if raw is not None else None

    def action_ask_question(self) -> None:
        """Show the ready questions and the saved races, and open the one that is chosen."""
        # when it is opened
        from tui.lab.questions import question_of
        from tui.lab.races_screen import Chosen, RacesScreen

        def chosen(what: Chosen | None) -> None:
            config = self._open_config
            if what is None or config is None:
                return
            if what.race:
                self._guess("")
                self.engine.send(OpenSavedRace(what.race))
            elif what.sweep:
                self.show_sweep(what.sweep)
            elif what.question:
                question = question_of(what.question)
                self._ask_for_guess(question.race(config.corpus, config.reading), question.key)
            else:
                self.action_own_sides()

        if self._open_config is not None:
            screen = RacesScreen(self.state, self.engine.send)
            self.push_screen(screen.data_bind(EngineApp.state), chosen)

    def show_sweep(self, name: str) -> None:
        """Show a sweep as it stands. `name`: its true name."""
        from tui.sweep.screen import SweepScreen  # when it is opened

        def chosen(runs: tuple[str, ...] | None) -> None:
            if runs:
                first, *others = runs
                self.engine.send(OpenRun(first))
                self.engine.send(Compare(tuple(others[:MOST_COMPARED])))

        screen = SweepScreen(name, self.state, self.engine.send, self.ask_for_report)
        self.push_screen(screen.data_bind(EngineApp.state), chosen)

    def action_own_sides(self) -> None:
        """Ask for the sides of a race. What was entered last stands there again."""
        # when it is opened
        from tui.lab.entry import Entry, first_entry
        from tui.lab.sides_form import SidesForm

        def entered(what: tuple[Entry, OpenRace] | None) -> None:
            if what is not None:
                self._entry, race = what
                self._ask_for_guess(race, "")

        config = self._open_config
        if config is not None:
            entry = self._entry or first_entry(config)
            screen = SidesForm(entry, config, self.state, self.engine.send)
            self.push_screen(screen.data_bind(EngineApp.state), entered)

    def _ask_for_guess(self, race: OpenRace, key: str) -> None:
        """Ask what is expected, then start the race."""
        # when it is asked
        from tui.lab.guess_screen import GuessScreen
        from tui.lab.questions import question_of

        def start(guess: str | None) -> None:
            if guess is not None:
                self._guess(guess)
                self._starts = True
                self.engine.send(race)

        self.push_screen(GuessScreen(race, question_of(key) if key else None), start)

    def _guess(self, guess: str) -> None:
        self.state = replace(self.state, lab=replace(self.state.lab, guess=guess))
