"""The README agrees with the program."""

import re
from pathlib import Path

from click import Context
from click.testing import CliRunner
from textual.app import App

from tui.app import TinyGPTApp
from tui.cli.commands import COMMANDS
from tui.cli.main import main
from tui.screens.help import KEYS, READ_KEYS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
KEY_PAGE = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")


def test_the_key_table_equals_the_help_screen() -> None:
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", KEY_PAGE, re.MULTILINE)
    documented = [(re.findall(r"`([^`]+)`", keys), does.replace("`", "")) for keys, does in rows]
    assert documented == [(keys.split(), does) for keys, does in (*KEYS, *READ_KEYS)]


def test_every_key_of_the_app_is_in_the_help() -> None:
    app_keys = {
        App.get_key_display(None, binding)  # type: ignore[arg-type]
        for binding in TinyGPTApp.BINDINGS
    }
    documented = {key.lower() if len(key) > 1 else key for keys, _ in KEYS for key in keys.split()}
    assert {key.lower() if len(key) > 1 else key for key in app_keys} <= documented


def test_its_make_targets_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([\w-]+)", README)) <= targets


def test_its_command_lines_parse() -> None:
    """Every option in a tinygpt-tui line is known to its command."""
    lines = re.findall(r"^tinygpt-tui .*?(?=\s*(?:#|$))", README, re.MULTILINE)
    assert len(lines) >= 8
    for line in lines:
        words = line.replace('"ROMEO:"', "ROMEO:").split()[1:]
        name = words[0] if words[0] in COMMANDS else "app"
        arguments = words[words[0] == name :]
        command = main.get_command(Context(main), name)  # type: ignore[attr-defined]
        command.make_context(name, arguments)


def test_help_names_the_commands() -> None:
    output = CliRunner().invoke(main, ["--help"]).output
    for command in ("train", "sample", "runs"):
        assert f"tinygpt-tui {command}" in output


def test_the_keys_that_it_names_are_on_the_page_of_all() -> None:
    (first,) = re.findall(r"^Keys that matter first: (.*)$", README, re.MULTILINE)
    named = set(re.findall(r"`([^`]+)`", first))
    assert named <= {key for keys, _ in KEYS for key in keys.split()}
