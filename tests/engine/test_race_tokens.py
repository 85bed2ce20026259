"""Races between sides with different tokens: in bits per byte, by characters of text."""

from itertools import pairwise
from math import log, sqrt
from pathlib import Path
from statistics import variance

import pytest
import torch
from driving import Driver, is_a, losses, of, only, run_to_end, tiny
from msgspec.structs import replace
from raced import is_final, of_side, raced, recorded, runs_of, verdict_of
from stored import digest
from test_race import interrupted, window_losses

from engine.config import RunConfig
from engine.protocol import (
    Close,
    Evaluated,
    Failed,
    Open,
    Opened,
    OpenSavedRace,
    RaceOpened,
    RacePhaseChanged,
    RaceVerdict,
    RenameRace,
    StepDone,
    Train,
)
from engine.session.race_rules import matched
from engine.storage.parent_run import load_parent
from engine.storage.race_file import read_race, write_race
from engine.storage.saved_run import load_run
from engine.training.split import split_at

KINDS = (
    ("model.tokenizer=characters",),
    ("model.tokenizer=bytes",),
    ("model.tokenizer=bpe", "model.vocabulary=320"),
)


@pytest.fixture
def text(verse_file: Path) -> Path:
    """A text some of whose characters are several bytes."""
    verse = verse_file.read_text("utf-8")
    verse_file.write_text(verse.replace("e", "é") + verse, "utf-8")
    return verse_file


def sides(text: Path, *assignments: str) -> tuple[RunConfig, ...]:
    """One of each kind of tokens."""
    return tuple(tiny(text, *kind, *assignments) for kind in KINDS)


def text_each(name: str) -> float:
    """The mean length of a token of a run in its training part, counted here."""
    run = load_run(name)
    part = run.text[: split_at(len(run.text), 0.1)]
    return len(part) / len(run.tokenizer.encode_corpus(part))


def bits_of(name: str) -> float:
    """What a nat per token of a run is in bits per byte of its held-out part, counted here."""
    run = load_run(name)
    part = run.text[split_at(len(run.text), 0.1) :]
    return len(run.tokenizer.encode_corpus(part)) / len(part.encode()) / log(2)


def test_the_losses_of_sides_with_different_tokens_are_in_bits_per_byte(text: Path) -> None:
    events = raced(*sides(text), axis="steps")
    opened, verdict, runs = only(events, RaceOpened), verdict_of(events), runs_of(events)
    assert (opened.unit, verdict.unit) == ("bits per byte", "bits per byte")
    ends = [of(of_side(events, side), Evaluated)[-1] for side in range(3)]
    assert verdict.losses == verdict.bits_per_byte == tuple(end.bits_per_byte for end in ends)
    assert verdict.losses == pytest.approx(
        [end.loss * bits_of(run) for end, run in zip(ends, runs, strict=True)]
    )
    assert f"{verdict.difference:.3f} bits per byte better than" in verdict.sentence
    # The windows of two sides are of different text, also where they are equally many.
    own = [
        [loss * bits_of(runs[side]) for loss in window_losses(runs[side])]
        for side in (verdict.best, verdict.second)
    ]
    errors = [variance(windows) / len(windows) for windows in own]
    assert verdict.noise == pytest.approx(sqrt(sum(errors)), rel=1e-3)


def test_sides_take_turns_and_end_by_characters_of_text(text: Path) -> None:
    events = raced(*sides(text))
    opened, runs = only(events, RaceOpened), runs_of(events)
    each = [side.characters_each for side in opened.sides]
    assert each == pytest.approx([text_each(run) for run in runs])
    assert each[0] == 1 > each[1]
    assert each[2] > 1.2
    seen = [
        sum(step.tokens for step in of(of_side(events, side), StepDone)) * each[side]
        for side in range(3)
    ]
    assert seen == pytest.approx([1280] * 3, abs=64 * max(each) / 2), "within half a step"
    marks = [verdict.mark for verdict in of(events, RaceVerdict)]
    assert marks[-1] == pytest.approx(min(seen), abs=1)
    assert all(one <= other for one, other in pairwise(marks))
    assert f"After {min(seen):,.0f} characters " in verdict_of(events).sentence
    read = [side.config.train.val_characters * side.characters_each for side in opened.sides]
    assert read == pytest.approx([read[0]] * 3, rel=1e-3), "evaluations are of equally much text"


@pytest.mark.thorough
def test_a_side_with_other_tokens_is_the_run_that_it_would_be_alone(text: Path) -> None:
    events = raced(*sides(text))
    weights = []
    for number, side in enumerate(only(events, RaceOpened).sides):
        alone = run_to_end(Open(side.config), Train())
        name = only(alone, Opened).run
        assert losses(of_side(events, number)) == losses(alone)
        assert digest(side.run) == digest(name)
        assert recorded(side.run) == recorded(name)
        weights.append(load_parent(side.run, 0).state["model"])
    first, *others = weights
    for other in others:
        same = {name for name in first if torch.equal(first[name], other[name])}
        assert {*first} - same == {"embedding.weight", "head.weight"}


@pytest.mark.thorough
def test_a_race_with_other_tokens_goes_on_after_a_kill_and_under_another_name(text: Path) -> None:
    """In its second repetition."""
    configs = sides(text)
    expected = raced(*configs, seeds=2)
    race = interrupted(configs, save=False)
    first = Driver().when(is_a(RacePhaseChanged), Close()).run(OpenSavedRace(race))
    assert of(first, RaceVerdict)[-1].unit == "bits per byte"
    Driver().run(RenameRace(race, "which tokens"), Close())
    again = Driver().when(is_final, Close()).run(OpenSavedRace("which tokens"), Train())
    assert verdict_of(again) == verdict_of(expected)
    for name, other in zip(runs_of(again), runs_of(expected), strict=True):
        assert digest(name) == digest(other)
        assert recorded(name) == recorded(other)


@pytest.mark.thorough
def test_a_race_file_that_does_not_fit_its_runs_is_refused(text: Path) -> None:
    race = only(raced(*sides(text)), RaceOpened).race
    write_race(race, replace(read_race(race), characters_each=()))
    said = only(Driver().run(OpenSavedRace(race), Close()), Failed).message
    assert said == "The sides have other tokens than the file of their race says."
    write_race(race, replace(read_race(race), characters_each=(1.0, 1.0)))
    said = only(Driver().run(OpenSavedRace(race), Close()), Failed).message
    assert "cannot be read" in said


def test_sides_with_the_same_tokens_are_compared_and_counted_in_these(text: Path) -> None:
    events = raced(*[tiny(text, *KINDS[2])] * 2)
    verdict, opened = verdict_of(events), only(events, RaceOpened)
    assert (opened.unit, opened.counted) == ("nats per token", "tokens")
    assert verdict.sentence.startswith("After 1,280 tokens A and B are in a dead heat")
    assert verdict.bits_per_byte == pytest.approx(
        [loss * bits_of(opened.sides[0].run) for loss in verdict.losses if loss]
    )


def test_what_a_side_sets_itself_is_not_matched(text: Path) -> None:
    one, other = tiny(text), tiny(text, "train.steps=7", "train.val_characters=100")
    first, second = matched((one, other), "characters", (1.0, 2.0))
    assert (first.train.steps, second.train.steps) == (20, 7)
    assert second.train.evaluation_interval == 5
    assert second.train.val_characters == 100
