"""What `tinygpt-tui train` prints: a line for each event, and on a terminal a progress bar below."""

import shlex
from collections.abc import Sequence
from statistics import fmean

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.text import Text

from data.safe_text import safe_text
from engine.protocol import (
    Busy,
    CorpusLoaded,
    DownloadEnded,
    Downloading,
    Evaluated,
    Event,
    Excerpt,
    Extended,
    NotSaved,
    Opened,
    Saved,
    StepDone,
    StepProgress,
    Taught,
    TaughtAppeared,
    TaughtEvaluated,
    ThreadsChosen,
)
from tui.cli.hints import PROGRAM
from tui.download_words import amount, fraction, host
from tui.drawing.words import counted, duration
from tui.state import RunState, fold
from tui.teaching_text import teaching_line
from tui.tokens import in_bits, in_words, speed_of, tokens_of

BAR_WIDTH = 10
BAR_COLUMNS = BAR_WIDTH + len(" 100% ") + 1
"""Cells of the bar and its percentage, with the spaces around them."""
EXCERPT_LENGTH = 100
"""Characters of an excerpt on a line, where the line may be that long."""


class ProgressReporter:
    """Shows a run's events as lines; on a terminal with a progress bar below them, and lines that
    leave out what does not fit. Paths and commands are never broken."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._state = RunState()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(BAR_WIDTH),
            TaskProgressColumn(),
            TextColumn("{task.fields[facts]}", markup=False),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("warming up", total=1.0, facts="")
        self._doing = "training"
        self._facts: list[str] = []

    def __enter__(self) -> "ProgressReporter":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, event: Event) -> None:
        """Show one event."""
        ladder = self._state.ladder
        self._state = fold(self._state, event)
        if isinstance(event, Downloading | DownloadEnded):
            self._show_download(event)
        else:
            self._show(event)
        if self._state.ladder is not ladder:
            for step, said in self._state.ladder.passings(ladder):
                self._print(f"step {step:>7,}  {said}")

    def _show(self, event: Event) -> None:
        match event:
            case Busy(what, done):
                self._doing = safe_text(what) or "training"
                reading = self._state.opened is None and done >= 0
                self._update_bar(done if reading else None)
            case CorpusLoaded():
                self._print(
                    f"{event.name}: {counted(event.characters, 'character')}, "
                    f"{event.vocabulary:,} different ({event.source})"
                )
            case Opened():
                self._print(
                    f"run {event.run}: {event.config.preset}, {counted(event.parameters, 'parameter')}, "
                    f"{event.device}, {counted(event.threads, 'thread')}, {event.precision}"
                    f"{in_words(event.tokens)}"
                )
                if not event.saving:
                    self._print("not saved (--no-save): what it learns ends with this program")
            case Extended() if event.lr_peak:
                end = f"{event.minutes:.1f} min" if event.minutes else f"step {event.steps:,}"
                self._print(
                    f"trains on to {end}: the learning rate rises to {event.lr_peak:.0%} of its peak "
                    "and falls to zero; the loss may rise first"
                )
            case ThreadsChosen(step, _, threads, choice):
                faster = f"step {step:>7,}  trains on with {counted(threads, 'thread')}, faster now"
                self._print(self._fitted([faster, f"({choice})"]))
            case Taught() | TaughtEvaluated() | TaughtAppeared():
                self._print(
                    f"step {event.step:>7,}  {teaching_line(event, tokens_of(self._state).noun)}"
                )
            case StepProgress(step, done):
                self._doing = f"step {step:,}: {done:.0%}"
                self._update_bar()
            case StepDone():
                done = event.elapsed / max(event.elapsed + event.remaining, 1e-9)
                left = f"{duration(event.remaining)} left"
                self._doing = "training"
                self._facts = [f"step {event.step:,}", left, *self._training()]
                self._update_bar(done)
            case Evaluated():
                self._print_evaluation(event)
            case Excerpt():
                self._print_excerpt(event)
            case NotSaved(run, step):
                self._print(f"not saved (--no-save): {run} ends here, at step {step:,}")
            case Saved(run, step, path):
                self._print(f"saved {run} at step {step:,} in {path}", whole=True)
                name = shlex.quote(run)
                self._print(f"go on in the app: {PROGRAM} --run {name}", whole=True)
                self._print(f"go on here:       {PROGRAM} train --run {name}", whole=True)
            case _:
                pass

    def _show_download(self, event: Downloading | DownloadEnded) -> None:
        """Show in the bar how far a download is; empty it in the end."""
        if isinstance(event, DownloadEnded):
            self._facts = []
            self._update_bar(0.0)
        else:
            self._doing = "downloading"
            self._facts = list(filter(None, (amount(event), host(event), safe_text(event.note))))
            self._update_bar(fraction(event))

    def _training(self) -> list[str]:
        """The training loss, smoothed over the newest steps, and the speed; none before them."""
        if not self._state.newest:
            return []
        return [
            f"training loss {fmean(self._state.newest):.3f}",
            speed_of(self._state),
        ]

    def _update_bar(self, completed: float | None = None) -> None:
        """Show what is done now, and as many facts beside the bar as fit."""
        taken = cell_len(self._doing) + BAR_COLUMNS
        facts = self._fitted(self._facts, taken) if self._facts else ""
        self._bar.update(self._task, completed=completed, description=self._doing, facts=facts)

    def _fitted(self, facts: Sequence[str], taken: int = 0) -> str:
        """The first fact and those after it that fit beside `taken` cells; all of them where the
        line is as long as it needs to be."""
        line, *rest = facts
        for fact in rest:
            longer = f"{line}  {fact}"
            if self._console.is_terminal and taken + cell_len(longer) > self._console.width:
                break
            line = longer
        return line

    def _print_evaluation(self, event: Evaluated) -> None:
        tokens = tokens_of(self._state)
        facts = [
            f"step {event.step:>7,}  validation loss {event.loss:.4f}",
            *self._training(),
            f"{event.elapsed:,.0f} s",
            in_bits(event.loss, tokens, digits=3),
            f"accuracy {event.accuracy:.1%}",
            f"context {event.context_length:,}",
            f"on {event.characters:,} {tokens.noun}s",
        ]
        self._print(self._fitted(facts))

    def _print_excerpt(self, event: Excerpt) -> None:
        head = f"step {event.step:>7,}  sample: "
        prompt = safe_text(event.prompt)[:EXCERPT_LENGTH]
        text = safe_text(event.text)[: EXCERPT_LENGTH - len(prompt)]
        if self._console.is_terminal:
            room = max(0, self._console.width - len(head))
            prompt = set_cell_size(prompt, min(room, cell_len(prompt)))
            text = set_cell_size(text, min(room - cell_len(prompt), cell_len(text)))
        self._print(Text.assemble(head, (prompt, "bold"), text))

    def _print(self, line: str | Text, *, whole: bool = False) -> None:
        """Print a line. A terminal has it wrapped between words, unless it is to stay `whole`."""
        safe = safe_text(line) if isinstance(line, str) else line
        soft_wrap = whole or not self._console.is_terminal
        self._console.print(safe, markup=False, highlight=False, soft_wrap=soft_wrap)
