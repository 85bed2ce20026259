"""`tinygpt-tui step`: print what the next step of a saved run does."""

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.safe_text import safe_characters, safe_text
from engine.protocol import (
    Event,
    InspectStep,
    Opened,
    OpenRun,
    Place,
    StepInspected,
    to_json,
)
from tui.cli.client import Client, print_note
from tui.cli.streams import printable_json, shown
from tui.drawing.words import count
from tui.microscope import change, rates, tensor_name, update_ratio

ROWS = 4
"""Rows of the batch that are printed."""


def inspect_step(
    run: str, row: int, place: int, *, changed_text: bool = False, as_json: bool = False
) -> int:
    """Print the next step of a run, as text or as a line of JSON; the exit code. `row` and `place`:
    the prediction that is looked at (see `InspectStep`)."""
    client = Client(OpenRun(run, changed_text), saving=False)

    def answered(event: Event) -> bool:
        if isinstance(event, Opened):
            print_note(event)
            client.send(InspectStep(1, row, place))
        if not isinstance(event, StepInspected):
            return False
        if as_json:
            click.echo(printable_json(to_json(event)))
        else:
            print_step(event, run)
        return True

    return client.run_until(answered)


def print_step(step: StepInspected, run: str) -> None:
    """The batch, the loss, the prediction before and after, and a line for each tensor."""
    console = Console(highlight=False, markup=False, emoji=False)

    def line(text: str = "") -> None:
        console.print(Text(text))

    line(safe_text(f"{run}, step {count(step.step)}, as it is taken next"))
    line(f"batch: {count(step.batch)} rows of {count(step.context_length)} {step.noun}s")
    for number, text in enumerate(step.rows[:ROWS]):
        marker = ">" if number == step.row else " "
        console.print(Text(f"{marker} {safe_characters(text)}"), no_wrap=True, overflow="ellipsis")
    line()
    line(
        f"loss {step.loss:.4f} nats a {step.noun}; of the same batch afterwards {step.loss_after:.4f}"
    )
    line(f"gradient norm {step.gradient_norm:.3f}; learning rate {rates(step)}")
    line()
    line(f"row {step.row}, {step.noun} {step.place}: {shown(step.before.character)}")
    line(_prediction("before", step.before))
    line(_prediction("after", step.after))
    line(change(step))
    line()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("tensor", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in ("gradient", "weight", "update", "of weight", "cosine"):
        table.add_column(name, justify="right", no_wrap=True)
    for tensor in step.tensors:
        table.add_row(
            tensor_name(tensor),
            tensor.optimizer,
            f"{tensor.gradient:.3g}",
            f"{tensor.weight:.3g}",
            f"{tensor.update:.3g}",
            update_ratio(tensor),
            f"{tensor.against_gradient:.2f}",
        )
    console.print(table)


def _prediction(when: str, place: Place) -> str:
    """What was expected there, at each depth and in the end."""
    layers = " ".join(shown(likely[0][0]) for likely in place.layers)
    likely = "  ".join(f"{shown(one)} {probability:.0%}" for one, probability in place.next[:5])
    return f"{when:>6}: {likely}   (layer by layer {layers})"
