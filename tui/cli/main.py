"""The command line: what may be typed. Each command imports what it needs when it is called."""

import gc
import sys
from typing import Any

import click

from data.standard_input import keys_from_terminal
from engine import launched
from engine.protocol import Fork, Open, OpenRun
from tui import __version__
from tui.cli import completions, opening
from tui.cli.app import check_terminal, open_app
from tui.cli.commands import APP, COMMANDS
from tui.cli.help import Program, Refusal, UnnamedCommand, option, refusals
from tui.cli.hints import PROGRAM, check_command
from tui.cli.options import SAVED, run_options


class _AppByDefault(Program):
    """The commands, of which the app needs no name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        completing = ctx.resilient_parsing
        if completing and not args:  # the first word may be a command
            return super().parse_args(ctx, args)
        if not args or (args[0] not in self.list_commands(ctx) and args[0] != "--version"):
            if {"-h", "--help"} & {*args}:
                args = ["--help"]
            elif args and not args[0].startswith("-") and not completing:
                with refusals():
                    check_command(args[0], self.list_commands(ctx))
            if args != ["--help"]:
                args = [APP, *args]
        return super().parse_args(ctx, args)


EPILOG = """
\b
Examples:
  tinygpt-tui letters.txt                    open the app on a text
  tinygpt-tui --run amber-otter              open it on a saved run
  tinygpt-tui train letters.txt --minutes 3  train without the app
  tinygpt-tui runs                           list the saved runs
  tinygpt-tui sample amber-otter --prompt "ROMEO:"
  tinygpt-tui inspect amber-otter --text "ROMEO:"
  tinygpt-tui report amber-otter             write a page on it, to hand in
  tinygpt-tui sweep rates.toml               compare settings, several seeds each
  tinygpt-tui --sweep rates.toml             see the table and the curves of that
  tinygpt-tui serve letters.txt              show the app in a browser

\b
Environment:
  TINYGPT_HOME           where runs are saved; else the platform's data folder
  TINYGPT_TENSORBOARD=1  write TensorBoard's files into the folders of runs as they train
  NO_COLOR               draw without colours
"""


@click.group(
    cls=_AppByDefault,
    default_command=APP,
    others={name: f"tui.cli.{source}" for name, source in COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EPILOG,
)
@click.version_option(__version__, prog_name=PROGRAM)
def main() -> None:
    """Train a small GPT on a text in your terminal, and watch it learn to write.

    TEXT is the path of a text file or folder, - for standard input, a text of the catalog
    (tinygpt-tui texts lists them), an address that begins with https://, or a dataset, as in
    hf:OWNER/NAME. Without a command, the app opens; without TEXT, it trains on tinyshakespeare
    if that is here, else on tales.
    """
    with refusals():
        launch = launched()
    command = click.get_current_context().invoked_subcommand
    if command != APP:  # which needs it only once a run is open
        gc.enable()
    if launch is not None and command != "train":
        if launch.rank:  # rank 0 says it for all
            sys.exit(Refusal.exit_code)
        raise Refusal(
            f"A launcher such as torchrun starts {PROGRAM} train: {command} is one process, which can "
            "follow that run. (RANK and WORLD_SIZE are set; unset them where that is not meant.)"
        )


@main.command(APP, hidden=True, cls=UnnamedCommand)
@run_options
@option(
    SAVED,
    "--follow",
    "follows",
    is_flag=True,
    help="Follow the run that another program trains, and those that it trains next; nothing is "
    "changed here.",
)
@option(
    SAVED,
    "--compare",
    multiple=True,
    metavar="NAME",
    shell_complete=completions.run_name,
    help="Draw the held-out loss of this run, too. May be given three times.",
)
@option(
    SAVED,
    "--sweep",
    metavar="FILE",
    shell_complete=completions.sweep,
    help="Show the cases of a sweep and their curves, and follow it while it is trained in another "
    "terminal. Its file, or its name.",
)
def app_command(
    run_name: str | None,
    corpus: str | None,
    no_save: bool,
    follows: bool,
    compare: tuple[str, ...],
    sweep: str | None,
    **choices: Any,
) -> None:
    """Open the app."""
    shown = ""
    with refusals():
        command: Open | OpenRun | Fork
        if sweep is not None:
            from tui.cli.sweep_opening import opened_sweep  # seldom needed

            given = (run_name, corpus, follows, *choices.values(), *compare)
            shown, command = opened_sweep(sweep, alone=not any(given))
        elif follows:
            command = opening.followed_run(run_name, corpus, {**choices, "compare": compare})
        else:
            command = opening.chosen(APP, run_name, corpus, **choices)
        more = opening.after_opening(run_name, choices, compare)
        if corpus == "-":
            keys_from_terminal()
        check_terminal()
    open_app(command, corpus, more, no_save=no_save, follows=follows, sweep=shown)
