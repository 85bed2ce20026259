"""Options that several commands have, with their sections in the help."""

from collections.abc import Callable
from typing import Any

import click

from engine.config import PRESETS, TrainConfig
from tui.cli import completions
from tui.cli.consent import TEXT as TEXT
from tui.cli.consent import download_limit, without_asking
from tui.cli.help import option
from tui.cli.opening import DEFAULT_PRESET

MODEL = "The model of a new run"
TRAINING = "Training"
SAVED = "A saved run"
OUTPUT = "Output"


def _presets() -> str:
    """Each preset with its number of parameters, which its docstring begins with."""
    return ", ".join(
        f"{name} ({(make.__doc__ or '').split()[0]} parameters)" for name, make in PRESETS.items()
    )


def _steps() -> str:
    """The steps of each preset."""
    return ", ".join(f"{name} {make('').train.steps:,}" for name, make in PRESETS.items())


def step_option(section: str) -> Callable[[Any], Any]:
    """The option that asks for earlier weights; -1 without it."""
    return option(
        section,
        "--step",
        type=click.IntRange(min=0),
        callback=lambda _context, _option, step: -1 if step is None else step,
        metavar="N",
        help="Use the weights that were kept at step N.",
        otherwise="the newest weights",
    )


def _first_text(
    context: click.Context, _argument: click.Parameter, texts: tuple[str, ...]
) -> str | None:
    """The first of the texts that are read as one; the others are the parameter `more`."""
    context.params["more"] = texts[1:]
    return texts[0] if texts else None


texts = click.argument(
    "corpus",
    metavar="[TEXT]...",
    nargs=-1,
    callback=_first_text,
    shell_complete=completions.text,
)

separator = option(
    TEXT,
    "--separator",
    metavar="TEXT",
    help="What is put between two files of a text, e.g. '\\n␞\\n': a character that they do not "
    "have lets the model write where a file ends.",
    otherwise="a blank line",
)

_RUN_OPTIONS: list[Callable[[Any], Any]] = [
    texts,
    option(
        TEXT,
        "--encoding",
        metavar="NAME",
        help="How the text is encoded, e.g. cp1251.",
        otherwise="UTF-8, or what it looks like",
    ),
    option(
        TEXT,
        "--ignore",
        multiple=True,
        metavar="PATTERN",
        help="Leave files out of a folder, as a .gitignore does, e.g. 'drafts/'. Hidden ones, "
        "node_modules, venv, and what is no text are left out anyway. May be repeated.",
    ),
    download_limit,
    without_asking,
    separator,
    option(
        MODEL,
        "--preset",
        "preset_name",
        metavar="NAME",
        shell_complete=completions.preset,
        help=f"Its size: {_presets()}.",
        otherwise=DEFAULT_PRESET,
    ),
    option(
        MODEL,
        "--set",
        "assignments",
        multiple=True,
        metavar="KEY=VALUE",
        shell_complete=completions.assignment,
        help="Change a setting, e.g. model.n_layer=6; tinygpt-tui settings lists them all, and "
        "those that a saved run may change. May be repeated.",
    ),
    option(
        TRAINING,
        "--steps",
        metavar="N",
        help="Stop after N steps; with --run, train N more.",
        otherwise=_steps(),
    ),
    option(
        TRAINING,
        "--minutes",
        metavar="M",
        help="Stop after M minutes instead; with --run, train M more.",
    ),
    option(
        TRAINING,
        "--device",
        metavar="NAME",
        shell_complete=completions.value_of("train.device"),
        help="Where it computes: auto, cpu, cuda or mps.",
        otherwise=TrainConfig().device,
    ),
    option(
        TRAINING,
        "--no-save",
        is_flag=True,
        help="Write nothing: the training ends with the program.",
    ),
    option(
        SAVED,
        "--run",
        "run_name",
        metavar="NAME",
        shell_complete=completions.run,
        help="Open it, to prompt it or to train on; NAME@best opens its best checkpoint.",
    ),
    option(
        SAVED,
        "--fork",
        metavar="NAME@STEP",
        shell_complete=completions.run_name,
        help="Train a new run that begins where this one was at that step, with --set or another "
        "text; NAME alone: where it was saved last.",
    ),
    option(
        SAVED,
        "--changed-text",
        is_flag=True,
        help="Open it even if its text has changed.",
    ),
]


until_option = option(
    TRAINING,
    "--until",
    type=click.IntRange(min=1),
    metavar="N",
    help="Save and end after step N of the whole run; --run goes on from there as if it had not "
    "been left.",
)


def run_options(command: Any) -> Any:
    """Give a command the options that choose a run: the same for the app and for `train`."""
    return _with(_RUN_OPTIONS, command)


def _with(options: list[Callable[[Any], Any]], command: Any) -> Any:
    for add in reversed(options):
        command = add(command)
    return command
