"""What the values of options and arguments, half typed, may be. The shell hides all others."""

from collections.abc import Callable, Iterable

import click

import engine
from data.catalog import names
from engine.changes import is_changeable
from engine.config import FREE_TEXT, PRESETS, all_settings
from tui.typed_text import paths, texts

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def text(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Texts of the catalog, and paths; beside the commands, paths only once one is begun."""
    if not typed and context.command.hidden:
        return [*names()]
    return [*texts(typed)]


def path(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Paths of files and folders."""
    return [*paths(typed)]


def run(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Saved runs; if there is one only, also its best checkpoint."""
    runs = run_name(context, parameter, typed.partition("@")[0])
    best = [f"{name}@best" for name in runs if len(runs) == 1 or "@" in typed]
    return _continuing([*runs, *best], typed)


def run_name(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Saved runs. One whose folder was named like an option is left out."""
    try:
        runs = engine.run_names()
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return []
    return [name for name in _continuing(runs, typed) if not name.startswith("-")]


def race(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Saved races."""
    try:
        return _continuing(engine.race_names(), typed)
    except (OSError, RuntimeError):  # as above
        return []


def sweep(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Sweeps, and paths."""
    return [*_sweeps(typed), *paths(typed)]


def reportable(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Saved runs, races and sweeps."""
    races = race(context, parameter, typed)
    return [*run(context, parameter, typed), *races, *_sweeps(typed)]


def _sweeps(typed: str) -> list[str]:
    try:
        return _continuing(engine.sweep_names(), typed)
    except (OSError, RuntimeError):  # as above
        return []


def preset(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Presets."""
    return _continuing(PRESETS, typed)


def setting(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Keys of settings."""
    return _continuing(all_settings(), typed)


def assignment(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """KEY= of settings, of a saved run those that may change; after it the values, if these are a
    few words."""
    key, equals, _ = typed.partition("=")
    if equals:
        return _continuing((f"{key}={value}" for value in _choices(key)), typed)
    saved = context.params.get("run_name") is not None
    keys = [*all_settings(), *FREE_TEXT]
    return _continuing((f"{key}=" for key in keys if not saved or is_changeable(key)), typed)


def value_of(key: str) -> Completer:
    """The values of one setting."""
    return lambda context, parameter, typed: _continuing(_choices(key), typed)


def _choices(key: str) -> tuple[str, ...]:
    known = all_settings()
    return known[key].choices if key in known else ()


def _continuing(words: Iterable[str], typed: str) -> list[str]:
    return [word for word in words if word.startswith(typed)]
