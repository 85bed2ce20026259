"""What is remembered from one start of the app to the next: the theme, a bell at the end of a run,
the page of the tour."""

from collections.abc import Iterable

from msgspec.structs import replace
from textual.app import SystemCommand
from textual.theme import Theme

from data.safe_text import safe_text
from engine.protocol import Event, Opened, PhaseChanged
from tui.app_part import AppPart
from tui.preferences import Preferences, load_preferences, save_preferences
from tui.state import RunState
from tui.theme import CLASSROOM


class PreferenceActions(AppPart):
    """The part of the app that follows what the user has chosen for the app itself."""

    _preferences = Preferences()
    _saving = True
    _trains = False
    """Whether the open run was training at its last change of phase."""

    def use_preferences(self, *, saving: bool) -> None:
        """Take up what was chosen before; to be called in `__init__`. `saving`: whether what is
        chosen from now on is written to the disk."""
        self._saving = saving
        self._preferences = load_preferences()
        self.use_theme(CLASSROOM)
        chosen = self.available_themes.get(self._preferences.theme)
        if chosen is not None:
            self.use_theme(chosen)

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, self._remember_theme)

    def preference_commands(self) -> Iterable[SystemCommand]:
        """What the command palette offers."""
        if self._preferences.bell:
            words, help_ = "Ring no bell at the end of a run", "As it was at first"
        else:
            words, help_ = "Ring a bell at the end of a run", "This is remembered"
        yield SystemCommand(words, help_, self.switch_bell)

    def switch_bell(self) -> None:
        """Ring a bell at the end of a run from now on, or stop doing so."""
        self._remember(replace(self._preferences, bell=not self._preferences.bell))

    def _remember_theme(self, theme: Theme) -> None:
        self._remember(replace(self._preferences, theme=theme.name))

    def _remember(self, preferences: Preferences, *, quietly: bool = False) -> None:
        """`quietly`: without a word where they hold for now only."""
        if preferences == self._preferences:
            return
        self._preferences = preferences
        try:
            if self._saving:
                save_preferences(preferences)
            elif not quietly:
                self.notify("This choice is for now only (--no-save).")
        except OSError as error:
            reason = f"This choice is for now only: {error.filename}: {error.strerror}."
            if not quietly:
                self.notify(safe_text(reason), severity="warning", markup=False)

    def _handle_event(self, event: Event, state: RunState) -> None:
        super()._handle_event(event, state)
        match event:
            case PhaseChanged():
                if self._trains and event.phase == "done" and self._preferences.bell:
                    self.bell()
                self._trains = event.phase == "training"
            case Opened():  # as it was saved: what follows is no news
                self._trains = False
            case _:
                pass
