"""The app on a text that is piped into it: it reads its keys from the terminal."""

from pathlib import Path

from starting import SETTINGS, assert_restored, program
from terminal import Terminal


def test_a_piped_text_is_trained_on_and_the_keys_work(text: Path, tmp_path: Path) -> None:
    line = f"cat '{text}' | {program()} - {' '.join(SETTINGS)} --steps=20"
    with Terminal(
        ["sh", "-c", line],
        columns=80,
        lines=24,
        cwd=str(tmp_path),
        env={"TINYGPT_HOME": str(tmp_path / "home")},
    ) as terminal:
        terminal.wait_for("standard input")
        terminal.wait_for("● untrained")
        terminal.type(" ")
        terminal.wait_for("● done")
        terminal.type("q")
        assert terminal.wait_for_end() == 0
        assert_restored(terminal)
