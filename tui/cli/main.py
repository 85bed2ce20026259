"""The command line: what may be typed. Each command imports what it needs when it is called."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click

from data.catalog import default
from data.reading import Reading
from data.safe_text import safe_text
from data.standard_input import keys_from_terminal
from engine.config import PRESETS
from engine.protocol import AnnotateRun, DeleteRun, Open, OpenRun, RenameRun
from tui import __version__
from tui.cli import opening
from tui.cli.hints import PROGRAM, check_command, check_text
from tui.cli.streams import tolerate_any_text
from tui.line_breaks import with_line_breaks


class Refusal(click.ClickException):
    """Invalid input: a user-facing message, exit code 2."""

    exit_code = 2


@contextmanager
def _refusals() -> Iterator[None]:
    """A ValueError inside becomes a Refusal."""
    try:
        yield
    except ValueError as error:
        raise Refusal(str(error)) from None


class _AppByDefault(click.Group):
    """A group of commands where `app` is the default."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "--version")):
            if args and not args[0].startswith("-"):
                with _refusals():
                    check_command(args[0], self.list_commands(ctx))
            args = ["app", *args]
        return super().parse_args(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:
        """click's own, but any text can be printed, and an error message, which quotes untrusted
        text, is made safe to print."""
        tolerate_any_text()
        try:
            return super().main(*args, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            message = safe_text(error.format_message())
            if isinstance(error, click.UsageError):
                click.UsageError(message, error.ctx).show()
            else:
                Refusal(message).show()
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(1)


@click.group(cls=_AppByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tinygpt-tui")
def main() -> None:
    """Train a small GPT on a text in your terminal, and watch it learn to write.

    \b
    tinygpt-tui [CORPUS]          open the app
    tinygpt-tui train [CORPUS]    train without the app
    tinygpt-tui sample RUN        continue a prompt with a saved run
    tinygpt-tui runs              list the saved runs (rename, note, delete)

    CORPUS is tinyshakespeare, shakespeare, tales, the path of a text file or folder, or - for
    standard input.
    """


def _run_options(command: Any) -> Any:
    """The options that choose a run, the same for the app and for `train`."""
    for option in reversed(
        [
            click.argument("corpus", required=False),
            click.option(
                "--run",
                "run_name",
                metavar="NAME",
                help="Open a saved run; NAME@best opens its best checkpoint.",
            ),
            click.option(
                "--changed-text",
                is_flag=True,
                help="Open the saved run even if its text has changed.",
            ),
            click.option(
                "--preset",
                "preset_name",
                metavar="NAME",
                help=f"Size of a new model: {', '.join(PRESETS)}.  [default: {opening.DEFAULT_PRESET}]",
            ),
            click.option(
                "--set",
                "assignments",
                multiple=True,
                metavar="KEY=VALUE",
                help="Change a setting, e.g. train.learning_rate=0.01. May be repeated.",
            ),
            click.option(
                "--encoding",
                metavar="NAME",
                help="How the text is encoded, e.g. cp1251; else UTF-8, or what it looks like.",
            ),
            click.option(
                "--ignore",
                multiple=True,
                metavar="PATTERN",
                help="Leave files out of a folder, as a .gitignore does, e.g. 'drafts/'. Hidden "
                "ones, node_modules, venv, and what is no text are left out anyway. May be repeated.",
            ),
            click.option("--device", metavar="NAME", help="Device: auto, cpu, cuda or mps."),
            click.option("--steps", metavar="N", help="Stop after N steps."),
            click.option("--minutes", metavar="M", help="Stop after M minutes."),
            click.option(
                "--no-save", is_flag=True, help="Write nothing: the training ends with the program."
            ),
        ]
    ):
        command = option(command)
    return command


@main.command("app", hidden=True)
@_run_options
def app_command(run_name: str | None, corpus: str | None, no_save: bool, **choices: Any) -> None:
    """Open the app."""
    command = _opening("app", run_name, corpus, **choices)
    if corpus == "-":
        keys_from_terminal()
    # Textual draws on standard error.
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise Refusal(
            "The app needs a terminal; without one, use tinygpt-tui train. A text that is piped in "
            "is named -"
        )
    if os.environ.get("TERM") == "dumb":
        raise Refusal("This terminal (TERM=dumb) cannot show the app: use tinygpt-tui train.")
    gc.disable()  # until a run is open: modules stay loaded, there is no garbage to collect
    from engine import EngineThread  # itself loads no torch, but is needed by the app only

    # Textual is loaded for the app only.
    from tui.app import TinyGPTApp
    from tui.textual_patches import patch_utf8_decoder

    patch_utf8_decoder()
    app = TinyGPTApp(
        command,
        why=default()[1] if corpus is None and run_name is None else "",
        engine=partial(EngineThread, saving=not no_save),
    )
    try:
        app.run()
    except OSError:  # the terminal has gone, and there is nothing to restore
        if not app.exit_code:
            raise
    if app.last_words:
        click.echo(app.last_words, err=True)
    sys.exit(app.exit_code)


@main.command("train")
@_run_options
@click.option("--json", "as_json", is_flag=True, help="Print every event as a line of JSON.")
def train_command(run_name: str | None, as_json: bool, no_save: bool, **choices: Any) -> None:
    """Train without the app. Ctrl-C saves the run and ends."""
    command = _opening("train", run_name, **choices)
    from tui.cli.train import train  # with rich's progress bars and the session

    sys.exit(train(command, as_json=as_json, saving=not no_save))


@main.command("sample")
@click.argument("run")
@click.option(
    "--prompt", default="", metavar="TEXT", help="The text to continue; \\n is a line break."
)
@click.option("--chars", metavar="N", help="Number of characters to write.")
@click.option(
    "--temperature",
    metavar="T",
    help="0 takes the most likely character; higher is more varied.",
)
@click.option("--top-k", metavar="K", help="Sample from the K most likely characters; 0: all.")
@click.option(
    "--top-p",
    metavar="P",
    help="Sample from the most likely characters whose probabilities add up to P.",
)
@click.option("--seed", metavar="S", help="The same seed gives the same text.")
@click.option(
    "--stop", metavar="CHARS", help="Stop at any of these characters; \\n is a line break."
)
def sample_command(run: str, prompt: str, **choices: str | None) -> None:
    """Continue a prompt with a saved run."""
    choices["characters"] = choices.pop("chars")
    if choices["stop"] is not None:
        choices["stop"] = with_line_breaks(choices["stop"])
    assignments = [f"sample.{key}={value}" for key, value in choices.items() if value is not None]
    with _refusals():
        config = opening.configured("", None, assignments).sample
    from tui.cli.sample import sample  # with the session

    sys.exit(sample(run, with_line_breaks(prompt), config))


@main.group("runs", invoke_without_command=True)
@click.pass_context
def runs_group(context: click.Context) -> None:
    """List the saved runs, or rename, annotate or delete one."""
    if context.invoked_subcommand is None:
        from tui.cli.runs import list_runs  # with rich and the session

        sys.exit(list_runs())


@runs_group.command("rename")
@click.argument("run")
@click.argument("name")
def rename_command(run: str, name: str) -> None:
    """Rename a saved run."""
    _change_runs(RenameRun(run, name))


@runs_group.command("note")
@click.argument("run")
@click.argument("text")
def note_command(run: str, text: str) -> None:
    """Attach a note to a saved run; an empty TEXT removes it."""
    _change_runs(AnnotateRun(run, text))


@runs_group.command("delete")
@click.argument("run")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def delete_command(run: str, yes: bool) -> None:
    """Delete a saved run."""
    if not yes:
        click.confirm(f"Delete {safe_text(run)}? It cannot be undone.", abort=True)
    _change_runs(DeleteRun(run))


def _change_runs(command: RenameRun | AnnotateRun | DeleteRun) -> None:
    from tui.cli.runs import change_runs  # with rich and the session

    sys.exit(change_runs(command))


def _opening(
    command: str,
    run_name: str | None,
    corpus: str | None,
    changed_text: bool,
    preset_name: str | None,
    assignments: tuple[str, ...],
    encoding: str | None,
    ignore: tuple[str, ...],
    **shortcuts: str | None,
) -> Open | OpenRun:
    """The command that opens the run. Refusal for options that are invalid, or not together.
    `command`: "app" or "train"."""
    given = (corpus, preset_name, assignments, shortcuts, Reading(encoding or "", ignore))
    with _refusals():
        if run_name is not None:
            return opening.saved_run(run_name, *given, changed_text=changed_text)
        if changed_text:
            raise ValueError("--changed-text is about a saved run: it goes with --run.")
        if corpus:
            check_text(corpus, PROGRAM if command == "app" else f"{PROGRAM} {command}")
        return opening.new_run(*given)
