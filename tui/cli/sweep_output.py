"""What `tinygpt-tui sweep` prints: a line for each run that has ended, the table, and what it says."""

import shlex
from collections.abc import Mapping, Sequence
from time import monotonic

import msgspec
from msgspec import Struct
from rich.live import Live
from rich.table import Table
from rich.text import Text

from data.safe_text import safe_text
from engine.protocol import StepDone, TrialResult
from tui.cli.console import PipeConsole
from tui.cli.hints import PROGRAM
from tui.cli.streams import printable_json
from tui.drawing.words import counted, duration, known_loss
from tui.sweep.comparison import CaseResult, SweepVerdict, compared, in_bits
from tui.sweep.plan import Plan, Trial

WHOLE = 10_000
"""Cells of a line in a file or a pipe, where none is broken."""
INTERVAL = 0.5
"""Seconds between two pictures of the table while nothing but steps comes."""


class SweepOutput:
    """Prints lines, and on a terminal the table as it fills. Methods may raise BrokenPipeError."""

    def __init__(
        self, plan: Plan, file: str, results: Mapping[str, TrialResult], *, as_json: bool
    ) -> None:
        """`file`: where the plan stands. `results`: what is known, which grows."""
        self._plan = plan
        self._file = file
        self._saved = plan.saved
        self._results = results
        self._as_json = as_json
        self._console = PipeConsole()
        self._live: Live | None = None
        if not self._console.is_terminal:
            self._console.width = WHOLE
        elif not as_json:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._steps: dict[Trial, int | None] = {}  # None: the first has not been taken
        self._painted = 0.0

    def __enter__(self) -> "SweepOutput":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def begin(self, left: int, jobs: int, threads: int) -> None:
        """Say what there is to do."""
        plan, total = self._plan, len(self._plan.trials)
        done = f", of which {total - left:,} are done" if left < total else ""
        how = f"{jobs:,} at a time, {counted(threads, 'thread')} each" if jobs > 1 else "one by one"
        self._print(
            f"sweep {plan.name}: {counted(len(plan.cases), 'case')}, "
            f"{counted(plan.seeds, 'seed')} each: {counted(total, 'run')}{done}; {how}"
        )
        self._paint()

    def started(self, trial: Trial) -> None:
        """A run has been started."""
        self._steps[trial] = None
        self._paint()

    def at_step(self, trial: Trial, done: StepDone) -> None:
        """A run has taken a step."""
        self._steps[trial] = done.step
        if monotonic() - self._painted > INTERVAL:
            self._paint()

    def interrupted(self, trial: Trial) -> None:
        """A run has stopped before its end."""
        self._steps.pop(trial, None)
        self._paint()

    def show(self, result: TrialResult) -> None:
        """A run has begun or ended."""
        if self._as_json:
            self._print_json(result)
        if result.state != "started":
            self._steps = {
                trial: step for trial, step in self._steps.items() if trial.key != result.key
            }
            self._print(_line(result))
        self._paint()

    def conclude(self, rows: Sequence[CaseResult], verdict: SweepVerdict) -> None:
        """Print the table, and what it says."""
        if self._as_json:
            for line in (*rows, verdict):
                self._print_json(line)
            return
        self._console.print(self._table(rows))
        for sentence in (verdict.sentence, *verdict.warnings):
            self._print(sentence)
        if any(row.runs for row in rows):
            file = shlex.quote(self._file)
            self._print(f"its curves:   {PROGRAM} --sweep {file}", whole=True)
            self._print(f"a page on it: {PROGRAM} report {file}", whole=True)

    def _paint(self) -> None:
        if self._live is not None:
            self._painted = monotonic()
            self._live.update(self._table(compared(self._saved, self._results)), refresh=True)

    def _table(self, rows: Sequence[CaseResult]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("case", overflow="fold")
        mixed = in_bits(self._saved)
        figures = ("bits/byte", "spread", "loss") if mixed else ("loss", "spread", "bits/byte")
        for heading in ("runs", *figures, "seconds"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("", overflow="fold")
        for row in rows:
            _, spread = row.ranked_by(bits=mixed)
            losses = {"loss": row.mean, "spread": spread, "bits/byte": row.bits_per_byte}
            cells = [
                row.case,
                f"{row.n}/{self._plan.seeds}",
                *(known_loss(losses[name]) for name in figures),
                "-" if row.seconds is None else f"{row.seconds:,.1f}",
                ", ".join(self._remarks(row)),
            ]
            style = "bold" if row.best else ""
            table.add_row(*(Text(safe_text(cell)) for cell in cells), style=style)
        return table

    def _remarks(self, row: CaseResult) -> list[str]:
        counts = {"diverged": row.diverged, "failed": row.failed}
        running = [
            f"seed {trial.seed}: {'starting' if step is None else f'step {step:,}'}"
            for trial, step in self._steps.items()
            if trial.case.label == row.case
        ]
        ended = [f"{number:,} {word}" for word, number in counts.items() if number]
        return ["best"] * row.best + ended + running

    def _print(self, line: str, *, whole: bool = False) -> None:
        """Print a line of text; a terminal has it wrapped between words, unless it is to stay
        `whole`."""
        if not self._as_json:
            soft_wrap = whole or not self._console.is_terminal
            self._console.print(safe_text(line), markup=False, highlight=False, soft_wrap=soft_wrap)

    def _print_json(self, line: Struct) -> None:
        print(printable_json(msgspec.json.encode(line).decode()), flush=True)  # noqa: T201


def _line(result: TrialResult) -> str:
    """What has become of a run."""
    match result.state:
        case "done":
            what = (
                f"validation loss {result.loss:.4f}{_in_bits(result)} at step {result.step:,}, "
                f"{duration(result.seconds)}"
            )
        case "diverged":
            what = "the loss was no longer a number"
        case _:
            what = f"failed: {result.message}"
    run = f" (run {result.run})" if result.run else ""
    return f"{result.case}, seed {result.seed}: {what}{run}"


def _in_bits(result: TrialResult) -> str:
    """The loss of a run in bits per byte, too."""
    bits = result.bits_per_byte
    return "" if bits is None else f" ({bits:.4f} bits/byte)"
