"""`tinygpt-tui settings` and its options."""

import click

from tui.cli import completions, opening
from tui.cli.help import GENERAL, SectionedCommand, option, refusals


@click.command("settings", cls=SectionedCommand)
@click.argument(
    "word", required=False, default="", metavar="[WORD]", shell_complete=completions.setting
)
@option(
    GENERAL,
    "--preset",
    "preset_name",
    metavar="NAME",
    shell_complete=completions.preset,
    help="With the values of this preset.",
    otherwise=opening.DEFAULT_PRESET,
)
def settings_command(word: str, preset_name: str | None) -> None:
    """List every setting: default, range and meaning.

    They are what --set changes. With WORD, only those that have it in their name or meaning.
    """
    from tui.cli.settings import list_settings  # when it is called

    with refusals():
        list_settings(opening.configured("", preset_name, []), word)
