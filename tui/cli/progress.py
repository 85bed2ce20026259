"""What `tinygpt-tui train` prints: a line for each event, and on a terminal a progress bar below."""

import shlex
from statistics import fmean

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.text import Text

from data.safe_text import safe_text
from engine.protocol import (
    Busy,
    CorpusLoaded,
    Evaluated,
    Event,
    Excerpt,
    Extended,
    NotSaved,
    Opened,
    Saved,
    StepDone,
    ThreadsChosen,
)
from tui.cli.hints import PROGRAM
from tui.drawing.words import count, counted, duration
from tui.state import RunState, fold

BAR_WIDTH = 10
EXCERPT_LENGTH = 100
"""Characters of an excerpt on a line."""


class ProgressReporter:
    """Shows a run's events as lines; on a terminal with a progress bar below them."""

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

    def __enter__(self) -> "ProgressReporter":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, event: Event) -> None:
        """Show one event."""
        self._state = fold(self._state, event)
        match event:
            case Busy(what):
                self._bar.update(self._task, description=safe_text(what) or "training")
            case CorpusLoaded():
                self._print(
                    f"{event.name}: {counted(event.characters, 'character')}, "
                    f"{event.vocabulary:,} different ({event.source})"
                )
            case Opened():
                self._print(
                    f"run {event.run}: {event.config.preset}, {counted(event.parameters, 'parameter')}, "
                    f"{event.device}, {counted(event.threads, 'thread')}, {event.precision}"
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
                faster = f"{counted(threads, 'thread')}, faster now ({choice})"
                self._print(f"step {step:>7,}  trains on with {faster}")
            case StepDone():
                done = event.elapsed / max(event.elapsed + event.remaining, 1e-9)
                facts = f"step {event.step:,}  {'  '.join(self._training())}"
                facts += f"  {duration(event.remaining)} left"
                self._bar.update(self._task, completed=done, facts=facts)
            case Evaluated():
                facts = "  ".join(
                    [
                        f"step {event.step:>7,}  validation loss {event.loss:.4f}",
                        *self._training(),
                        f"{event.bits_per_char:.3f} bits/char  accuracy {event.accuracy:.1%}",
                        f"context {event.context_length:,}  {event.elapsed:,.0f} s",
                        f"on {event.characters:,} characters",
                    ]
                )
                self._print(facts)
            case Excerpt():
                prompt = safe_text(event.prompt)[:EXCERPT_LENGTH]
                text = safe_text(event.text)[: EXCERPT_LENGTH - len(prompt)]
                self._print(
                    Text.assemble(f"step {event.step:>7,}  sample: ", (prompt, "bold"), text)
                )
            case NotSaved(run, step):
                self._print(f"not saved (--no-save): {run} ends here, at step {step:,}")
            case Saved(run, step, path):
                self._print(f"saved {run} at step {step:,} in {path}")
                name = shlex.quote(run)
                self._print(
                    f"go on: {PROGRAM} --run {name} in the app, or {PROGRAM} train --run {name}"
                )
            case _:
                pass

    def _training(self) -> list[str]:
        """The training loss, smoothed over the newest steps, and the speed; none before them."""
        if not self._state.newest:
            return []
        return [
            f"training loss {fmean(self._state.newest):.3f}",
            f"{count(self._state.tokens_per_second)} char/s",
        ]

    def _print(self, line: str | Text) -> None:
        safe = safe_text(line) if isinstance(line, str) else line
        self._console.print(safe, markup=False, highlight=False, soft_wrap=True)
