"""Start the app in a terminal, with a model so small that it trains in moments."""

import sys
from pathlib import Path

from terminal import Terminal

SETTINGS = (
    "--preset=nano",
    "--set=model.n_embd=32",
    "--set=model.n_layer=1",
    "--set=model.context_length=32",
    "--set=train.evaluation_interval=40",
    "--set=train.threads=1",
    "--set=train.precision=float32",
)


def program() -> str:
    """The path of the program."""
    return str(Path(sys.executable).with_name("tinygpt-tui"))


def start(
    text: Path,
    tmp_path: Path,
    *more: str,
    columns: int = 80,
    lines: int = 24,
    controls: bool = True,
    **env: str,
) -> Terminal:
    """The app with a small model; `more` arguments, `env` variables, `controls` as in Terminal."""
    command = [program(), str(text), *SETTINGS, *more]
    return Terminal(
        command,
        columns=columns,
        lines=lines,
        cwd=str(tmp_path),
        env={"TINYGPT_HOME": str(tmp_path / "home"), **env},
        controls=controls,
    )


def assert_restored(terminal: Terminal, *, entered: int = 1) -> None:
    """The terminal is as it was: modes, main screen, cursor, no mouse reports. `entered`: how often
    the app entered the alternate screen."""
    assert terminal.modes == terminal.modes_before
    assert terminal.raw.count(b"\x1b[?1049l") == terminal.raw.count(b"\x1b[?1049h") == entered
    assert terminal.raw.rfind(b"\x1b[?25h") > terminal.raw.rfind(b"\x1b[?25l")
    assert terminal.raw.rfind(b"\x1b[?1000l") > terminal.raw.rfind(b"\x1b[?1000h")
