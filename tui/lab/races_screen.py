"""What can be asked: the ready questions, sides of one's own, the saved races, and the sweeps."""

from collections.abc import Callable
from typing import NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from engine.protocol import Command, DeleteRace, ListRaces, ListSweeps, RaceSummary
from tui.drawing.words import count
from tui.lab.questions import QUESTIONS
from tui.screens.confirm_dialog import ConfirmDialog
from tui.screens.dialog import Key, StateDialog
from tui.screens.run_editor import RunEditor
from tui.state import RunState

FRAME_LINES = 7
"""Lines of the page other than the list: border, what is said of the highlighted line,
keys."""


class Chosen(NamedTuple):
    """A line of the list; without any of these, it stands for own sides."""

    question: str = ""
    """The key of a ready question."""
    race: str = ""
    """The true name of a saved race."""
    sweep: str = ""
    """The true name of a sweep."""


class ListedRace(NamedTuple):
    """A saved race: as it is drawn, and by its true name."""

    shown: RaceSummary
    name: str


class RacesScreen(StateDialog[Chosen]):
    """Dismissed with what is chosen."""

    DEFAULT_CSS = """
    RacesScreen { align: center middle; }
    RacesScreen > Vertical {
      width: 90; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
    }
    RacesScreen OptionList { height: auto; border: none; background: $surface; }
    RacesScreen #race-note { height: auto; max-height: 4; min-height: 2; color: $foreground-muted; }
    """

    BINDINGS = [
        Binding("escape,q", "dismiss", "Close"),
        Binding("r", "rename", "Rename"),
        Binding("d,delete", "delete", "Delete"),
    ]

    TITLE_OF_HELP = "questions"
    ABOUT = (
        "Each ready question is a race of a minute or two: versions of a small model from the same "
        "start, on the open run's text. Below them are the races that were saved, and the sweeps: many "
        "settings with several seeds each, which tinygpt-tui sweep FILE.toml trains in a terminal."
    )
    KEYS = (
        Key("Enter", "choose", "ask the question, open the race, or look at the sweep", "choose"),
        Key("r", "name", "give a saved race another name; its runs keep theirs", "rename"),
        Key("d", "delete", "delete a saved race, and its runs if you say so when asked", "delete"),
        Key("Esc", "close", "back to the view", "dismiss"),
    )

    def __init__(self, state: RunState, send: Callable[[Command], None]) -> None:
        """`state`: as it is now; later ones come by data binding. `send`: to the engine."""
        super().__init__(state)
        self._send = send
        self._choices: list[Chosen] = []
        self._seen = state
        self._editor = RunEditor(self, send)

    def compose(self) -> ComposeResult:
        with Vertical() as page:
            page.border_title = "what do you want to know?"
            yield OptionList(compact=True)
            yield Static("", id="race-note")
            yield self.key_line()

    def on_mount(self) -> None:
        self._show()
        self.query_one(OptionList).focus()
        self._send(ListRaces())
        self._send(ListSweeps())

    def on_resize(self, event: events.Resize) -> None:
        """Show as many lines as fit."""
        self.query_one(OptionList).styles.max_height = max(1, event.size.height - FRAME_LINES)

    def watch_state(self, state: RunState) -> None:
        if not self.is_mounted:
            return
        before, self._seen = self._seen, state
        failure = state.failure
        if failure is not None and failure is not before.failure and failure.during == "runs":
            self._say(Content.styled(failure.message, "$warning"))
            self._editor.refused(failure.message)
        if state.lab.races_changed != before.lab.races_changed:
            self._editor.accepted()
            self._send(ListRaces())
        if state.lab.races is not before.lab.races or state.lab.sweeps is not before.lab.sweeps:
            self._show()

    def _show(self) -> None:
        lab, listed = self.state.lab, self.query_one(OptionList)
        line = listed.highlighted or 0
        self._choices = [Chosen(question=question.key) for question in QUESTIONS]
        options = [Option(Content(question.title)) for question in QUESTIONS]
        self._choices.append(Chosen())
        options.append(Option(Content("versions of your own …")))
        for race, raw in zip(lab.races, lab.raw_races.value, strict=True):
            self._choices.append(Chosen(race=raw.name))
            words = Content.assemble(("saved  ", "$foreground-muted"), race.question or race.name)
            options.append(Option(words))
        for sweep, raw_sweep in zip(lab.sweeps, lab.raw_sweeps.value, strict=True):
            self._choices.append(Chosen(sweep=raw_sweep.name))
            options.append(Option(Content.assemble(("sweep  ", "$foreground-muted"), sweep.name)))
        listed.clear_options()
        listed.add_options(options)
        listed.highlighted = min(line, len(options) - 1)

    @property
    def _highlighted(self) -> int:
        return self.query_one(OptionList).highlighted or 0

    @on(OptionList.OptionHighlighted)
    def show_note(self) -> None:
        """Say more about the highlighted line."""
        self._say(Content(self._note()))

    def _say(self, words: Content) -> None:
        self.query_one("#race-note", Static).update(words)

    def _note(self) -> str:
        place, races = self._highlighted, self.state.lab.races
        if place < len(QUESTIONS):
            return " or ".join(QUESTIONS[place].names)
        number = place - len(QUESTIONS) - 1
        if number < 0:
            return "Two to four sides, by their settings."
        if number >= len(races):
            sweep = self.state.lab.sweeps[number - len(races)]
            return sweep.problem or f"{count(sweep.done)} of {count(sweep.runs)} runs have ended."
        race = races[number]
        said = " ".join(filter(None, (race.verdict, race.problem))) or "no verdict yet"
        return f"{race.name}: {said}"

    @on(OptionList.OptionSelected)
    def action_choose(self) -> None:
        """Ask it, or open it."""
        self.dismiss(self._choices[self._highlighted])

    @property
    def _race(self) -> ListedRace | None:
        """The highlighted race; None: it is none."""
        number, lab = self._highlighted - len(QUESTIONS) - 1, self.state.lab
        if not 0 <= number < len(lab.races):
            return None
        return ListedRace(lab.races[number], lab.raw_races.value[number].name)

    def action_rename(self) -> None:
        """Ask for another name."""
        if self._race is not None:
            self._editor.rename_race(self._race.shown.name, self._race.name)

    def action_delete(self) -> None:
        """Ask, then delete the highlighted race, with its runs or without."""
        race, opened = self._race, self.state.lab.raw_opened
        if race is None:
            return
        if self.state.lab.is_open and opened is not None and opened.value.race == race.name:
            self._say(Content(f"{race.shown.name} is open here: open another run first."))
            return

        def answered(sure: bool | None) -> None:
            if sure and race.shown.runs:
                self.app.push_screen(ConfirmDialog(runs_question(race.shown)), delete)
            elif sure:
                delete(False)

        def delete(with_runs: bool | None) -> None:
            self._send(DeleteRace(race.name, bool(with_runs)))

        self.app.push_screen(ConfirmDialog(f"Delete the race {race.shown.name}?"), answered)


def runs_question(race: RaceSummary) -> str:
    """What is asked about the runs of a race that is to be deleted."""
    runs, seeds = ", ".join(race.runs), " and those of its other seeds" if race.seeds > 1 else ""
    return f"Its runs too? {runs}{seeds} are saved runs like any other; n keeps them."
