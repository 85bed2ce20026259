"""`tinygpt-tui inspect` and its options."""

import sys

import click

from tui.cli import completions
from tui.cli.help import Refusal, SectionedCommand, option
from tui.cli.options import OUTPUT, step_option
from tui.line_breaks import with_line_breaks

PASSAGE = "The passage"


@click.command("inspect", cls=SectionedCommand)
@click.argument("run", shell_complete=completions.run)
@option(
    PASSAGE,
    "--text",
    metavar="TEXT",
    help="The text to read; \\n is a line break.",
    otherwise="the validation text, as much as the context has room for",
)
@option(
    PASSAGE,
    "--start",
    type=click.IntRange(min=0),
    metavar="N",
    help="Read the validation text from character N on.",
    otherwise="0",
)
@step_option(PASSAGE)
@option(
    OUTPUT,
    "--off",
    multiple=True,
    metavar="PART",
    help="Switch a part of the model off, to see what it is for: 2.attention, 2.mlp or "
    "2.head.1, counted from 1. May be repeated.",
)
@option(
    OUTPUT,
    "--json",
    "as_json",
    is_flag=True,
    help="Print a line of JSON for each character: character, bits, rank, entropy, next (the "
    "likeliest ten) and layers (the likeliest three by the embedding and after each block).",
)
def inspect_command(
    run: str,
    text: str | None,
    start: int | None,
    step: int,
    off: tuple[str, ...],
    as_json: bool,
) -> None:
    """Read a passage along with a saved run.

    For each character: its surprise in bits, its rank among those that were expected, the entropy
    of the prediction, the likeliest characters, and the likeliest one by the embedding alone and
    after each block. RUN@best reads with the best checkpoint.
    """
    if text is not None and start is not None:
        raise Refusal("--start is a place in the validation text: it goes without --text.")
    if text == "":
        raise Refusal("--text is empty: there is nothing to read.")
    from tui.cli.inspect import inspect  # with rich and the session

    sys.exit(inspect(run, with_line_breaks(text or ""), start or 0, off, step, as_json=as_json))
