"""`tinygpt-tui lr-range` and `step`: what steps would do, without a screen and without a trace."""

import json
from pathlib import Path

import pytest
from command_line import TINY, invoked, locked_elsewhere
from driving import saved_run

from engine.storage.library import summaries
from engine.storage.paths import folder_of

pytestmark = pytest.mark.timeout(60)


def test_lr_range_suggests_a_rate_and_saves_nothing(verse_file: Path) -> None:
    done = invoked("lr-range", verse_file, *TINY, columns=200)
    assert (done.exit_code, done.stderr) == (0, "")
    first, *_, last = done.stdout.splitlines()
    assert first.split()[0] == "0.00010"
    assert last.startswith("Suggested: 0.")
    assert summaries() == []

    done = invoked("lr-range", verse_file, *TINY, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["number"] for line in lines[:-1]] == list(range(1, len(lines)))
    assert lines[-1]["type"] == "LearningRateFound"
    assert lines[-1]["low"] <= lines[-1]["suggested"] <= lines[-1]["high"]


def test_step_shows_the_next_step_of_a_run(verse_file: Path) -> None:
    name = saved_run(verse_file)
    before = (folder_of(name) / "metrics.jsonl").read_bytes()
    done = invoked("step", name, "--row", "2", columns=120)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{name}, step 21, as it is taken next\n")
    assert "batch: 4 rows of 16 characters\n" in done.stdout
    assert "row 2, character 16: " in done.stdout
    assert " bits before, " in done.stdout
    assert "\n1.attention.qkv " in done.stdout
    (line,) = invoked("step", name, "--row", "2", "--json").stdout.splitlines()
    step = json.loads(line)
    assert f"loss {step['loss']:.4f} nats" in done.stdout
    assert [tensor["optimizer"] for tensor in step["tensors"]] == ["Adam", *["NorMuon"] * 4, "Adam"]
    assert (folder_of(name) / "metrics.jsonl").read_bytes() == before


def test_what_cannot_be_looked_at_is_refused(verse_file: Path) -> None:
    name = saved_run(verse_file)
    outside = invoked("step", name, "--row", "9")
    assert outside.exit_code == 2
    assert "The batch has 4 rows, counted from 0: there is no 9." in outside.stderr
    with locked_elsewhere(name):
        followed = invoked("step", name, columns=200)
    assert followed.exit_code == 2
    assert "Another program trains this run" in followed.stderr
