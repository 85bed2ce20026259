"""The view that looks back: the loss, a slider over the kept moments, what the model of one of them
writes, and how it reads."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widget import Widget

from engine.config import SampleConfig
from tui.questions import Questions
from tui.read.passage import PassagePane
from tui.state import RunState
from tui.time.chart import TimeChart
from tui.time.written import WrittenThen
from tui.view_page import ViewPage

WHOLE = 10.0
"""Seconds in which the moments play, if they are answered in time."""
SHORTEST, LONGEST = 0.1, 1.0
"""Seconds that a moment is shown at least, and at most unless its answers take longer."""


class TimeView(ViewPage):
    """One moment of the run, in every pane."""

    DEFAULT_CSS = """
    TimeView { layout: vertical; }
    TimeView Pane {
      border: round $border; border-title-color: $foreground-muted; border-title-style: none;
      border-subtitle-color: $foreground-muted; padding: 0 1; background: $background;
    }
    TimeView TimeChart { height: 1fr; }
    TimeView TimeChart:focus, TimeView PassagePane:focus { border: round $primary; border-title-color: $primary; }
    #time-lower { height: 1fr; }
    #time-lower > Pane { width: 1fr; height: 1fr; }
    """

    KEYS = (
        Binding("P", "play", "play", tooltip="Play through the kept moments, or stop"),
        Binding("f", "app.fork", "fork", tooltip="Begin a new run from this moment…"),
    )
    BINDINGS = [*KEYS]

    _timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield TimeChart().data_bind(TimeView.state)
        with Horizontal(id="time-lower"):
            yield WrittenThen().data_bind(TimeView.state)
            yield PassagePane().data_bind(TimeView.state, TimeView.config)

    def questions(self, state: RunState, config: SampleConfig) -> Questions:
        return PassagePane.questions(state, config)

    def first_focus(self) -> Widget:
        return self.query_one(TimeChart)

    # Playing.

    def action_play(self) -> None:
        """Show one moment after the other, from the chosen one or, after the last, from the first;
        or stop doing so."""
        if self._timer is not None:
            self._stop()
            return
        moments, now = self.state.moments, self.state.step
        stops = moments.stops(now)
        if len(stops) < 2:
            self.notify("There is no other moment to play.")
            return
        if moments.place(now) == len(stops) - 1:
            self._choose(stops[0])
        self.query_one(TimeChart).playing = True
        pause = min(LONGEST, max(SHORTEST, WHOLE / len(stops)))
        self._timer = self.set_interval(pause, self._next)

    def _next(self) -> None:
        """Show the next moment, if this one is shown in full."""
        moments, now = self.state.moments, self.state.step
        stops = moments.stops(now)
        place = moments.place(now)
        if place == len(stops) - 1:
            self._stop()
        elif moments.has_written and self.state.insight.asked_passage.answered:
            self._choose(stops[place + 1])

    def when_left(self) -> None:
        self._stop()

    def _choose(self, step: int) -> None:
        self.post_message(TimeChart.Chosen(step))

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self.query_one(TimeChart).playing = False
