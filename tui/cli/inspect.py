"""`tinygpt-tui inspect`: read a passage along with a saved run."""

from collections.abc import Sequence

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.safe_text import safe_text
from engine.protocol import (
    Event,
    Inspect,
    Inspected,
    Likely,
    Opened,
    OpenRun,
    Place,
)
from tui.cli.client import Client, print_note
from tui.cli.console import print_error
from tui.cli.streams import can_print, printable_json, shown
from tui.drawing.words import count, counted

SHOWN = 3
"""The likeliest characters in a line of the table."""
BAR = 8
"""Cells of the longest bar: one for each bit."""


def inspect(
    run: str,
    text: str = "",
    start: int = 0,
    off: Sequence[str] = (),
    step: int = -1,
    *,
    as_json: bool = False,
) -> int:
    """Print how surprised a run is by each character of a text, and what it expected, as a table or
    as lines of JSON; the exit code. Without a text: the validation text from `start` on. `off`: the
    parts of the model that are switched off. `step`: that of the kept weights that read it; -1: the
    newest weights."""
    # A reading depends on the weights alone, so a changed corpus needs no confirmation.
    client = Client(OpenRun(run, changed_text=True))

    def answered(event: Event) -> bool:
        if isinstance(event, Opened):
            print_note(event)
            client.send(Inspect(1, text, start, tuple(off), step))
        if not isinstance(event, Inspected):
            return False
        if event.unknown:
            print_error(f"Left out, since the text has no such characters: {event.unknown}")
        if as_json:
            print_json(event)
        else:
            print_table(event, run, off)
        return True

    return client.run_until(answered)


def print_json(inspected: Inspected) -> None:
    """A line of JSON for each character (or other token) of the passage."""
    for place in inspected.places[:-1]:  # the last is after the end
        line = {
            "character": place.character,
            "bits": place.bits,
            "rank": place.rank,
            "entropy": place.entropy,
            "next": place.next,
            "layers": place.layers,
        }
        click.echo(printable_json(msgspec.json.encode(line).decode()))


def print_table(inspected: Inspected, run: str, off: Sequence[str]) -> None:
    """A line for each character (or other token) of the passage, then its mean surprise and what
    follows."""
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(_heading(inspected, run, off))
    table = Table(box=None, pad_edge=False, padding=(0, 1), expand=True)
    for name, justify in (("", "left"), ("bits", "right"), ("", "left"), ("rank", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("entropy", justify="right", no_wrap=True)
    table.add_column("likeliest", no_wrap=True, overflow="crop", max_width=27)
    table.add_column("layer by layer", no_wrap=True, overflow="crop", ratio=1)  # what is left
    for place in inspected.places[:-1]:
        table.add_row(*map(Text, _cells(place)))
    console.print(table)
    predicted = len(inspected.places) - 2
    if predicted > 0:
        console.print(
            f"mean surprise {inspected.bits:.3f} bits a {inspected.noun}{_per_byte(inspected)}, "
            f"over {counted(predicted, inspected.noun)}"
        )
    if inspected.places:
        console.print(Text(f"next: {_likely(inspected.places[-1].next)}"))


def _per_byte(inspected: Inspected) -> str:
    """The same for each byte."""
    bits = inspected.bits_per_byte
    return "" if bits is None else f" ({bits:.3f} bits/byte)"


def _heading(inspected: Inspected, run: str, off: Sequence[str]) -> Text:
    """Whose reading of what it is."""
    if inspected.start < 0:
        passage = "this text"
    else:
        passage = f"validation text from {inspected.noun} {count(inspected.start)}"
        passage += f" of {count(inspected.validation_characters)}"
    without = f", without {', '.join(off)}" if off else ""
    return Text(safe_text(f"{run} at step {count(inspected.step)}{without}: {passage}"))


def _cells(place: Place) -> tuple[str, ...]:
    """One row of the table. The first character was not predicted."""
    if place.bits is None:
        return (shown(place.character),)
    return (
        shown(place.character),
        f"{place.bits:.2f}",
        ("█" if can_print("█") else "#") * min(BAR, round(place.bits)),
        count(place.rank),
        f"{place.entropy:.2f}",
        _likely(place.next[:SHOWN]),
        " ".join(shown(likely[0][0]) for likely in place.layers),
    )


def _likely(likely: Likely) -> str:
    return "  ".join(f"{shown(one)} {probability:.0%}" for one, probability in likely)
