"""What `tinygpt-tui pack`, `unpack` and `import` print."""

import shlex

import click

from data.safe_text import safe_text
from engine.protocol import (
    Close,
    Event,
    Failed,
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
    client = Client(command)

    def on_event(event: Event) -> None:
        match event:
            case Packed():
                click.echo(safe_text(outcome(event)))
                client.send(Close())
            case Unpacked(run) | Imported(run):
                opening = f"tinygpt-tui --run {shlex.quote(run)}"
                hint = f"Go on with: {opening} (--no-save: without changing it)"
                click.echo(safe_text(f"{outcome(event)} {hint}"))
                client.send(Close())
            case Failed():
                client.fail(event)
            case _:
                pass

    return client.run(on_event)
