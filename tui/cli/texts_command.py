"""`tinygpt-tui texts`: what can be trained on without a file, and the copies of what was downloaded."""

import sys

import click

from tui.cli import completions
from tui.cli.consent import download_limit, without_asking
from tui.cli.help import GENERAL, option, refusals


@click.group("texts", invoke_without_command=True)
@click.pass_context
def texts_group(context: click.Context) -> None:
    """List the texts of the catalog and those that were downloaded, or get one.

    A text that was downloaded is read from its copy in the home folder, which stays as it is until
    it is got again.
    """
    if context.invoked_subcommand is None:
        from tui.cli.texts import list_texts  # with rich

        list_texts()


@texts_group.command("get")
@click.argument("text", metavar="TEXT", shell_complete=completions.text)
@download_limit
@without_asking
@option(
    GENERAL,
    "--again",
    is_flag=True,
    help="Even if there is a copy, unless that is the newest version.",
)
def get_command(text: str, download_limit: int | None, yes: bool, again: bool) -> None:
    """Download a text: one of the catalog, a URL, or a dataset of the Hugging Face Hub, written
    hf:OWNER/NAME or hf:OWNER/NAME:COLUMN. What was interrupted goes on.
    """
    from tui.cli.texts import get_text  # with rich and the session

    with refusals():
        code = get_text(text, download_limit, yes=yes, again=again)
    sys.exit(code)


@texts_group.command("delete")
@click.argument("text", metavar="TEXT", shell_complete=completions.text)
def delete_command(text: str) -> None:
    """Delete the copy of a text. Runs that were trained on it keep their own."""
    from tui.cli.texts import delete_text  # not needed by the app

    with refusals():
        delete_text(text)
