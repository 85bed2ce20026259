"""`tinygpt-tui runs`: list the saved runs; rename, annotate or delete one."""

import json
from collections.abc import Sequence

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console

from data.safe_text import safe_text
from engine import home
from engine.protocol import (
    AnnotateRun,
    Close,
    DeleteRace,
    DeleteRun,
    Event,
    Failed,
    ListRuns,
    RenameRace,
    RenameRun,
    RunsListed,
    RunSummary,
    to_json,
)
from tui.cli.client import Client
from tui.cli.streams import printable_json
from tui.drawing.words import known_loss, short

HEADINGS = ["run", "step", "best", "bits/byte", "last used", "MB", "model", "text", "note"]


def list_runs(*, as_json: bool = False) -> int:
    """Print the saved runs, last used first, as a table or as lines of JSON; the exit code."""
    client = Client(ListRuns(), Close())

    def on_event(event: Event) -> None:
        match event:
            case RunsListed(runs):
                if as_json:
                    print_json(event)
                else:
                    print_table(runs)
            case Failed():
                client.fail(event)
            case _:
                pass

    return client.run(on_event)


def change_saved(
    command: RenameRun | AnnotateRun | DeleteRun | RenameRace | DeleteRace,
) -> int:
    """Rename, annotate or delete a saved run or race; the exit code."""
    client = Client(command, Close())

    def on_event(event: Event) -> None:
        if isinstance(event, Failed):
            client.fail(event)

    return client.run(on_event)


def print_json(listed: RunsListed) -> None:
    """A line of JSON for each run, with the fields of `RunSummary`."""
    for run in json.loads(to_json(listed))["runs"]:
        click.echo(printable_json(json.dumps(run, ensure_ascii=False)))


def print_table(runs: Sequence[RunSummary]) -> None:
    """A line for each run; a terminal that is too narrow shows its first columns."""
    console = Console()
    if not runs:
        console.print(f"No run is saved yet in {safe_text(str(home()))}.", markup=False)
        return
    table = [HEADINGS, *map(_cells, runs)]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    for row in table:
        line = "  ".join(map(set_cell_size, row, widths)).rstrip()
        if console.is_terminal and cell_len(line) > console.width:
            line = set_cell_size(line, console.width - 1) + "…"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _cells(run: RunSummary) -> list[str]:
    """One row of the table, under `HEADINGS`."""
    cells = (
        run.name,
        "cannot be read" if run.problem else f"{run.step:,} / {run.steps:,}",
        known_loss(run.best_loss),
        known_loss(run.best_bits_per_byte),
        run.last_used,
        f"{run.size / 1e6:.1f}",
        f"{run.preset} {short(run.parameters)}" if run.parameters else run.preset,
        run.corpus,
        run.problem or " · ".join(filter(None, (run.origin, run.note))),
    )
    return [safe_text(cell) for cell in cells]
