"""A line without options opens the app without click, and just as click would open it."""

import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import invoked

from tui.cli import main as parser
from tui.cli import start
from tui.cli.commands import COMMANDS, COMPLETION

RANK_1 = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "here", "MASTER_PORT": "29500"}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the app was opened with, each time: it is not shown."""
    calls: list[tuple[Any, ...]] = []

    def open_app(
        command: object,
        corpus: str | None,
        more: object = (),
        *,
        no_save: bool = False,
        follows: bool = False,
        sweep: str = "",
    ) -> None:
        calls.append((command, corpus, [*more], no_save, follows, sweep))  # type: ignore[misc]

    for module in (start, parser):
        monkeypatch.setattr(module, "open_app", open_app)
        monkeypatch.setattr(module, "check_terminal", lambda: None)
    return calls


@pytest.mark.parametrize("named", [None, "path", "tales", "https://example.org/a.txt"])
def test_it_opens_what_the_parser_would(
    named: str | None,
    opened: list[tuple[Any, ...]],
    verse_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = [str(verse_file) if named == "path" else named] if named else []
    assert start.plainly_opened(arguments, {}) is not None
    monkeypatch.setattr(sys, "argv", ["tinygpt-tui", *arguments])
    start.main()
    assert invoked(*arguments).exit_code == 0
    assert len(opened) == 2
    assert opened[0] == opened[1]


@pytest.mark.parametrize(
    "arguments",
    [[name] for name in ("app", *COMMANDS, "", "-", "-h", "--version", "--no-save", "no-such-text")]
    + [["a.txt", "b.txt"], ["train", "a.txt"], ["a.txt", "--yes"]],
    ids=" ".join,
)
@pytest.mark.usefixtures("opened")
def test_the_parser_reads_all_other_lines(arguments: list[str]) -> None:
    assert start.plainly_opened(arguments, {}) is None


@pytest.mark.parametrize(
    "environment", [{COMPLETION: "bash_complete"}, RANK_1, {**RANK_1, "RANK": "x"}]
)
@pytest.mark.usefixtures("opened")
def test_the_parser_completes_lines_and_refuses_ranks(environment: dict[str, str]) -> None:
    assert start.plainly_opened(["tales"], environment) is None


def test_without_a_terminal_the_parser_refuses() -> None:
    assert start.plainly_opened(["tales"], {}) is None
