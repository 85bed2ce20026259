"""The real command in a real terminal: it starts, trains, writes and quits, and leaves no trace."""

import sys
from pathlib import Path

import pytest
from terminal import Terminal

SETTINGS = (
    "--preset=nano",
    "--set=model.width=32",
    "--set=model.n_layer=1",
    "--set=model.context_length=32",
    "--set=train.evaluation_interval=40",
    "--set=train.threads=1",
    "--set=train.precision=float32",
)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "rhymes.txt"
    path.write_text("the cat sat on the mat and the rat ran.\n" * 200, encoding="utf-8")
    return path


def start(
    text: Path, tmp_path: Path, *more: str, columns: int = 80, lines: int = 24, **env: str
) -> Terminal:
    """The app on a text, small enough to train on in moments."""
    command = [str(Path(sys.executable).with_name("tinygpt-tui")), str(text), *SETTINGS, *more]
    return Terminal(
        command,
        columns=columns,
        lines=lines,
        cwd=str(tmp_path),
        env={"TINYGPT_HOME": str(tmp_path / "home"), **env},
    )


def assert_restored(terminal: Terminal) -> None:
    """The terminal is as it was: modes, main screen, cursor, no mouse reports."""
    assert terminal.modes == terminal.modes_before
    assert terminal.raw.count(b"\x1b[?1049l") == terminal.raw.count(b"\x1b[?1049h") == 1
    assert terminal.raw.rfind(b"\x1b[?25h") > terminal.raw.rfind(b"\x1b[?25l")
    assert terminal.raw.rfind(b"\x1b[?1000l") > terminal.raw.rfind(b"\x1b[?1000h")


def test_a_run_from_start_to_quit(text: Path, tmp_path: Path) -> None:
    with start(text, tmp_path, "--steps=80") as terminal:
        terminal.wait_for("rhymes.txt")
        terminal.wait_for("● untrained")
        terminal.wait_for(lambda screen: "step      0" in screen)
        terminal.type(" ")
        terminal.wait_for("● done")
        terminal.type("pthe c\r")
        terminal.wait_for(lambda screen: "500 characters" in screen)
        assert "the cat sat" in terminal.text()
        terminal.type("\x1b[D\x1b")  # a key that is not text first: Esc alone would join the q
        terminal.wait_for(lambda screen: "quit" in screen)
        terminal.type("q")
        assert terminal.wait_for_end() == 0
        assert "Go on with: tinygpt-tui --run" in terminal.raw.decode()
        assert "Traceback" not in terminal.raw.decode()
        assert_restored(terminal)


def test_quitting_while_it_trains_and_writes(text: Path, tmp_path: Path) -> None:
    with start(text, tmp_path, "--steps=1000000", columns=120, lines=40) as terminal:
        terminal.wait_for("● untrained")
        terminal.type(" ")
        terminal.wait_for("● training")
        terminal.type("w")
        terminal.wait_for(lambda screen: "char/s" in screen)
        terminal.type("q")
        assert terminal.wait_for_end() == 0
        assert "Traceback" not in terminal.raw.decode()
        assert_restored(terminal)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with start(tmp_path / "missing.txt", tmp_path) as terminal:
        assert terminal.wait_for_end() == 2
        after = terminal.raw.decode().rpartition("\x1b[?1049l")[2]
        assert "missing.txt" in after
        assert "Traceback" not in after
        assert_restored(terminal)


def test_no_colour_where_none_is_wanted(text: Path, tmp_path: Path) -> None:
    with start(text, tmp_path, NO_COLOR="1") as terminal:
        terminal.wait_for("● untrained")
        colours = {char.fg for row in terminal.screen.buffer.values() for char in row.values()} - {
            "default"
        }
        assert all(fg[:2] == fg[2:4] == fg[4:6] for fg in colours), "grey only"
        terminal.type("q")
        assert terminal.wait_for_end() == 0
