"""Sides of a race as a user enters them."""

import shlex
from typing import NamedTuple

from msgspec.structs import replace

from engine.config import RunConfig, override
from engine.protocol import LABELS, MOST_SEEDS, Axis, OpenRace
from engine.settings import plain
from tui.drawing.words import count
from tui.training_length import parse_length

EVALUATIONS = 10
"""The fewest evaluations of a side, besides the one before the first step."""


class Entry(NamedTuple):
    """What was entered, word for word."""

    sides: tuple[str, ...] = ("",) * len(LABELS)
    """KEY=VALUE with blanks between them; empty: as the open run, or for the later ones, no side."""
    question: str = ""
    axis: Axis = "characters"
    length: str = ""
    seeds: str = "1"


def first_entry(run: RunConfig) -> Entry:
    """What stands in the form at first, for an open run."""
    if run.train.minutes:
        return Entry(length=f"{plain(run.train.minutes)} min", axis="seconds")
    return Entry(length=count(run.train.steps))


def natural_axis(length: str) -> Axis:
    """By what sides of this length are compared, if nothing else is chosen."""
    return "seconds" if "m" in length else "characters"


def common_config(entry: Entry, run: RunConfig) -> RunConfig:
    """What all sides have in common: the settings of the open run, but for the length. ValueError,
    with a user-facing message, for one that is none."""
    length = parse_length(entry.length)
    changes = (
        {"minutes": length.minutes} if length.minutes else {"steps": length.steps, "minutes": 0.0}
    )
    return evaluated_often(replace(run, train=replace(run.train, **changes)))


def evaluated_often(config: RunConfig) -> RunConfig:
    """The config with so many evaluations that two curves can be compared."""
    train = config.train
    if train.minutes:
        return config
    interval = max(1, min(train.evaluation_interval, train.steps // EVALUATIONS))
    return replace(config, train=replace(train, evaluation_interval=interval))


def side_config(label: str, side: str, common: RunConfig) -> RunConfig:
    """The config of one side. ValueError, with a user-facing message that names the side."""
    try:
        return replace(override(common, shlex.split(side)), preset=common.preset)
    except ValueError as error:
        raise ValueError(f"Side {label}: {error}".replace("--set takes", "a side is")) from None


def own_race(entry: Entry, run: RunConfig) -> OpenRace:
    """The race that was entered. ValueError, with a user-facing message, if it cannot be."""
    first, *others = (" ".join(side.split()) for side in entry.sides)
    sides = [first, others[0], *filter(None, others[1:])]
    if not others[0]:
        raise ValueError("Side B is empty: name what is different there, as model.n_head=8.")
    common = common_config(entry, run)
    configs = [side_config(*side, common) for side in zip(LABELS, sides, strict=False)]
    seeds = int(entry.seeds) if entry.seeds.strip().isdecimal() else 0
    if not 1 <= seeds <= MOST_SEEDS:
        raise ValueError(f"A race has 1 to {MOST_SEEDS} seeds, not {entry.seeds!r}.")
    question = entry.question.strip() or " or ".join(side or "as it is" for side in sides)
    return OpenRace(tuple(configs), question, entry.axis, seeds)
