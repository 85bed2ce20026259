"""Forks and earlier steps on the command line."""

import json
from pathlib import Path

import pytest
from command_line import TINY, events_of, invoked
from driving import losses, only, run_to_end, tiny

from engine.protocol import Event, Open, Opened, Train
from engine.storage.paths import folder_of, run_names
from engine.storage.run_info import Parent, read_info

pytestmark = pytest.mark.timeout(100)


def parent_of(corpus: Path) -> tuple[str, list[Event]]:
    events = run_to_end(Open(tiny(corpus)), Train())
    return only(events, Opened).run, events


def test_a_fork_is_trained_with_other_settings(verse_file: Path) -> None:
    parent, own = parent_of(verse_file)
    same = invoked("train", "--fork", f"{parent}@10", "--json")
    assert same.exit_code == 0
    assert losses(events_of(same.stdout)) == losses(own)
    assert same.stderr == f"Forked from {parent} at step 10.\n"
    (first,) = {*run_names()} - {parent}
    changed = invoked(
        "train", "--fork", f"{parent}@8", "--set", "train.learning_rate=0.3", "--steps", 12
    )
    assert changed.exit_code == 0
    assert f"Forked from {parent} at step 8, with a fresh optimizer." in changed.stderr
    (second,) = {*run_names()} - {parent, first}
    info = read_info(folder_of(second))
    assert (info.parent, info.config.train.steps) == (Parent(parent, 8), 12)
    newest = invoked("train", "--fork", first, "--steps", 22)
    assert (newest.exit_code, newest.stderr) == (0, f"Forked from {first} at step 20.\n")
    listed = {
        run["name"]: run for run in map(json.loads, invoked("runs", "--json").stdout.splitlines())
    }
    assert (listed[second]["parent"], listed[second]["parent_step"]) == (parent, 8)
    assert f"fork of {parent}@8" in invoked("runs", columns=140).stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fork", "one@x"], "--fork takes RUN@STEP, e.g. amber-otter@250, not 'one@x'."),
        (["--fork", "one@3", "--run", "one"], "--run opens a run and --fork begins another"),
        (["--fork", "one@3", "--preset", "nano"], "--fork goes without --preset"),
        (["--fork", "one@3", "--set", "model.n_layer=2"], "model.n_layer is fixed once"),
        (["--fork", "one@3", "--steps", "9", "--minutes", "1"], "give one of them, not both"),
        (["--fork", "one@3", "--set", "train.threads=1000"], "train.threads goes from 0 to 256"),
        (["--fork", "one@3"], "There is no run 'one'"),
    ],
)
def test_a_fork_that_cannot_be_is_refused(options: list[str], message: str) -> None:
    result = invoked("train", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_passage_is_read_with_earlier_weights(verse_file: Path) -> None:
    parent, _ = parent_of(verse_file)
    table = invoked("inspect", parent, "--text", "The owl", "--step", 8)
    assert (table.exit_code, table.stdout.splitlines()[0]) == (0, f"{parent} at step 8: this text")
    lines = {
        invoked("inspect", parent, "--text", "The owl", "--json", *more).stdout
        for more in ([], ["--step", 8], ["--step", 20])
    }
    assert len(lines) == 2


def test_a_prompt_is_continued_with_earlier_weights(verse_file: Path) -> None:
    parent, _ = parent_of(verse_file)
    written = {
        invoked("sample", parent, "--prompt", "The owl", "--chars", 60, *more).stdout
        for more in ([], ["--step", 0], ["--step", 8], ["--step", 20])
    }
    assert len(written) == 3


def test_weights_that_are_not_kept_are_refused_by_their_step(verse_file: Path) -> None:
    parent, _ = parent_of(verse_file)
    for command in (["inspect", parent, "--text", "The owl"], ["sample", parent]):
        refused = invoked(*command, "--step", 13)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert refused.stderr == "The weights of step 13 are not kept; near it: 10 and 16.\n"


def test_weights_that_cannot_be_kept_do_not_end_training(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.session.moment_keeper.free_space", lambda _: 0)
    result = invoked("train", verse_file, *TINY, "--steps=3")
    assert (result.exit_code, len(run_names())) == (0, 1)
    assert result.stderr == (
        "The weights of step 0 could not be kept to look back at: No space left on device. "
        "Training goes on.\n"
    )
