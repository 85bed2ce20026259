"""The learning-rate range test: the loss against the rate while it goes, and what that suggests."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive

from engine.protocol import HIGHEST_RATE, LOWEST_RATE
from tui.drawing.rate_chart import Marks, Tried, draw_rates
from tui.drawing.words import rate
from tui.panes.pane import Pane
from tui.range_test import summary
from tui.screens.dialog import Key, StateDialog
from tui.state import RunState

BELOW = 4
"""Lines under the chart."""
LEGEND = "━ smoothed loss   · each batch   ◆ suggested   ─ its range   △ the peak now"


class RangeTestScreen(StateDialog[float | None]):
    """Dismissed with the rate to take, or None."""

    DEFAULT_CSS = """
    RangeTestScreen { align: center middle; }
    RangeTestScreen > Vertical {
      width: 108; max-width: 100%; height: 32; max-height: 100%; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
    }
    RatesPane { height: 1fr; background: $surface; }
    """

    BINDINGS = [
        Binding("enter", "take", "Take it"),
        Binding("escape,q,r", "dismiss(None)", "Close"),
    ]

    TITLE_OF_HELP = "find a learning rate"
    ABOUT = (
        "The learning-rate range test: a hundred steps on a copy of the run, each with a higher rate. "
        "Where it is far too low, the loss stays; then it falls, and where each step goes too far, it "
        "rises again. The rate at which it falls most steeply is suggested. It is the peak of the "
        "schedule, from the next step on. The run itself stays as it is, bit for bit, and waits."
    )
    KEYS = (
        Key("Enter", "take the suggested rate", "train with the suggested rate", "take"),
        Key(
            "Esc",
            "leave",
            "leave the rate as it is; a test in progress is given up",
            "dismiss(None)",
        ),
    )

    def compose(self) -> ComposeResult:
        with Vertical() as page:
            page.border_title = "find a learning rate"
            yield RatesPane().data_bind(RangeTestScreen.state)
            yield self.key_line()

    def action_take(self) -> None:
        """Take the suggestion; without one, stay."""
        found = self.state.insight.trial.found
        if found is not None and found.suggested:
            self.dismiss(float(f"{found.suggested:.3g}"))
        else:
            self.query_one(RatesPane).wanted = True


class RatesPane(Pane):
    """The chart, and below it how far the test is or what it has found."""

    INTERVAL = 0.1

    wanted: reactive[bool] = reactive(False, repaint=False)
    """Whether the suggestion was to be taken before there was one."""

    def part(self, state: RunState) -> object:
        return state.insight.trial, state.learning_rate

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        trial = state.insight.trial
        found = trial.found
        marks = Marks(now=state.learning_rate)
        if found is not None:
            marks = Marks(found.suggested, found.low, found.high, state.learning_rate)
        chart = draw_rates(
            [Tried(one.learning_rate, one.loss, one.smoothed) for one in trial.tried],
            marks,
            lowest=LOWEST_RATE,
            highest=HIGHEST_RATE,
            width=width,
            height=height - BELOW,
        )
        words = _words(state, wanted=self.wanted)
        legend = Content.styled(LEGEND, "$foreground-muted").truncate(width)
        return [*chart, legend, *words.wrap(width)[: BELOW - 1]]

    def watch_wanted(self) -> None:
        self._redraw()


def _words(state: RunState, *, wanted: bool) -> Content:
    trial = state.insight.trial
    if trial.failure:
        return Content.styled(trial.failure, "$error")
    if trial.found is not None:
        return Content(summary(trial.found))
    if not trial.tried:
        return Content("copying the run …")
    last = trial.tried[-1]
    reason = "No rate is suggested before the test is over: " if wanted else ""
    return Content(
        f"{reason}trying {rate(last.learning_rate)}: smoothed loss {last.smoothed:.3f} "
        f"({last.number} of at most {last.steps} steps)"
    )
