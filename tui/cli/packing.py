"""What `tinygpt-tui pack`, `unpack` and `import` print."""

import shlex

import click

from data.safe_text import safe_text
from engine.protocol import (
    Event,
    Imported,
    ImportRun,
    Packed,
    PackRun,
    Unpacked,
    UnpackRun,
)
from tui.cli.client import Client
from tui.outcomes import outcome


def transfer(command: PackRun | UnpackRun | ImportRun) -> int:
    """Pack, unpack or import a run, and print what there is now; the exit code."""

    def answered(event: Event) -> bool:
        match event:
            case Packed():
                click.echo(safe_text(outcome(event)))
                return True
            case Unpacked(run) | Imported(run):
                opening = f"tinygpt-tui --run {shlex.quote(run)}"
                hint = f"Go on with: {opening} (--no-save: without changing it)"
                click.echo(safe_text(f"{outcome(event)} {hint}"))
                return True
            case _:
                return False

    return Client(command).run_until(answered)
