"""The file of a sweep: which settings are tried, and with how many seeds each."""

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from data import catalog
from data.download.kinds import is_remote
from engine import check_name
from engine.config import SECTIONS, RunConfig, override, preset
from engine.protocol import SweepCase, SweepPlan
from engine.settings import errors_about, nearest

FILE_LIMIT = 1 << 20
"""The most bytes of a sweep file."""
MOST_TRIALS = 10_000
"""The most runs of a sweep."""
KEYS = ("name", "text", "preset", "steps", "minutes", "seeds", "set", "grid", "case")
"""What a sweep file may have at its top."""
LENGTHS = {"steps": "train.steps", "minutes": "train.minutes"}
LONGEST_SHOWN = 60
"""Characters of a wrong value that a message repeats."""

Settings = dict[str, str]
"""Values, as typed after `--set`, by the dotted keys of settings."""


class Case(NamedTuple):
    """Settings that are tried."""

    settings: Settings  # those of its own
    assignments: tuple[str, ...]  # KEY=VALUE: with those that all cases share
    config: RunConfig

    @property
    def label(self) -> str:
        """What it is called."""
        return self.tried(()).label

    def tried(self, trials: tuple[str, ...]) -> SweepCase:
        """The case as it is saved, with the keys of its runs."""
        return SweepCase(tuple(_assigned(self.settings)), trials)


class Trial(Struct, frozen=True, eq=False, dict=True):
    """One run of a sweep: a case with one seed."""

    case: Case
    seed: int

    @property
    def name(self) -> str:
        """Which one of its sweep it is."""
        return f"{self.case.label}, seed {self.seed}"

    @cached_property
    def key(self) -> str:
        """The same for the same text, settings and seed, in whatever file they stand, and by whatever
        version that knows these settings."""
        described = json.dumps([self.case.config.corpus, _changes(self.case.config), self.seed])
        return hashlib.sha256(described.encode()).hexdigest()[:16]


class Plan(NamedTuple):
    """What a sweep file asks for."""

    name: str
    text: str
    preset: str
    seeds: int
    cases: tuple[Case, ...]
    trials: tuple[Trial, ...]
    """The first seed of all cases first: a sweep that is stopped early has tried them all."""
    file: str = ""
    """Its content."""

    def of_case(self, index: int) -> tuple[Trial, ...]:
        """The trials of a case, one for each seed."""
        return self.trials[index :: len(self.cases)]

    @property
    def saved(self) -> SweepPlan:
        """The plan as it is saved with the results."""
        cases = tuple(
            case.tried(tuple(trial.key for trial in self.of_case(index)))
            for index, case in enumerate(self.cases)
        )
        return SweepPlan(self.name, self.seeds, cases, self.file)


def read_plan(path: Path) -> Plan:
    """The plan in a file. ValueError, with a user-facing message that names the place, if it cannot
    be read or cannot be meant."""
    content = _content(path)
    try:
        text = content.decode("utf-8-sig")
        table = tomllib.loads(text)
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not UTF-8, as TOML is.") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is not TOML: {error}.") from None
    with errors_about(path.name):
        return plan_of(table, path.stem, path.parent)._replace(file=text)


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ValueError(f"There is no file {str(path)!r}.")
        with path.open("rb") as file:
            content = file.read(FILE_LIMIT + 1)
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error.strerror}.") from None
    if len(content) > FILE_LIMIT:
        raise ValueError(f"{path.name} is too large for a sweep file.")
    return content


def plan_of(content: Mapping[str, Any], name: str, folder: Path) -> Plan:
    """The plan in what a file holds. `name`: of the sweep, unless it says another. `folder`: where
    its text is looked for. ValueError, with a user-facing message that names the place."""
    for key in content.keys() - {*KEYS}:
        raise ValueError(f"there is no key {key!r}{nearest(key, KEYS)}.")
    name, seeds = _string(content, "name", name), content.get("seeds", 1)
    check_name(name, "sweep")
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not 1 <= seeds <= MOST_TRIALS:
        raise ValueError(f"seeds goes from 1 to {MOST_TRIALS:,}, not {_shown(seeds)}.")
    text = _string(content, "text", "")
    if text == "-":
        raise ValueError("text cannot be standard input, which is read once.")
    if text not in catalog.names() and not is_remote(text):
        text = str(folder.absolute() / Path(text).expanduser())
    preset_name = _string(content, "preset", "small")
    shared = {LENGTHS[key]: _value(key, content[key]) for key in LENGTHS if key in content}
    base = _case({}, shared, preset(preset_name, text)).config
    with errors_about("[set]"):
        for key, value in _flattened(content.get("set", {})):
            if key in shared:
                raise ValueError(f"{key} is given at the top already.")
            shared[key] = _value(key, value)
        base = _case({}, shared, base).config
    cases = [*_grid(content["grid"], base, shared, seeds)] if "grid" in content else []
    cases += _listed(content.get("case", []), base, shared)
    if not cases:
        raise ValueError("there is nothing to try: it has neither [grid] nor [[case]].")
    _check_number(len(cases) * seeds)
    _check_distinct(cases)
    trials = [Trial(case, seed) for seed in range(1, seeds + 1) for case in cases]
    return Plan(name, text, preset_name, seeds, tuple(cases), tuple(trials))


def _grid(table: object, base: RunConfig, shared: Settings, seeds: int) -> Iterator[Case]:
    """The product of the lists."""
    with errors_about("[grid]"):
        axes = dict(_flattened(table))
        if not axes:
            raise ValueError(
                "it is empty: it takes lists of values, as in train.batch_size = [8, 16]."
            )
        for key, values in axes.items():
            if not isinstance(values, list) or not values:
                raise ValueError(f"{key} takes a list of values, and at least one.")
            if key in shared:
                raise ValueError(f"{key} is given for all cases already.")
        _check_number(prod(map(len, axes.values())) * seeds)
        typed = [[_value(key, value) for value in values] for key, values in axes.items()]
        for values in product(*typed):
            yield _case(dict(zip(axes, values, strict=True)), shared, base)


def _listed(tables: object, base: RunConfig, shared: Settings) -> Iterator[Case]:
    """The cases that are named one by one."""
    if not isinstance(tables, list):
        raise ValueError("case is a list of tables: write [[case]].")  # noqa: TRY004
    for number, table in enumerate(tables, 1):
        with errors_about(f"[[case]] {number}"):
            own = {key: _value(key, value) for key, value in _flattened(table)}
            yield _case(own, shared, base)


def _case(own: Settings, shared: Settings, config: RunConfig) -> Case:
    """ValueError, with a user-facing message, for settings that cannot be, or not together."""
    settings = {**shared, **own}
    if "train.seed" in settings:
        raise ValueError("train.seed is what seeds = N counts: leave it out.")
    if {*LENGTHS.values()} <= settings.keys():
        raise ValueError("steps and minutes are two ways to say when a run ends: give one of them.")
    assignments = tuple(_assigned(settings))
    try:
        return Case(own, assignments, override(config, assignments))
    except ValueError as error:
        raise ValueError(f"{', '.join(_assigned(own))}: {error}" if own else str(error)) from None


def _changes(config: RunConfig) -> dict[str, object]:
    """The settings that are not the default: one that is new in a later version is left out."""
    return {
        f"{section}.{name}": value
        for section, kind in SECTIONS.items()
        for name, value in msgspec.structs.asdict(getattr(config, section)).items()
        if value != getattr(kind(), name)
    }


def _assigned(settings: Settings) -> Iterator[str]:
    return (f"{key}={value}" for key, value in settings.items())


def _check_number(trials: int) -> None:
    if trials > MOST_TRIALS:
        raise ValueError(f"that makes {trials:,} runs; {MOST_TRIALS:,} are the most.")


def _check_distinct(cases: list[Case]) -> None:
    seen: dict[str, Case] = {}
    for case in cases:
        other = seen.setdefault(Trial(case, 0).key, case)
        if other is not case:
            raise ValueError(f"two cases are the same: {other.label!r} and {case.label!r}.")


def _flattened(table: object, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a table by their dotted keys: `train.steps = 5` is a table in a table."""
    if not isinstance(table, dict):
        what = prefix.rstrip(".") or "it"
        raise ValueError(f"{what} is a table of settings, not {_shown(table)}.")  # noqa: TRY004
    for key, value in table.items():
        if "=" in key or key != key.strip():
            raise ValueError(f"{key!r} is no name of a setting.")
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _value(key: str, value: object) -> str:
    """A value as it is typed after `--set`."""
    if isinstance(value, list | dict | date | datetime | time):
        raise ValueError(  # noqa: TRY004
            f"{key} takes a number, a word, true or false, not {_shown(value)}."
        )
    if isinstance(value, bool):
        return "on" if value else "off"
    if "\0" in str(value):
        raise ValueError(f"{key} holds a character that no command line can.")
    return str(value)


def _shown(value: object) -> str:
    """A value in a message; the beginning of a long one."""
    shown = repr(value)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"


def _string(content: Mapping[str, Any], key: str, otherwise: str) -> str:
    value = content.get(key, otherwise)
    if not isinstance(value, str) or not value or "\0" in value:
        problem = f"is a word in quotes, not {_shown(value)}" if key in content else "is missing"
        raise ValueError(f"{key} {problem}.")
    return value
