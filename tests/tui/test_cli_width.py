"""What the commands print on a terminal of 80 columns: lines that fit, and are whole elsewhere."""

import io
import sys

import pytest
from pyte import Screen, Stream
from recording import RUN, STEPS, trained, untrained
from rich.console import Console

from engine.protocol import Busy, Event, ThreadsChosen
from tui.cli.console import print_error
from tui.cli.progress import ProgressReporter

WIDTH = 80
CHOSEN = ThreadsChosen(1_240, 60.0, 1, "measured: 1 × bf16 1.0, 2 × bf16 1.4")
HEADS = ("step ", "training ")
"""What the lines of `train` begin with: any other row is the rest of one that was too long."""


def rows(events: list[Event], width: int = WIDTH) -> list[str]:
    """What a terminal shows after these events."""
    out = io.StringIO()
    with ProgressReporter(Console(file=out, force_terminal=True, width=width)) as reporter:
        for event in events:
            reporter.show(event)
        reporter._bar.refresh()
        shown = out.getvalue()
    screen = Screen(width, 400)
    Stream(screen).feed(shown.replace("\n", "\r\n"))
    return [row.rstrip() for row in screen.display if row.strip()]


def test_no_line_of_training_is_wider_than_the_terminal() -> None:
    shown = rows([*untrained(), *trained(STEPS - 1), CHOSEN])
    first = next(i for i, row in enumerate(shown) if row.startswith("step "))
    assert [row for row in shown[first:] if not row.startswith(HEADS)] == []
    evaluations = [row for row in shown if "validation loss" in row]
    assert len(evaluations) > 3
    assert all("training loss" in row and "char/s" in row for row in evaluations[1:])
    samples = [row for row in shown if "sample: " in row]
    assert max(map(len, samples)) == WIDTH, "they use the room there is"
    assert "left  training loss" in shown[-1]


def test_the_bar_leaves_out_facts_while_it_says_what_it_does() -> None:
    bar = rows([*untrained(), *trained(600), Busy("evaluating on held-out text", 0.5)])[-1]
    assert bar.startswith("evaluating on held-out text ")
    assert bar.endswith(" left")
    assert "…" not in bar


def test_a_wide_terminal_has_everything() -> None:
    shown = rows([*untrained(), *trained(600)], 140)
    assert any(row.endswith(" characters") for row in shown if "validation loss" in row)


def test_the_end_names_two_commands_that_are_not_broken() -> None:
    shown = rows([*untrained(), *trained(STEPS)], 40)
    assert f"go on in the app: tinygpt-tui --run {RUN}"[:40] in shown
    assert all(len(row) <= WIDTH for row in rows([*untrained(), *trained(STEPS)]))


def test_a_message_is_wrapped_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    message = "word " * 30 + "/a/path/that/is/longer/than/a/line" * 4
    print_error(message)
    assert capsys.readouterr().err == f"{message}\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    print_error(message)
    *sentences, path = capsys.readouterr().err.splitlines()
    assert max(map(len, sentences)) <= WIDTH
    assert path == "/a/path/that/is/longer/than/a/line" * 4
