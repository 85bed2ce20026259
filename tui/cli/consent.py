"""Asks before a text is downloaded, and the options about that."""

import sys

import click

from data.catalog import download_question
from data.reading import Reading
from data.safe_text import safe_text
from tui.cli.help import option

TEXT = "The text of a new run"
"""The section of the help."""

download_limit = option(
    TEXT,
    "--download-limit",
    type=click.IntRange(1, 1_000),
    metavar="MB",
    help="The most that is downloaded of a URL or a dataset.",
    otherwise=str(Reading().download_mb),
)
without_asking = option(TEXT, "--yes", is_flag=True, help="Download the text without asking.")


def agreed(text: str | None, reading: Reading, *, yes: bool) -> bool:
    """Whether a text is not here and may be downloaded: with `yes`, or if the user agrees on the
    terminal. ValueError, with a user-facing message, if nobody can be asked; click.Abort for a no."""
    question = download_question(text or "", reading)
    if question:
        ask(question, yes=yes)
    return bool(question)


def ask(question: str, *, yes: bool) -> None:
    """Go on only with a yes. ValueError and click.Abort as in `agreed`."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ValueError(f"{question} To agree, add --yes.")
    from tui.cli.console import wrapped  # with rich, which the first paint does not wait for

    click.confirm(wrapped(safe_text(question)), abort=True, err=True)
