"""`tinygpt-tui lab` as it is called: what it prints, how it is interrupted, and what it refuses."""

import json
import signal
from math import log
from pathlib import Path
from typing import Any

import pytest
from command_line import TINY, invoked
from driving import losses
from msgspec.structs import replace
from stored import digest

from engine.protocol import Event, SideEvent, StepDone
from engine.storage.history import read_history
from engine.storage.paths import folder_of, run_names
from engine.storage.race_file import race_names
from tui.cli.race_table import RaceTable
from tui.lab.questions import question_of

SIDES = ("--side", "", "--side", "train.learning_rate=0.3 model.n_layer=2", "--steps", "20")


def raced(text: Path, *options: str) -> list[dict[str, Any]]:
    """The lines of a race."""
    done = invoked("lab", text, *TINY, *SIDES, "--json", *options)
    assert (done.exit_code, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_race_prints_a_line_for_each_evaluation_and_the_verdict(verse_file: Path) -> None:
    *evaluations, verdict = raced(verse_file)
    seen = {(line["side"], line["step"]): line for line in evaluations}
    assert [*seen] == [("A", 0), ("B", 0), ("A", 10), ("B", 10), ("A", 20), ("B", 20)]
    ends = [seen["A", 20]["loss"], seen["B", 20]["loss"]]
    assert verdict["losses"] == ends
    assert verdict["unit"] == "nats per character"
    bits = [seen[side, 20]["bits_per_byte"] for side in "AB"]
    assert verdict["bits_per_byte"] == pytest.approx(bits) == [end / log(2) for end in ends]
    assert [seen["B", step]["characters"] for step in (0, 10, 20)] == [0, 640, 1280]
    assert (verdict["mark"], verdict["axis"], verdict["final"]) == (1280, "characters", True)
    assert verdict["best"] == ends.index(min(ends))
    assert verdict["verdict"].startswith("After 1,280 characters ")
    assert verdict["runs"] == run_names()

    (listed,) = invoked("lab", "--list", "--json").stdout.splitlines()
    assert json.loads(listed)["name"] == verdict["race"]
    again = invoked("lab", "--resume", verdict["race"], columns=300)
    assert again.exit_code == 0
    assert verdict["verdict"] in again.stdout
    assert verdict["verdict"] in invoked("lab", "--list").stdout


@pytest.mark.thorough
def test_a_race_between_tokenizers_says_what_is_the_same_and_in_which_unit_it_is(
    verse_file: Path,
) -> None:
    tokens = ("--side", "", "--side", "model.tokenizer=bpe model.vocabulary=300")
    done = invoked("lab", verse_file, *TINY, *tokens, "--steps", "20")
    (said,) = (line for line in done.stdout.splitlines() if line.startswith("The sides have "))
    assert "The same are the text, its held-out part, the seed" in said
    assert "the batches are not" in said
    (race,) = race_names()
    (line,) = invoked("lab", "--resume", race, "--json").stdout.splitlines()[-1:]
    verdict = json.loads(line)
    assert (verdict["unit"], verdict["counted"]) == ("bits per byte", "characters")
    assert " bits per byte better than " in verdict["verdict"]
    assert verdict["losses"] == verdict["bits_per_byte"]


def test_ctrl_c_saves_a_race_that_is_resumed_exactly(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, whole = raced(verse_file)
    show, steps = RaceTable.on_event, 0

    def interrupted(self: RaceTable, event: Event) -> bool:
        nonlocal steps
        steps += isinstance(event, SideEvent) and isinstance(event.event, StepDone)
        if steps == 25:
            steps += 1  # once
            signal.raise_signal(signal.SIGINT)
        return show(self, event)

    with monkeypatch.context() as patch:
        patch.setattr(RaceTable, "on_event", interrupted)
        done = invoked("lab", verse_file, *TINY, *SIDES, columns=300)
    assert done.exit_code == 130
    race = done.stdout.split("tinygpt-tui lab --resume ")[1].strip()
    resumed = invoked("lab", "--resume", race, "--json")
    verdict = json.loads(resumed.stdout.splitlines()[-1])
    assert (resumed.exit_code, verdict["final"]) == (0, True)
    assert [verdict[key] for key in ("losses", "difference", "noise")] == [
        whole[key] for key in ("losses", "difference", "noise")
    ]
    for name, other in zip(verdict["runs"], whole["runs"], strict=True):
        assert digest(name) == digest(other)
        assert losses(read_history(folder_of(name))) == losses(read_history(folder_of(other)))


def test_a_race_in_a_pipe_tells_sides_seeds_and_the_spread(verse_file: Path) -> None:
    done = invoked("lab", verse_file, *TINY, *SIDES, "--seeds", 2, "--question", "Is it?")
    lines = done.stdout.splitlines()
    assert any(line.endswith("seed 2 of 2: Is it?") for line in lines)
    assert "  B  model.n_layer=2 train.learning_rate=0.3" in lines
    assert any("the spread of 2 seeds" in line for line in lines)
    assert [line[:10] for line in lines if " writes: " in line] == ["A writes: ", "B writes: "]
    assert len(run_names()) == 4


def test_a_ready_question_is_answered(verse_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = replace(question_of("attention"), steps=20)
    monkeypatch.setattr("tui.cli.lab_command.question_of", lambda key: short)
    assert "attention   without attention" in invoked("lab", "--questions").stdout
    done = invoked("lab", verse_file, "--question", "attention", columns=300)
    assert done.exit_code == 0
    assert "Held-out loss in nats per character: with attention " in done.stdout
    refused = invoked("lab", verse_file, "--question", "attention", "--steps", "5")
    assert (refused.exit_code, "brings its own settings" in refused.stderr) == (2, True)


def test_a_race_is_renamed_and_deleted_with_the_questions_of_runs(verse_file: Path) -> None:
    *_, verdict = raced(verse_file)
    assert invoked("lab", "--rename", verdict["race"], "calm water").exit_code == 0
    assert invoked("lab", "--list").stdout.startswith("calm water  1 of 1 seed ")
    assert invoked("lab", "--delete", "calm water", text=b"n\n").exit_code == 1
    kept = invoked("lab", "--delete", "calm water", text=b"y\nn\n")
    assert (kept.exit_code, race_names(), run_names()) == (0, [], verdict["runs"])
    assert "Delete the race calm water? It cannot be undone." in kept.stdout
    assert "Its runs too? They are saved runs like any other." in kept.stdout
    gone = invoked("lab", "--delete", "calm water", text=b"y\ny\n")
    assert (gone.exit_code, "There is no race 'calm water'" in gone.stderr) == (2, True)
    *_, verdict = raced(verse_file)
    done = invoked("lab", "--delete", verdict["race"], "--with-runs", "--yes")
    assert (done.exit_code, done.stdout, race_names(), len(run_names())) == (0, "", [], 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--side", "", "--side", "model.hight=3"), "Side B: There is no setting 'model.hight'"),
        (("--side", "", "--side", "model.n_layer"), "Side B: --side takes KEY=VALUE, not"),
        (("--side", "", "--side", "train.seed=9"), "Side B has train.seed=9 and side A 1"),
        (("--side", "model.n_layer=99", "--side", ""), "Side A: model.n_layer goes from 1 to 48"),
        (("--side", ""), "two to four sides, not 1"),
        (("--side", "") * 5, "two to four sides, not 5"),
        ((), "A race has two to four sides, each given by --side"),
        (("--resume", "a-race", "--side", ""), "each goes alone"),
        (("--list", "--delete", "a-race"), "each goes alone"),
        (("--list", "--with-runs"), "--with-runs goes with --delete"),
    ],
)
def test_a_race_that_cannot_be_is_refused(
    verse_file: Path, options: tuple[str, ...], said: str
) -> None:
    done = invoked(
        "lab", *((verse_file,) if "--side" in options[:1] or not options else ()), *options
    )
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert run_names() == []
