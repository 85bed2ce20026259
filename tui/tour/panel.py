"""The panel of the tour: a page in a few lines under the view, which makes room for it."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style

from tui.encoding import named
from tui.panes.pane import Pane, line
from tui.safe_input import LinesInput
from tui.state import RunState
from tui.textual_patches import focus_at_once
from tui.tour.pages import PAGES
from tui.tour.state import Tour

LINES = 4
"""Lines of the panel, the first of which is its title."""


class GuessInput(LinesInput):
    """What the user expects, in one line."""

    BINDINGS = [
        Binding("enter", "submit", "guess"),
        Binding("escape", "app.stop_guessing", "do not guess"),
    ]


class TourText(Pane):
    """The words of the page."""

    DEFAULT_CSS = """
    TourText { height: 4; padding: 0 1; link-color: $primary; link-style: none; }
    """

    auto_links = reactive(True)
    tour: reactive[Tour] = reactive(Tour(), repaint=False, layout=False)

    def part(self, state: RunState) -> object:
        return self.tour.page_text, self.tour.number

    def watch_tour(self, before: Tour, now: Tour) -> None:
        if (before.number, before.guess, before.page_text.done) != (
            now.number,
            now.guess,
            now.page_text.done,
        ):
            self._redraw()  # the user waits to see the effect of a key
        else:
            self.watch_state(self.state)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        tour = self.tour
        title, keys = _title(tour), _keys(tour)
        lines = Content(named(tour.page_text.text)).wrap(width)
        if len(lines) > LINES - 1:
            lines[LINES - 2] = (lines[LINES - 2] + Content("…")).truncate(width, ellipsis=True)
        return [line(title, keys, width), *lines[: LINES - 1]]


def _title(tour: Tour) -> Content:
    sign = "✓" if tour.page_text.done else "?"
    words = f"{sign} tour {tour.number + 1} of {len(PAGES)}: {tour.page.title}"
    return Content.styled(words, "bold $success" if tour.page_text.done else "bold $accent")


def _keys(tour: Tour) -> Content:
    """The keys of the tour, which can be clicked."""
    keys = [("g", "guess", "guess")] if tour.page.guess else []
    if tour.number:
        keys.append(("B", "back", "turn_page(-1)"))
    if tour.number < len(PAGES) - 1:
        keys.append(("N", "next", "turn_page(1)"))
    keys.append(("t", "close", "tour"))
    return Content("  ").join(
        Content.assemble(
            (key, Style.parse("$primary") + Style.from_meta({"@click": f"app.{action}"})),
            " ",
            (does, "bold underline" if does == "next" and tour.page_text.done else ""),
        )
        for key, does, action in keys
    )


class TourPanel(Vertical):
    """The page, and a line for a guess while there is one to type."""

    DEFAULT_CSS = """
    TourPanel { height: auto; background: $surface; }
    TourPanel GuessInput { margin: 0 1; width: 1fr; background: $panel; display: none; }
    """

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)
    tour: reactive[Tour] = reactive(Tour(), repaint=False, layout=False)
    guessing: reactive[bool] = reactive(False, init=False)
    """Whether a guess is being typed."""

    def compose(self) -> ComposeResult:
        yield TourText().data_bind(TourPanel.state, TourPanel.tour)
        yield GuessInput(compact=True)

    def open_guess(self) -> None:
        """Have a guess typed."""
        field = self.query_one(GuessInput)
        field.placeholder = f"{self.tour.page.guess}, then Enter; Esc leaves it"
        field.value = ""
        self.guessing = True
        focus_at_once(field)

    def watch_guessing(self, guessing: bool) -> None:
        self.query_one(GuessInput).display = guessing

    @property
    def guess(self) -> str:
        """What was typed."""
        return self.query_one(GuessInput).text
