"""`tinygpt-tui lr-range`: try learning rates, and print the loss at each and what that suggests."""

import click

from engine.protocol import (
    Event,
    FindLearningRate,
    Fork,
    LearningRateFound,
    Open,
    Opened,
    OpenRun,
    RateTried,
    to_json,
)
from tui.cli.client import Client, print_note
from tui.cli.streams import can_print, printable_json
from tui.drawing.words import rate
from tui.range_test import summary

SHOWN_EVERY = 4
"""Of so many rates that are tried, one is printed."""
BAR = 12
"""Cells for each nat of the bar."""


def find_learning_rate(command: Open | OpenRun | Fork, *, as_json: bool = False) -> int:
    """Open a run, and print what a range test of it finds, as text or as lines of JSON; the exit
    code."""
    client = Client(command, saving=False)

    def answered(event: Event) -> bool:
        match event:
            case Opened():
                print_note(event)
                client.send(FindLearningRate(1))
            case RateTried() | LearningRateFound() if as_json:
                click.echo(printable_json(to_json(event)))
            case RateTried() if event.number % SHOWN_EVERY == 1:
                click.echo(_line(event))
            case LearningRateFound():
                click.echo(summary(event))
            case _:
                pass
        return isinstance(event, LearningRateFound)

    return client.run_until(answered)


def _line(tried: RateTried) -> str:
    """A rate, the smoothed loss, and a bar as long as that."""
    bar = ("█" if can_print("█") else "#") * round(BAR * min(5.0, tried.smoothed))
    return f"{rate(tried.learning_rate):>8}  {tried.smoothed:6.3f}  {bar}"
