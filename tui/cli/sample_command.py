"""`tinygpt-tui sample` and its options."""

import sys

import click

from engine.config import SampleConfig
from engine.settings import plain
from tui.cli import completions, opening
from tui.cli.help import SectionedCommand, option, refusals
from tui.cli.options import OUTPUT, step_option
from tui.line_breaks import with_line_breaks

SAMPLING = "Sampling"
_DEFAULTS = SampleConfig()


@click.command("sample", cls=SectionedCommand)
@click.argument("run", shell_complete=completions.run)
@option(
    OUTPUT,
    "--prompt",
    default="",
    metavar="TEXT",
    help="The text to continue; \\n is a line break, \\\\n a backslash and an n. A terminal shows it "
    "in bold.",
)
@option(
    OUTPUT,
    "--no-prompt",
    is_flag=True,
    help="Print only what is written, not the prompt before it.",
)
@option(
    OUTPUT,
    "--chars",
    "characters",
    metavar="N",
    help="Number of characters to write.",
    otherwise=plain(_DEFAULTS.characters),
)
@step_option(OUTPUT)
@option(
    OUTPUT,
    "--stop",
    metavar="CHARS",
    help="Stop at any of these characters; \\n is a line break, \\\\n a backslash and an n.",
)
@option(
    SAMPLING,
    "--temperature",
    metavar="T",
    help="0 takes the most likely character; higher is more varied.",
    otherwise=plain(_DEFAULTS.temperature),
)
@option(
    SAMPLING,
    "--top-k",
    metavar="K",
    help="Sample from the K most likely characters; 0: all.",
    otherwise=plain(_DEFAULTS.top_k),
)
@option(
    SAMPLING,
    "--top-p",
    metavar="P",
    help="Sample from the most likely characters whose probabilities add up to P.",
    otherwise=plain(_DEFAULTS.top_p),
)
@option(
    SAMPLING,
    "--seed",
    metavar="S",
    help="The same seed gives the same text.",
    otherwise=plain(_DEFAULTS.seed),
)
def sample_command(
    run: str, prompt: str, no_prompt: bool, step: int, **choices: str | None
) -> None:
    """Continue a prompt with a saved run.

    Settings that are not given are the run's own. RUN@best writes with the best checkpoint. In a
    pipe or a file, prompt and text are printed as they are.
    """
    if choices["stop"] is not None:
        choices["stop"] = with_line_breaks(choices["stop"])
    assignments = [f"sample.{key}={value}" for key, value in choices.items() if value is not None]
    with refusals():
        opening.configured("", None, assignments)  # that the values are in range
    from tui.cli.sample import sample  # with the session

    prompt = with_line_breaks(prompt)
    sys.exit(sample(run, prompt, assignments, step, show_prompt=not no_prompt))
