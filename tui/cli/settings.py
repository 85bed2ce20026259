"""`tinygpt-tui settings`: every setting with its default, its range and its meaning."""

import shutil
import sys
from typing import NamedTuple

import click

from engine.changes import is_changeable
from engine.config import SECTIONS, RunConfig, all_settings
from engine.settings import description_of, nearest, plain
from tui.cli.console import wrapped

CHANGEABLE_MARK = "*"
RANGES = {
    "sample.stop": "any text; \\n is a line break",
    "text.train_on": "a path, or a name of the catalog",
}
"""Of the settings that can be any text."""
FOOTNOTE = f"{CHANGEABLE_MARK} a saved run may change it: --run NAME --set KEY=VALUE"


class _Row(NamedTuple):
    key: str
    mark: str
    default: str
    range: str
    meaning: str


def list_settings(config: RunConfig, word: str) -> None:
    """Print the settings whose key or meaning has this word, by section, with their values in
    `config`. ValueError, with a user-facing message, if there is none."""
    sections = {
        kind: [row for row in _rows(config, kind.section) if _matches(row, word)]
        for kind in SECTIONS.values()
    }
    rows = [row for found in sections.values() for row in found]
    if not rows:
        raise ValueError(f"There is no setting {word!r}{nearest(word, all_settings())}.")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    wide = sum(widths) + 2 * len(widths) <= shutil.get_terminal_size().columns
    for kind, found in sections.items():
        if found:
            click.echo(f"{(kind.__doc__ or '').splitlines()[0]}")
        for row in found:
            if wide or not sys.stdout.isatty():
                click.echo("  ".join(map(str.ljust, row, widths)).rstrip())
            else:
                click.echo(f"{row.mark or ' '} {row.key} = {row.default}  ({row.range})")
                click.echo(wrapped(row.meaning, indent="      "))
        if found:
            click.echo()
    if any(row.mark for row in rows):
        click.echo(FOOTNOTE)


def _rows(config: RunConfig, section: str) -> list[_Row]:
    known = all_settings()
    values = getattr(config, section)
    rows = []
    for name in values.__struct_fields__:
        key, value = f"{section}.{name}", getattr(values, name)
        rows.append(
            _Row(
                key,
                CHANGEABLE_MARK if is_changeable(key) else "",
                (value or "empty") if isinstance(value, str) else plain(value),
                known[key].range if key in known else RANGES[key],
                description_of(type(values), name),
            )
        )
    return rows


def _matches(row: _Row, word: str) -> bool:
    return word.casefold() in f"{row.key} {row.meaning}".casefold()
