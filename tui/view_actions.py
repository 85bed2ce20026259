"""What the keys do to the layout: one pane as large as the window, or the next pane in its place."""

from textual.widget import Widget

from tui.panes.loss import LossPane
from tui.panes.prompt import PromptPane
from tui.panes.samples import SamplesPane
from tui.panes.text import TextPane
from tui.panes.training import TrainingPane
from tui.prompt_actions import PromptActions

VIEWS = ("samples", "text", "training")
"""The panes that share a place in a small window, in the order of the view key."""
PANES = (LossPane, SamplesPane, PromptPane, TextPane, TrainingPane)
"""The panes that can be enlarged, in the order of the view key."""


class ViewActions(PromptActions):
    """The part of the app that decides which panes are shown."""

    _view = 0
    _enlarged: Widget | None = None

    @property
    def in_column(self) -> bool:
        """Whether the window is so small that panes share a place."""
        return self.query_one("#main").has_class("column")

    def can_view(self, action: str) -> bool:
        """Whether one of the actions `view`, `enlarge` and `shrink` would do something now."""
        if action == "view":
            return self.in_column or self._enlarged is not None
        return (action == "shrink") == (self._enlarged is not None)

    def action_view(self) -> None:
        """Show the next pane: as large as the window where one is, otherwise the next of those that
        share a place."""
        if self._enlarged is not None:
            place = next(n for n, pane in enumerate(PANES) if isinstance(self._enlarged, pane))
            self._enlarge(self.query_one(PANES[(place + 1) % len(PANES)]))
            return
        main = self.query_one("#main")
        main.remove_class(f"view-{VIEWS[self._view]}")
        self._view = (self._view + 1) % len(VIEWS)
        main.add_class(f"view-{VIEWS[self._view]}")

    def action_enlarge(self) -> None:
        """Make the pane with the focus as large as the window, or else the loss."""
        around = self.focused.ancestors_with_self if self.focused else ()
        focused = (node for node in around if isinstance(node, PANES))
        self._enlarge(next(focused, self.query_one(LossPane)))

    def action_shrink(self) -> None:
        """Show all panes again."""
        self._enlarge(None)

    def action_prompt(self, only_without_focus: bool = False) -> None:
        """Move to the prompt, which takes the place of another pane that is enlarged."""
        if self._enlarged is not None:
            self._enlarge(self.query_one(PromptPane))
        super().action_prompt(only_without_focus)

    def action_leave(self) -> None:
        """As for all panes; where none has the focus or the prompt is out of sight, show them all
        again."""
        enlarged = self._enlarged
        if enlarged is None or (isinstance(enlarged, PromptPane) and self._prompt_is_busy):
            super().action_leave()
        else:
            self.action_shrink()

    @property
    def _prompt_is_busy(self) -> bool:
        writing = self.state.writing
        return self.focused is not None or (writing is not None and not writing.ended)

    def _enlarge(self, enlarged: Widget | None) -> None:
        """Show this pane alone; None: all of them."""
        shown = set(enlarged.ancestors_with_self) if enlarged else set()
        if enlarged and self.focused and enlarged not in self.focused.ancestors_with_self:
            self.screen.set_focus(None)
        self._enlarged = enlarged
        self.read_occasional_styles()
        panes: list[Widget] = [self.query_one(pane) for pane in PANES]
        for widget in (*self.query("#body, #left, #right"), *panes):
            widget.set_class(widget in shown, "enlarged")
            widget.set_class(enlarged is not None and widget not in shown, "aside")
        self.refresh_bindings()
