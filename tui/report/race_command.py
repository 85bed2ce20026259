"""The command that runs a race once more."""

import shlex
from collections.abc import Iterator, Sequence

from engine.config import FREE_TEXT, all_settings
from engine.protocol import ReportedRace, ReportedRun
from tui.report.command import (
    PROGRAM,
    default_config,
    measured,
    preset_of,
    text_of,
    typed,
    value_of,
)

ALWAYS = ("train.seed", "train.evaluation_interval")
"""Settings that are named in any case: the command chooses others than the preset has."""
EVALUATED = "train.val_characters"
"""How many tokens of the held-out text are read: not named where the race has set it so that sides
with different tokens read as much text."""


def race_command(race: ReportedRace, runs: Sequence[ReportedRun]) -> str:
    """What is typed. `runs`: those of the race, its sides with the first seed first."""
    sides = runs[: len(race.settings)]
    words = [PROGRAM, "lab", *text_of(sides[0]), *preset_of(sides[0]), "--axis", race.axis]
    words += ["--seeds", str(race.seeds)] if race.seeds > 1 else []
    words += ["--question", race.question] if race.question else []
    set_apart = {one.partition("=")[0] for side in race.settings for one in side}
    own: list[list[str]] = [[] for _ in sides]
    for key, values in _settings(sides):
        if key in set_apart:
            for side, value in zip(own, values, strict=True):
                side.append(f"{key}={value}")
        elif key != EVALUATED or len({*values}) == 1:
            # Where it differs all the same, the race has made the sides equally long.
            words += ["--set", f"{key}={values[0]}"]
    for side in own:
        words += ["--side", shlex.join(side)]
    return shlex.join(words)


def _settings(sides: Sequence[ReportedRun]) -> Iterator[tuple[str, list[str]]]:
    """The settings to name, with the value of each side."""
    default = default_config(sides[0])
    for key in (*all_settings(), *FREE_TEXT):
        values = [measured(side).get(key, value_of(side.config, key)) for side in sides]
        if key in ALWAYS or any(value != value_of(default, key) for value in values):
            yield key, [typed(value) for value in values]
