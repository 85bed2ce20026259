"""A sweep as it stands: the table of its cases, and their mean curves. It is read again and again, so
that a sweep in another terminal can be watched."""

from collections.abc import Callable

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from data.safe_text import safe_text
from engine.protocol import Command, ReadCurves, ReadSweep
from tui.drawing.words import count
from tui.screens.dialog import Key, StateDialog
from tui.state import RunState
from tui.sweep.chart import CasesChart
from tui.sweep.shown import ShownSweep, true_names, wanted
from tui.sweep.table import headings, line
from tui.sweep.unit import is_mixed, unit

REFRESH = 1.0
"""Seconds from one reading to the next."""
AT_A_TIME = 4
"""Curves that are read between two ticks of training."""
TABLE_PART = 0.35
"""The part of the window that the table takes at most."""
NOT_BEGUN = "It has not been begun: tinygpt-tui sweep, with its file, trains it. This page follows."
LEGEND = "mean held-out loss in {}; bars: one standard deviation"


class SweepScreen(StateDialog[tuple[str, ...]]):
    """Dismissed with the true names of the runs to open and to compare it with, if any."""

    DEFAULT_CSS = """
    SweepScreen { align: center middle; }
    SweepScreen > Vertical {
      width: 132; max-width: 100%; height: 46; max-height: 100%; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
      border-subtitle-color: $foreground-muted;
    }
    SweepScreen CasesChart { height: 1fr; background: $surface; }
    SweepScreen #sweep-legend, SweepScreen #sweep-headings { height: 1; color: $foreground-muted; }
    SweepScreen OptionList { height: auto; border: none; padding: 0; background: $surface; }
    SweepScreen OptionList > .option-list--option { padding: 0; }
    SweepScreen #sweep-verdict { height: auto; max-height: 4; }
    """

    BINDINGS = [
        Binding("escape,q", "dismiss(())", "Close"),
        Binding("a", "whole", "Whole fall"),
        Binding("e", "report", "Report"),
    ]

    TITLE_OF_HELP = "sweep"
    ABOUT = (
        "Each case is a list of settings that was trained with several seeds. The loss is that on "
        "held-out text at the end, the mean over the seeds; the spread is its standard deviation. Cases "
        "with different tokens are compared in bits per byte, and their spread is in them, too. A "
        "difference that is smaller than the spread may be due to the seeds alone. The four best "
        "cases have a mark and a colour in chart and table, and the selected one is on top. While "
        "the sweep is trained in another terminal, this page follows it."
    )
    KEYS = (
        Key("↑↓", "select", "select a case"),
        Key("Enter", "open", "open a run of the case, compared with the best other cases", "open"),
        Key("a", "whole", "the whole fall of the losses, or its later part", "whole"),
        Key("e", "report", "write a page on the sweep, to hand in", "report"),
        Key("Esc", "close", "back to the view", "dismiss(())"),
    )

    def __init__(
        self,
        sweep: str,
        state: RunState,
        send: Callable[[Command], None],
        report: Callable[[str], None],
    ) -> None:
        """`sweep`: its true name. `state`: as it is now; later ones come by data binding. `send`: to
        the engine. `report`: asks where to write a report on what has this name."""
        super().__init__(state)
        self._sweep = sweep
        self._send = send
        self._report = report
        self._waits = False
        """Whether the engine has not answered yet."""
        self._left: list[str] = []
        """The runs whose curves are still to be read in this round."""

    def compose(self) -> ComposeResult:
        with Vertical() as page:
            page.border_title = Content(f"sweep {safe_text(self._sweep)}")
            yield CasesChart().data_bind(SweepScreen.state)
            yield Static("", id="sweep-legend")
            yield Static("", id="sweep-headings")
            yield OptionList(compact=True)
            yield Static("reading …", id="sweep-verdict")
            yield self.key_line()

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        self._ask(ReadSweep(self._sweep))
        self.set_interval(REFRESH, self._read_again)
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """Leave the chart most of the room."""
        height = max(2, int(event.size.height * TABLE_PART))
        self.query_one(OptionList).styles.max_height = height
        self.call_after_refresh(self._show)

    @property
    def _shown(self) -> ShownSweep:
        """The sweep, once it has been read."""
        shown = self.state.lab.sweep
        right = shown.raw is not None and shown.raw.value.sweep == self._sweep
        return shown if right else ShownSweep()

    # What is asked of the engine.

    def _ask(self, command: ReadSweep | ReadCurves) -> None:
        self._waits = True
        self._send(command)

    def _read_again(self) -> None:
        """Begin another round, unless the engine is still at this one."""
        if not self._waits:
            self._ask(ReadSweep(self._sweep))

    def _read_curves(self) -> None:
        """Go on with the round, if there is more to read."""
        runs, self._left = self._left[:AT_A_TIME], self._left[AT_A_TIME:]
        if runs:
            self._ask(ReadCurves(tuple(runs)))

    def watch_state(self, before: RunState, state: RunState) -> None:
        if not self.is_mounted:
            return
        failure = state.failure
        if failure is not None and failure is not before.failure and failure.during == "runs":
            self._waits, self._left = False, []
            self.query_one("#sweep-verdict", Static).update(Content(failure.message))
        old, new = before.lab.sweep, state.lab.sweep
        if new.answers != old.answers:
            self._waits = False
            if new.curves is old.curves or new.read is not old.read:
                self._left = [*wanted(self._shown)]
            self._read_curves()
            self._show()

    # What is shown.

    def _show(self) -> None:
        shown, listed = self._shown, self.query_one(OptionList)
        width = self.query_one(CasesChart).size.width
        self.query_one("#sweep-headings", Static).update(headings(width, mixed=is_mixed(shown)))
        self.query_one("#sweep-legend", Static).update(Content(LEGEND.format(unit(shown))))
        selected, place = self._selected, listed.highlighted or 0
        lines = [line(shown, number, width) for number in range(len(shown.rows))]
        cases = [row.case for row in shown.rows]
        listed.clear_options()
        listed.add_options([Option(text) for text in lines])
        if lines:
            place = cases.index(selected) if selected in cases else min(place, len(lines) - 1)
            listed.highlighted = place
        self.query_one(Vertical).border_subtitle = Content(_standing(shown))
        if shown.read is not None:
            found = shown.verdict
            said = NOT_BEGUN if found is None else " ".join((found.sentence, *found.warnings))
            self.query_one("#sweep-verdict", Static).update(Content(said))

    @property
    def _selected(self) -> str:
        """The label of the selected case."""
        return self.query_one(CasesChart).selected

    @on(OptionList.OptionHighlighted)
    def select(self, event: OptionList.OptionHighlighted) -> None:
        """Bring the curve of the selected case to the front."""
        self.query_one(CasesChart).selected = self._shown.rows[event.option_index].case

    # What the keys do.

    def action_whole(self) -> None:
        """Show the whole fall, or its later part."""
        chart = self.query_one(CasesChart)
        chart.whole = not chart.whole

    def action_report(self) -> None:
        """Ask where to write a report on the sweep."""
        if any(row.n for row in self._shown.rows):
            self._report(f"sweep:{self._sweep}")
        else:
            self.notify("No run of it has ended yet with a loss.")

    @on(OptionList.OptionSelected)
    def action_open(self) -> None:
        """Open a run of the selected case, compared with one of each of the best others."""
        shown = self._shown
        rows = [row for row in shown.rows if row.runs]
        chosen = next((row for row in rows if row.case == self._selected), None)
        if shown.raw is None or chosen is None:
            self.notify("No run of this case has ended yet with a loss.")
            return
        self.dismiss(tuple(true_names(shown, [chosen, *rows])))


def _standing(shown: ShownSweep) -> str:
    """How far it is."""
    read = shown.read
    if read is None or read.plan is None:
        return ""
    planned = sum(len(case.trials) for case in read.plan.cases)
    ended = sum(one.is_final for one in read.results)
    rest = "" if ended == planned else ", running" if read.running else ", stopped"
    return f"{count(ended)} of {count(planned)} runs have ended{rest}"
