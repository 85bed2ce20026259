"""The commands about saved runs: list, rename, annotate, delete."""

import sys

import click

from data.safe_text import safe_text
from engine.protocol import AnnotateRun, DeleteRun, RenameRun
from tui.cli import completions
from tui.cli.help import GENERAL, Refusal, option


@click.group("runs", invoke_without_command=True)
@option(GENERAL, "--json", "as_json", is_flag=True, help="Print every run as a line of JSON.")
@click.pass_context
def runs_group(context: click.Context, as_json: bool) -> None:
    """List the saved runs, or rename, annotate or delete one."""
    if context.invoked_subcommand is None:
        from tui.cli.runs import list_runs  # with rich and the session

        sys.exit(list_runs(as_json=as_json))
    if as_json:
        raise Refusal(f"--json lists the runs: it goes without {context.invoked_subcommand}.")


@runs_group.command("rename")
@click.argument("run", shell_complete=completions.run_name)
@click.argument("name")
def rename_command(run: str, name: str) -> None:
    """Rename a saved run."""
    _change_runs(RenameRun(run, name))


@runs_group.command("note")
@click.argument("run", shell_complete=completions.run_name)
@click.argument("text")
def note_command(run: str, text: str) -> None:
    """Attach a note to a saved run; an empty TEXT removes it."""
    _change_runs(AnnotateRun(run, text))


@runs_group.command("delete")
@click.argument("run", shell_complete=completions.run_name)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def delete_command(run: str, yes: bool) -> None:
    """Delete a saved run."""
    if not yes:
        click.confirm(f"Delete {safe_text(run)}? It cannot be undone.", abort=True)
    _change_runs(DeleteRun(run))


def _change_runs(command: RenameRun | AnnotateRun | DeleteRun) -> None:
    from tui.cli.runs import change_saved  # with rich and the session

    sys.exit(change_saved(command))
