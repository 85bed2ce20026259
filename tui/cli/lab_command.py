"""`tinygpt-tui lab`: its options."""

import shlex
import sys
from typing import Any, NoReturn, get_args

import click
from msgspec.structs import replace

from data.safe_text import safe_text
from engine.config import RunConfig, TrainConfig, override
from engine.protocol import LABELS, Axis, DeleteRace, OpenRace, OpenSavedRace, RenameRace
from tui.cli import completions, opening
from tui.cli.consent import agreed, download_limit
from tui.cli.help import GENERAL, SectionedCommand, option, refusals
from tui.cli.opening import DEFAULT_PRESET
from tui.cli.options import MODEL, TEXT, TRAINING, separator, texts
from tui.lab.entry import evaluated_often
from tui.lab.questions import QUESTIONS, question_of

RACE = "The race"
SAVED = "A saved race"


@click.command("lab", cls=SectionedCommand)
@texts
@option(
    RACE,
    "--side",
    "sides",
    multiple=True,
    metavar='"KEY=VALUE ..."',
    help="A side, by the settings in which it differs; an empty one differs in none. Two to four "
    "times.",
)
@option(
    RACE,
    "--axis",
    type=click.Choice(get_args(Axis)),
    help="By what the sides are compared; characters are tokens where all sides have the same other "
    "ones.",
    otherwise="characters; seconds with --minutes",
)
@option(
    RACE,
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Repeat the race with further seeds, N in all: their spread tells chance from effect.",
    otherwise="1",
)
@option(
    RACE,
    "--question",
    default="",
    metavar="TEXT",
    help="With sides: what is asked, to remember it by. Without: the key of a ready question, which "
    "brings its own.",
)
@option(TEXT, "--encoding", metavar="NAME", help="How the text is encoded, as for train.")
@option(TEXT, "--ignore", multiple=True, metavar="PATTERN", help="As for train.")
@separator
@download_limit
@option(
    MODEL,
    "--preset",
    "preset_name",
    metavar="NAME",
    shell_complete=completions.preset,
    help="The size of all sides.",
    otherwise=DEFAULT_PRESET,
)
@option(
    MODEL,
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=completions.assignment,
    help="Change a setting of all sides. May be repeated.",
)
@option(TRAINING, "--steps", metavar="N", help="Each side takes N steps.")
@option(TRAINING, "--minutes", metavar="M", help="Each side trains for M minutes instead.")
@option(
    TRAINING,
    "--device",
    metavar="NAME",
    shell_complete=completions.value_of("train.device"),
    help="Where all sides compute: auto, cpu, cuda or mps.",
    otherwise=TrainConfig().device,
)
@option(TRAINING, "--no-save", is_flag=True, help="Write nothing.")
@option(
    SAVED,
    "--resume",
    metavar="NAME",
    shell_complete=completions.race,
    help="Go on with a race that was interrupted, or show the verdict of one that has ended.",
)
@option(RACE, "--questions", "ready", is_flag=True, help="List the ready questions.")
@option(SAVED, "--list", "lists", is_flag=True, help="List the saved races.")
@option(
    SAVED,
    "--rename",
    nargs=2,
    metavar="OLD NEW",
    shell_complete=completions.race,
    help="Give a race another name; its runs keep theirs.",
)
@option(
    SAVED,
    "--delete",
    metavar="NAME",
    shell_complete=completions.race,
    help="Delete a race, after a question; another one asks whether its runs go with it.",
)
@option(SAVED, "--with-runs", is_flag=True, help="With --delete: its runs, too.")
@option(
    SAVED,
    "--yes",
    is_flag=True,
    help="Do not ask: with --delete, where its runs stay without --with-runs, and before a text is "
    "downloaded.",
)
@option(
    GENERAL,
    "--json",
    "as_json",
    is_flag=True,
    help="Print a line of JSON for each evaluation (side, step, loss and more), and a last one with "
    "the verdict.",
)
def lab_command(
    ready: bool,
    resume: str | None,
    lists: bool,
    rename: tuple[str, str] | None,
    delete: str | None,
    with_runs: bool,
    yes: bool,
    as_json: bool,
    no_save: bool,
    **choices: Any,
) -> None:
    """Race two to four versions of a training against each other.

    All sides have the same seed and the same held-out text, and begin with the same weights where
    shapes agree; they train in turns, and their held-out losses are compared, in bits per byte where
    their tokens differ. Each is saved as a run of its own. Ctrl-C saves the race and ends.

    \b
    tinygpt-tui lab letters.txt --preset nano --steps 500 \\
        --side "" --side "model.attention=off" --seeds 3

    Exit codes as for train.
    """
    if ready:
        for question in QUESTIONS:
            click.echo(f"{question.key:<11} {question.title}")
        return
    about_saved = [lists, resume is not None, rename is not None, delete is not None]
    given = any(value for name, value in choices.items() if name != "seeds") or no_save
    with refusals():
        if sum(about_saved) + given > 1:
            raise ValueError(
                "--resume, --list, --rename and --delete are about saved races: each goes alone."
            )
        if with_runs and delete is None:
            raise ValueError("--with-runs goes with --delete.")
        command = None if any(about_saved) else new_race(yes=yes, **choices)
    if rename is not None:
        _change(RenameRace(*rename))
    if delete is not None:
        _change(DeleteRace(delete, with_runs if yes else _confirmed(delete, with_runs=with_runs)))
    if lists:
        from tui.cli.lab import list_races  # with rich and the session

        sys.exit(list_races(as_json=as_json))
    from tui.cli.lab import race  # with rich and the session

    sys.exit(race(command or OpenSavedRace(resume or ""), as_json=as_json, saving=not no_save))


def _confirmed(race: str, *, with_runs: bool) -> bool:
    """Ask whether to delete a race, and unless that is given, whether its runs are to go too; aborts
    without a yes to the first."""
    runs = " and all its runs" if with_runs else ""
    click.confirm(f"Delete the race {safe_text(race)}{runs}? It cannot be undone.", abort=True)
    return with_runs or click.confirm("Its runs too? They are saved runs like any other.")


def _change(command: RenameRace | DeleteRace) -> NoReturn:
    from tui.cli.runs import change_saved  # with rich and the session

    sys.exit(change_saved(command))


def new_race(*, yes: bool, **choices: Any) -> OpenRace:
    """The command for a new race. Its text is asked about, unless `yes`, if it has to be downloaded.
    ValueError, with a user-facing message that names the side."""
    race = _race_of(**choices)
    first = race.configs[0]
    return replace(race, download=agreed(first.corpus, first.reading, yes=yes))


def _race_of(
    corpus: str | None,
    sides: tuple[str, ...],
    axis: Axis | None,
    seeds: int,
    question: str,
    encoding: str | None,
    ignore: tuple[str, ...],
    download_limit: int | None,
    preset_name: str | None,
    assignments: tuple[str, ...],
    more: tuple[str, ...] = (),
    separator: str | None = None,
    **shortcuts: str | None,
) -> OpenRace:
    reading = opening.read_as(encoding, ignore, more, separator, download_limit)
    if not sides and question:
        if preset_name or assignments or axis or any(shortcuts.values()):
            raise ValueError(
                "A ready question brings its own settings: give a text and --seeds only."
            )
        text = opening.new_run(corpus, None, (), shortcuts, reading).config
        return question_of(question).race(text.corpus, reading, seeds)
    if not sides:
        raise ValueError('A race has two to four sides, each given by --side "KEY=VALUE ...".')
    if len(sides) > len(LABELS):
        raise ValueError(f"A race has two to four sides, not {len(sides)}.")
    common = opening.new_run(corpus, preset_name, assignments, shortcuts, reading).config
    if not any("train.evaluation_interval" in text for text in assignments):
        common = evaluated_often(common)
    configs = tuple(_side(label, common, text) for label, text in zip(LABELS, sides, strict=False))
    if axis is None:
        axis = "seconds" if any(config.train.minutes for config in configs) else "characters"
    return OpenRace(configs, question, axis, seeds)


def _side(label: str, common: RunConfig, text: str) -> RunConfig:
    try:
        return override(common, map(opening.as_typed, shlex.split(text)))
    except ValueError as error:
        message = str(error).replace("--set takes", "--side takes")
        raise ValueError(f"Side {label}: {message}") from None
