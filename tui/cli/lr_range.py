"""`tinygpt-tui lr-range`: try learning rates, and print the loss at each and what that suggests."""

import click

from engine.protocol import (
    Close,
    ConfirmationRequired,
    Event,
    Failed,
    FindLearningRate,
    Fork,
    LearningRateFound,
    Open,
    Opened,
    OpenRun,
    RateTried,
    to_json,
)
from tui.cli.client import Client
from tui.cli.console import print_error
from tui.cli.streams import can_print, printable_json
from tui.drawing.words import rate
from tui.range_test import summary

SHOWN = 4
"""Each so manieth rate is printed."""
BAR = 12
"""Cells for each nat of the bar."""


def find_learning_rate(command: Open | OpenRun | Fork, *, as_json: bool = False) -> int:
    """Open a run, and print what a range test of it finds, as text or as lines of JSON; the exit
    code."""
    client = Client(command, saving=False)

    def on_event(event: Event) -> None:
        match event:
            case Opened():
                if event.note and event.phase != "following":
                    print_error(event.note)
                client.send(FindLearningRate(1))
            case RateTried() | LearningRateFound() if as_json:
                click.echo(printable_json(to_json(event)))
            case RateTried() if event.number % SHOWN == 1:
                click.echo(_line(event))
            case LearningRateFound():
                click.echo(summary(event))
            case ConfirmationRequired():
                client.refuse_unconfirmed(event)
            case Failed():
                client.fail(event)
            case _:
                pass
        if isinstance(event, LearningRateFound):
            client.send(Close(save=False))

    return client.run(on_event)


def _line(tried: RateTried) -> str:
    """A rate, the smoothed loss, and a bar as long as that."""
    bar = ("█" if can_print("█") else "#") * round(BAR * min(5.0, tried.smoothed))
    return f"{rate(tried.learning_rate):>8}  {tried.smoothed:6.3f}  {bar}"
