"""The sides of a race as they train: a live table on a terminal, a line for each evaluation in a
pipe."""

from math import isfinite
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from data.safe_text import safe_text
from engine.protocol import (
    BITS_PER_BYTE,
    Busy,
    CorpusLoaded,
    Evaluated,
    Event,
    Excerpt,
    Failed,
    Opened,
    PhaseChanged,
    RaceOpened,
    RaceSide,
    RaceVerdict,
    SideEvent,
    StepDone,
)
from tui.drawing.words import count, counted, duration
from tui.lab.question import in_common

REFRESHES = 2
"""A second."""
SAMPLE_LENGTH = 100
"""Characters of a sample that are printed."""


class _Row:
    """What is known of one side."""

    def __init__(self, side: RaceSide) -> None:
        self.side = side
        self.step = 0
        self.tokens = 0
        self.seconds = 0.0
        self.newest: Evaluated | None = None
        self.phase = ""
        self.sample = ""

    def on_event(self, event: Event) -> None:
        match event:
            case StepDone():
                self.step, self.seconds = event.step, event.elapsed
                self.tokens += event.tokens
            case Evaluated():
                self.newest, self.seconds = event, event.elapsed
            case PhaseChanged():
                self.phase = event.phase
            case Excerpt():
                self.sample = event.prompt + event.text
            case _:
                pass

    @property
    def characters(self) -> int:
        """How far it has come by characters, or by tokens."""
        return round(self.tokens * self.side.characters_each)

    @property
    def bits(self) -> float | None:
        """The same loss in bits per byte, where that is known."""
        return self.newest.bits_per_byte if self.newest else None

    @property
    def loss(self) -> float | None:
        """The last held-out loss; None: there is none, or it was not a number."""
        known = self.newest is not None and isfinite(self.newest.loss)
        return self.newest.loss if self.newest and known else None


class RaceTable:
    """Shows a race. Between `__enter__` and `stop` the table of a terminal is live."""

    def __init__(self, console: Console, *, shown: bool) -> None:
        self._console = console
        self._shown = shown
        self._rows: list[_Row] = []
        self._opened: RaceOpened | None = None
        self._sentence = ""
        self._doing = ""
        self._live: Live | None = None
        if shown and console.is_terminal:
            self._live = Live(
                console=console, get_renderable=self._picture, refresh_per_second=REFRESHES
            )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the table as it is."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    @property
    def sides(self) -> list[RaceSide]:
        """Those of the present repetition."""
        return [row.side for row in self._rows]

    def on_event(self, event: Event) -> bool:
        """Show an event; whether it is an evaluation of a side."""
        match event:
            case Busy(what):
                self._doing = what
            case CorpusLoaded():
                self.print(
                    f"{event.name}: {counted(event.characters, 'character')}, "
                    f"{event.vocabulary:,} different"
                )
            case RaceOpened():
                self._open(event)
            case RaceVerdict(sentence=sentence):
                if self._live is None and (sentence != self._sentence or event.final):
                    self.print(sentence)
                self._sentence = sentence
            case SideEvent(side, of_run):
                self._rows[side].on_event(of_run)
                match of_run:
                    case Failed(said) | Opened(note=said) if said:
                        self.print(f"Side {self._rows[side].side.label}: {said}")
                    case Evaluated():
                        self._print_evaluation(self._rows[side])
                        return True
                    case _:
                        pass
            case _:
                pass
        return False

    def _open(self, event: RaceOpened) -> None:
        self._opened, self._sentence = event, ""
        self._rows = [_Row(side) for side in event.sides]
        seed = f", seed {event.repetition} of {event.seeds}" if event.seeds > 1 else ""
        self.print(f"race {event.race}{seed}: {event.question}".rstrip(": "))
        for side in event.sides:
            self.print(f"  {side.label}  {' '.join(side.settings) or 'no setting of its own'}")
        if event.unit == BITS_PER_BYTE:
            self.print(in_common(mixed=True))
        if not event.saving:
            self.print("not saved (--no-save): the race ends with this program")

    def evaluation(self, side: int) -> dict[str, object]:
        """The last evaluation of a side as a line of JSON."""
        row, opened = self._rows[side], self._opened
        assert row.newest is not None
        assert opened is not None
        return {
            "side": row.side.label,
            "step": row.newest.step,
            "loss": row.loss,
            "bits_per_byte": row.bits,
            opened.counted: row.characters,
            "seconds": row.newest.elapsed,
            "seed": row.side.config.train.seed,
            "repetition": opened.repetition,
        }

    def _print_evaluation(self, row: _Row) -> None:
        if self._live is not None or row.newest is None or self._opened is None:
            return
        loss = "not a number" if row.loss is None else f"{row.loss:.4f}"
        bits = "" if row.bits is None else f"{row.bits:.4f} bits/byte  "
        self.print(
            f"{row.side.label}  step {row.newest.step:>7,}  validation loss {loss}  {bits}"
            f"{count(row.characters)} {self._opened.counted}  {row.newest.elapsed:,.1f} s"
        )

    def print_samples(self) -> None:
        """Print the beginning of what each side has written last."""
        for row in self._rows:
            if row.sample:
                self.print(f"{row.side.label} writes: {row.sample[:SAMPLE_LENGTH]}")

    def print(self, line: str) -> None:
        """Print a line; above the table, where that is live."""
        if self._shown:
            self._console.print(
                Text(safe_text(line)), soft_wrap=not self._console.is_terminal, highlight=False
            )

    def _picture(self) -> RenderableType:
        """The table, and below it what is known."""
        if self._opened is None:
            return Text(safe_text(self._doing))
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        trained = self._opened.counted
        for name in ("side", "step", trained, "time", "validation loss", "bits/byte", ""):
            table.add_column(
                name, justify="left" if name in ("side", "") else "right", no_wrap=True
            )
        for row in self._rows:
            table.add_row(
                row.side.label,
                count(row.step),
                count(row.characters),
                duration(row.seconds),
                "" if row.loss is None else f"{row.loss:.4f}",
                "" if row.bits is None else f"{row.bits:.4f}",
                row.phase,
            )
        return Group(table, Text(safe_text(self._sentence or self._doing)))
