"""Where the user is in the tour: one frozen value."""

from msgspec import Struct
from msgspec.structs import replace
from textual.widget import Widget

from tui.tour.pages import PAGES, Page, say
from tui.tour.scene import Notes, PageText, Scene, updated


class Tour(Struct, frozen=True):
    """The page that is shown, and what there is on it."""

    number: int = 0
    """Of the page, counted from 0."""
    guess: str = ""
    """What was guessed on this page, which is not safe to draw."""
    page_text: PageText = PageText("")
    notes: Notes = Notes()

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return PAGES[self.number]

    @property
    def covers(self) -> tuple[type[Widget], ...]:
        """The widgets that are covered until there is a guess."""
        return () if self.guess else self.page.covers

    def turned_to(self, number: int) -> "Tour":
        """At another page, or as near to it as there are pages."""
        number = max(0, min(number, len(PAGES) - 1))
        return self if number == self.number else Tour(number, notes=self.notes)

    def after_a_break(self) -> "Tour":
        """Shown again: nobody knows at which temperature was written meanwhile."""
        return replace(self, notes=replace(self.notes, seen=None))

    def followed(self, scene: Scene) -> "Tour":
        """With what the page says now. Once its act is done it stays done, whatever is done then,
        as long as the run is the same."""
        notes = updated(self.notes, scene)
        page_text = say(self.page, scene._replace(guess=self.guess, notes=notes))
        if self.page_text.done and not page_text.done and notes.run == self.notes.run:
            page_text = self.page_text
        return replace(self, page_text=page_text, notes=notes)
