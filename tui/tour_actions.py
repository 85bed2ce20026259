"""What the keys do to the tour: show and close it, turn its pages, and guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace
from textual.widget import Widget
from textual.widgets import Input

from tui.preference_actions import PreferenceActions
from tui.state import RunState
from tui.time_actions import TimeActions
from tui.views import TRAIN, VIEW_CLASS

if TYPE_CHECKING:  # made only when the tour is first shown
    from tui.tour.panel import TourPanel

ONLY_IN_TOUR = frozenset(("guess", "turn_page"))
"""Actions that need a page."""


class TourActions(TimeActions, PreferenceActions):
    """The part of the app that leads through the tour."""

    _panel: TourPanel | None = None
    """Once the tour was shown."""
    _before_guess: Widget | None = None
    """What had the focus before the guess."""
    _laid_out: object = None
    """Which widgets are covered, which has more room, and in which view."""

    @property
    def in_tour(self) -> bool:
        """Whether the tour is shown."""
        return self._panel is not None and self._panel.display

    def acts_here(self, action: str) -> bool:
        if action not in ONLY_IN_TOUR:
            return super().acts_here(action)
        panel = self._panel
        guesses = panel is not None and bool(panel.tour.page.guess)
        return self.in_tour and (guesses or action != "guess")

    def show_state(self, state: RunState) -> None:
        super().show_state(state)
        self._follow()

    async def action_tour(self) -> None:
        """Show the tour at the page where it was left, or close it."""
        panel = self._panel
        if panel is None:
            # Not before it is wanted: the first paint is to be fast.
            from tui.tour.panel import TourPanel
            from tui.tour.state import Tour

            panel = TourPanel()
            panel.tour = Tour().turned_to(self._preferences.tour_page)
            panel.display = False
            await self.screen_stack[0].query_one("#main").mount(panel)
            self._panel = panel
        if panel.display:
            self._close_tour(panel)
        else:
            panel.tour = panel.tour.after_a_break()
            self._show_tour(panel, shown=True)

    def _close_tour(self, panel: TourPanel) -> None:
        self.action_stop_guessing()
        self._show_tour(panel, shown=False)

    def _show_tour(self, panel: TourPanel, *, shown: bool) -> None:
        panel.display = shown
        self.read_occasional_styles()
        self.screen_stack[0].query_one("#main").set_class(shown, "in-tour")
        self.refresh_bindings()
        self._follow()

    def _follow(self) -> None:
        """Have the page tell of what is on the screen now."""
        panel = self._panel
        if panel is None or not self.is_running:
            return
        if panel.display:
            from tui.tour.scene import Scene  # with the first page

            scene = Scene(self.state, self.view, self.sample_config)
            panel.state = self.state
            panel.tour = panel.tour.followed(scene)
        covers = panel.tour.covers if panel.display else ()
        room = panel.tour.page.room if panel.display else None
        if self._laid_out != (covers, room, self.view):
            self._laid_out = covers, room, self.view
            for widget in self.screen_stack[0].query(f".{VIEW_CLASS} *"):
                widget.set_class(isinstance(widget, covers), "covered")
                widget.set_class(type(widget) is room, "subject")

    def action_turn_page(self, by: int) -> None:
        """To the next page, or the one before."""
        if (panel := self._panel) is not None:
            self.action_stop_guessing()
            panel.tour = panel.tour.turned_to(panel.tour.number + by)
            self._follow()
            page = replace(self._preferences, tour_page=panel.tour.number)
            self._remember(page, quietly=True)

    # Guessing.

    def action_guess(self) -> None:
        """Type what is expected on this page."""
        if (panel := self._panel) is not None:
            self._before_guess = self.focused
            panel.open_guess()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Have the page tell how the guess is."""
        panel = self._panel
        if panel is None or event.input.parent is not panel:
            return
        if guess := panel.guess:
            panel.tour = replace(panel.tour, guess=guess)
        self.action_stop_guessing()
        self._follow()

    def action_stop_guessing(self) -> None:
        """Back to where the focus was before."""
        if (panel := self._panel) is not None and panel.guessing:
            panel.guessing = False
            self.screen_stack[0].set_focus(self._before_guess)

    def action_leave(self) -> None:
        """As elsewhere; where nothing is to be left, close the tour."""
        nothing = self.view == TRAIN and self._enlarged is None and not self._prompt_is_busy
        if (panel := self._panel) is not None and panel.display and nothing:
            self._close_tour(panel)
        else:
            super().action_leave()
