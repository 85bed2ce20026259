"""What the command line says about itself."""

import gc
import re
import sys

import pytest
from click.testing import CliRunner

from engine.config import SECTIONS, all_settings, nano, preset
from engine.settings import plain
from tui.cli.commands import COMMANDS
from tui.cli.main import main
from tui.cli.settings import list_settings


def output(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def words(text: str) -> str:
    """A text with single spaces: help is wrapped."""
    return " ".join(text.split())


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--preset", "nano", "-h"]])
def test_the_help_tells_every_command_and_every_option_of_the_app(arguments: list[str]) -> None:
    printed = output(*arguments)
    for name in COMMANDS:
        assert f"\n  {name} " in printed
    for parameter in main.commands["app"].params:  # type: ignore[attr-defined]
        for name in parameter.opts:
            assert name == "corpus" or f"\n  {name} " in printed
    headings = re.findall(r"^ *(\S.*):$", printed, re.MULTILINE)
    assert headings == [
        "Commands",
        "The text of a new run",
        "The model of a new run",
        "Training",
        "A saved run",
        "General",
        "Examples",
        "Environment",
    ]
    assert "TINYGPT_HOME" in printed
    assert "TINYGPT_TENSORBOARD=1" in printed


def test_the_help_tells_the_defaults_as_they_are() -> None:
    printed = words(output("train", "--help"))
    assert "medium (10.7M parameters). [default: small]" in printed
    assert f"medium {preset('medium', '').train.steps:,}]" in printed
    assert "cuda or mps. [default: auto]" in printed
    printed = words(output("sample", "--help"))
    for option, key in (("--chars N", "characters"), ("--top-p P", "top_p"), ("--seed S", "seed")):
        default = plain(getattr(nano("").sample, key))
        assert re.search(rf"{option} [^\[]*\[default: {default}\]", printed)


def test_an_unknown_option_of_the_app_is_reported_without_a_hidden_name() -> None:
    result = CliRunner().invoke(main, ["--tempo"], prog_name="tinygpt-tui")
    assert result.stderr.splitlines()[:2] == [
        "Usage: tinygpt-tui [OPTIONS] [TEXT]...",
        "Try 'tinygpt-tui --help' for help.",
    ]


def test_every_setting_is_listed_with_its_default_range_and_meaning() -> None:
    lines = [re.split(r" {2,}", line) for line in output("settings").splitlines()]
    by_key = {line[0]: line for line in lines}
    config = preset("small", "")
    for key, setting in all_settings().items():
        section, _, name = key.partition(".")
        value = getattr(getattr(config, section), name)
        shown = value if isinstance(value, str) else plain(value)
        assert by_key[key][-3:] == [shown, setting.range, setting.description]
    assert {
        f"{section}.{name}" for section, kind in SECTIONS.items() for name in _fields(kind)
    } <= {*by_key}


def _fields(section: type) -> tuple[str, ...]:
    return section.__struct_fields__  # type: ignore[attr-defined, no-any-return]


def test_a_command_without_the_app_collects_garbage() -> None:
    gc.disable()  # as the program is started
    output("settings", "dropout")
    assert gc.isenabled()


def test_settings_can_be_looked_up_and_shown_for_a_preset() -> None:
    found = [
        line.split()[:2] for line in output("settings", "HELD-out").splitlines() if "  " in line
    ]
    assert ["train.evaluation_interval", "*"] in found
    printed = output("settings", "batch_size", "--preset", "medium")
    assert "train.batch_size 64 1 to 4,096 " in words(printed)
    assert "a saved run may change it" not in printed
    result = CliRunner().invoke(main, ["settings", "lerning_rate"])
    assert result.exit_code == 2
    assert "There is no setting 'lerning_rate'; near it: train.learning_rate" in result.stderr


def test_a_narrow_terminal_has_the_settings_on_two_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    list_settings(preset("small", ""), "")
    printed = capsys.readouterr().out
    assert (
        "* train.learning_rate = 0.03  (0.00001 to 1)\n"
        "      Step size of the matrices inside the blocks (Muon).\n"
    ) in printed
    assert max(map(len, printed.splitlines())) <= 80
