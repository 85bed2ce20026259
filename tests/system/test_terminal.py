"""The app in a terminal: it starts, trains, generates text, quits, and restores the terminal."""

import signal
import sys
from pathlib import Path
from time import monotonic

from starting import assert_restored, start
from terminal import Terminal
from watching import needs_proc

EVERYWHERE = ("tinygpt", "characters", "float32", "held out", "step      0", "top-k", "quit")
"""A word of each pane."""


def leave_the_prompt(terminal: Terminal) -> None:
    """Press Esc until the prompt has lost the focus: the first Esc may stop a sample instead."""
    left = "\x1b[D"  # a key without text: a lone Esc would be read with the next key
    while "earlier" in terminal.text():
        terminal.type(f"{left}\x1b")
        end = monotonic() + 1.0
        while "earlier" in terminal.text() and monotonic() < end:
            terminal.read(0.1)
    terminal.type(left)


def test_a_run_from_start_to_quit(text: Path, tmp_path: Path) -> None:
    with start(text, tmp_path, "--steps=80") as terminal:
        terminal.wait_for("rhymes.txt")
        terminal.wait_for("● untrained")
        terminal.wait_for(lambda screen: "step      0" in screen)
        terminal.type(" ")
        terminal.wait_for("● done")
        terminal.type("pthe c\r")
        terminal.wait_for(lambda screen: "500 characters" in screen and "earlier" in screen)
        assert "the cat sat" in terminal.text()
        leave_the_prompt(terminal)
        terminal.type("q")
        assert terminal.wait_for_end() == 0
        assert "Go on with: tinygpt-tui --run" in terminal.raw.decode()
        assert "Traceback" not in terminal.raw.decode()
        assert_restored(terminal)


def test_quitting_while_it_trains_and_samples(text: Path, tmp_path: Path) -> None:
    with start(text, tmp_path, "--steps=1000000", columns=120, lines=40) as terminal:
        terminal.wait_for("● untrained")
        terminal.type(" ")
        terminal.wait_for("● training")
        terminal.type("w")
        terminal.wait_for(lambda screen: "by step" in screen)
        terminal.type("q")
        assert terminal.wait_for_end() == 0
        assert "Traceback" not in terminal.raw.decode()
        assert_restored(terminal)


@needs_proc
def test_back_from_the_shell_everything_is_redrawn(text: Path, tmp_path: Path) -> None:
    with start(text, tmp_path, "--steps=1000000", columns=120, lines=40) as terminal:
        terminal.wait_for("● untrained")
        terminal.wait_for(whole := lambda screen: all(words in screen for words in EVERYWHERE))
        terminal.type("\x1a")
        status = Path(f"/proc/{terminal.process.pid}/status")
        while "State:\tT" not in status.read_text():
            terminal.read(0.1)
        terminal.screen.reset()
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for(whole, deadline=10.0)
        terminal.type("q")
        assert terminal.wait_for_end() == 0
        assert_restored(terminal, entered=2)


def test_a_missing_file_is_a_message(tmp_path: Path) -> None:
    with start(tmp_path / "missing.txt", tmp_path) as terminal:
        assert terminal.wait_for_end() == 2
        after = terminal.raw.decode().rpartition("\x1b[?1049l")[2]
        assert "missing.txt" in after.replace("\r\n", "")  # however long the path is
        assert "Traceback" not in after
        assert_restored(terminal)


def test_a_terminal_that_goes_while_the_app_ends_leaves_no_process(tmp_path: Path) -> None:
    """Writing to it fails, before Textual has stopped the thread that reads from it."""
    script = tmp_path / "gone.py"
    script.write_text(
        "from textual.drivers.linux_driver import LinuxDriver\n"
        "from tui.cli.main import main\n"
        "def gone(driver): raise OSError(5, 'Input/output error')\n"
        "LinuxDriver._disable_mouse_support = gone\n"
        "main(['missing.txt'])\n"
    )
    env = {"TINYGPT_HOME": str(tmp_path / "home")}
    command = [sys.executable, str(script)]
    with Terminal(command, columns=80, lines=24, cwd=str(tmp_path), env=env) as terminal:
        assert terminal.wait_for_end() == 2


def test_no_color_shows_greys_only(text: Path, tmp_path: Path) -> None:
    with start(text, tmp_path, NO_COLOR="1") as terminal:
        terminal.wait_for("● untrained")
        colours = {char.fg for row in terminal.screen.buffer.values() for char in row.values()} - {
            "default"
        }
        assert all(fg[:2] == fg[2:4] == fg[4:6] for fg in colours), "grey only"
        terminal.type("q")
        assert terminal.wait_for_end() == 0
