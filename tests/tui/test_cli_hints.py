"""A mistyped command, text or run: the command line says what may have been meant."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from driving import Driver, is_a, only, tiny

from engine.protocol import Close, Open, Opened, RenameRun, StepDone, Train
from tui.cli.main import main


def saved_run(corpus: Path, name: str) -> None:
    driver = Driver().when(is_a(StepDone), Close())
    run = only(driver.run(Open(tiny(corpus)), Train()), Opened).run
    Driver().run(RenameRun(run, name), Close())


def refusal(*arguments: str) -> str:
    """What the program says to arguments that it refuses."""
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    return result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "There is no command and no text 'trian': did you mean tinygpt-tui train?"),
        (["sampel", "x"], "There is no command and no text 'sampel': did you mean tinygpt-tui sa"),
        (["run"], "There is no command and no text 'run': did you mean tinygpt-tui runs?"),
        (["tails"], "There is no text and no file named 'tails': did you mean tales?"),
        (["runs", "renam", "a", "b"], "No such command 'renam'."),
        (
            ["amber-otter"],
            "There is no text 'amber-otter': did you mean tinygpt-tui --run amber-ot",
        ),
        (
            ["amber-oter@best"],
            "There is no text 'amber-oter@best': did you mean tinygpt-tui --run ",
        ),
        (
            ["train", "amber-otter"],
            "There is no text 'amber-otter': did you mean tinygpt-tui train --run amber-otter?",
        ),
        (
            ["--preset", "nano", "my best (2)"],
            "There is no text 'my best (2)': did you mean tinygpt-tui --run 'my best (2)'?",
        ),
    ],
)
def test_a_mistyped_word_gets_a_hint(verse_file: Path, arguments: list[str], message: str) -> None:
    saved_run(verse_file, "amber-otter")
    saved_run(verse_file, "my best (2)")
    assert refusal(*arguments).startswith(f"Error: {message}")


def test_a_text_that_resembles_a_command_is_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trian").write_text("a text")
    assert refusal("trian").startswith("Error: The app needs a terminal; without one, use ")


@pytest.mark.parametrize("driver", ["", "textual.drivers.web_driver", "mine:WebDriver"])
def test_only_a_page_in_a_browser_needs_no_terminal(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    monkeypatch.setenv("TEXTUAL_DRIVER", driver)
    assert "The app needs a terminal" in refusal(str(verse_file))


def test_what_cannot_be_followed_is_said(verse_file: Path) -> None:
    saved_run(verse_file, "amber-otter")
    assert refusal("--follow") == "Error: No other program trains a run that could be followed."
    for more in (["--run", "amber-otter"], [str(verse_file)], ["--steps", "10"]):
        assert "it goes alone" in refusal("--follow", *more)


def test_the_line_that_installs_an_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*sys.modules]:
        if name.startswith("tui.serving."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    assert refusal("serve", "tales") == (
        "Error: serve needs textual-serve, which this installs: pip install 'tinygpt-tui[serve]'"
    )
