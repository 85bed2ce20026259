"""What the number keys do: another view of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.reactive import reactive

from tui.bindings import ONLY_IN_TRAIN
from tui.state import RunState
from tui.view_actions import ViewActions
from tui.views import TRAIN, VIEW_CLASS, VIEWS

if TYPE_CHECKING:  # made only when it is first shown
    from tui.view_page import ViewPage


class ViewSwitching(ViewActions):
    """The part of the app that shows one view at a time. A view is made when it is first shown."""

    view: reactive[int] = reactive(TRAIN, repaint=False)
    """The number of the view that is shown."""

    @property
    def page(self) -> ViewPage | None:
        """The view that is shown, unless that is the first, or the app is just ending."""
        if self.view == TRAIN or not self.screen_stack:
            return None
        from tui.view_page import ViewPage  # with the first view that is one

        return self.screen_stack[0].query_one_optional(f"#view-{self.view}", ViewPage)

    async def action_go(self, number: int) -> None:
        """Show the view of this number; what is pressed from now on is for that view."""
        view = next(view for view in VIEWS if view.number == number)
        main = self.screen_stack[0].query_one("#main")
        if view.make is not None and not main.query(f"#view-{number}"):
            page = view.make()
            page.id = f"view-{number}"
            page.display = False
            await main.mount(page, after=f"#view-{TRAIN}")
        self._show(number)

    def _show(self, number: int) -> None:
        """Show a view that has been made."""
        if number == self.view:
            return
        screen = self.screen_stack[0]
        screen.set_focus(None)
        if self.page is not None:
            self.page.when_left()
        for page in screen.query(f".{VIEW_CLASS}"):
            page.display = page.id == f"view-{number}"
        self.view = number
        self.show_state(self.state)
        if self.page is not None:
            screen.set_focus(self.page.first_focus())
        self.refresh_bindings()

    def action_leave(self) -> None:
        """Back to the first view; there, as in `ViewActions`."""
        if self.view != TRAIN:
            self._show(TRAIN)
        else:
            super().action_leave()

    def action_prompt(self, only_without_focus: bool = False) -> None:
        """To the prompt, which is in the first view."""
        self._show(TRAIN)
        super().action_prompt(only_without_focus)

    def acts_here(self, action: str) -> bool:
        """Whether an action does something in the view that is shown."""
        return self.view == TRAIN or action not in ONLY_IN_TRAIN

    def show_state(self, state: RunState) -> None:
        """Hand the state to the view that is shown."""
        if (page := self.page) is not None:
            page.config = self.sample_config
            page.state = state

    def watch_sample_config(self) -> None:
        if self.is_running:
            self.show_state(self.state)
