"""Shared by every benchmark: the text, the table that is printed at the end, nanoGPT's folder."""

import os
from pathlib import Path

import pytest
from figures import ROWS, Table, machine


@pytest.fixture(scope="session")
def text() -> Path:
    """The text that everything is measured on (`TEXT=FILE` chooses another)."""
    shared = Path(__file__).parents[3] / "shared" / "data" / "tinyshakespeare.txt"
    path = Path(os.environ.get("TEXT") or shared)
    if not path.is_file():
        pytest.skip(f"{path.name} is missing: TEXT=FILE names a text")
    return path


@pytest.fixture(scope="session")
def nanogpt() -> Path:
    """A folder with nanoGPT, to compare with ours (`NANOGPT=FOLDER`)."""
    if not (folder := os.environ.get("NANOGPT")):
        pytest.skip("NANOGPT=FOLDER names a copy of nanoGPT to compare with")
    return Path(folder)


@pytest.fixture(scope="session")
def table() -> Table:
    return Table()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not ROWS:
        return
    terminalreporter.section("figures")
    terminalreporter.line(machine())
    terminalreporter.line("")
    terminalreporter.line("| what | figure | goal |\n|---|---|---|")
    for row in ROWS:
        terminalreporter.line("| {} | {} | {} |".format(*row))
