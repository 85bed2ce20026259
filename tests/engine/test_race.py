"""Races: several runs from one start, in turns, and what is said about them."""

import json
from math import log, sqrt
from pathlib import Path
from statistics import fmean, stdev

import pytest
import torch
import torch.nn.functional as F
from driving import (
    Driver,
    history_of,
    is_a,
    losses,
    of,
    only,
    run_to_end,
    tiny,
)
from raced import DIFFERENT, is_final, of_side, raced, recorded, runs_of, verdict_of
from stored import digest

from engine.config import RunConfig
from engine.model.gpt import GPT
from engine.protocol import (
    Close,
    DeleteRace,
    Evaluated,
    Event,
    Failed,
    ListRaces,
    Open,
    Opened,
    OpenRace,
    OpenRun,
    OpenSavedRace,
    Pause,
    RaceOpened,
    RacePhaseChanged,
    RacesListed,
    RaceVerdict,
    RenameRun,
    SideEvent,
    Step,
    StepDone,
    Stop,
    Train,
)
from engine.session.repetition_opener import RepetitionOpener
from engine.session.verdict import Mark, Measure, RepetitionResult, race_verdict, repetition_verdict
from engine.storage import library
from engine.storage.history import read_history
from engine.storage.parent_run import load_parent
from engine.storage.paths import folder_of, run_names
from engine.storage.race_file import race_names
from engine.storage.saved_run import load_run
from engine.training import cost
from engine.training.split import split_at
from engine.training.trainer import Trainer

pytestmark = pytest.mark.timeout(60)


def test_a_race_against_itself_is_a_dead_heat_to_the_last_bit(verse_file: Path) -> None:
    config = tiny(verse_file, "model.dropout=0.2", "train.context_warmup=0.5")
    events = raced(config, config)
    verdict = verdict_of(events)
    one, other = runs_of(events)
    assert verdict.losses[0] == verdict.losses[1]
    assert (verdict.best, verdict.difference, verdict.noise) == (-1, 0.0, 0.0)
    assert verdict.sentence == (
        "After 1,280 characters A and B are in a dead heat: their losses are equal to the last bit."
    )
    assert digest(one) == digest(other)
    assert recorded(one) == recorded(other)


def test_a_side_is_the_run_that_it_would_be_alone(verse_file: Path) -> None:
    events = raced(tiny(verse_file), tiny(verse_file, *DIFFERENT), tiny(verse_file, *DIFFERENT[1:]))
    opened = only(events, RaceOpened)
    assert [side.settings for side in opened.sides] == [
        ("model.n_layer=1", "model.dropout=0"),
        ("model.n_layer=2", "model.dropout=0.2"),
        ("model.n_layer=1", "model.dropout=0.2"),
    ]
    for number, side in enumerate(opened.sides):
        alone = run_to_end(Open(side.config), Train())
        name = only(alone, Opened).run
        assert losses(of_side(events, number)) == losses(alone)
        assert digest(side.run) == digest(name)
        assert recorded(side.run) == recorded(name)


def test_sides_of_different_shapes_begin_with_the_weights_that_agree(verse_file: Path) -> None:
    events = raced(tiny(verse_file), tiny(verse_file, *DIFFERENT))
    one, other = (load_parent(name, 0).state["model"] for name in runs_of(events))
    assert {*other} - {*one} == {
        f"blocks.1.{name}.weight"
        for name in ("attention.qkv", "attention.output", "mlp.up", "mlp.output")
    }
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
    assert one["blocks.0.mlp.up.weight"].any()


def test_an_interrupted_race_goes_on_as_if_it_had_not_been(verse_file: Path) -> None:
    """Saved, and without a last save, as by a kill; in the second repetition."""
    configs = tiny(verse_file), tiny(verse_file, *DIFFERENT)
    expected = raced(*configs, seeds=2)
    for saved in (True, False):
        race = interrupted(configs, save=saved)
        first = Driver().when(is_a(RacePhaseChanged), Close()).run(OpenSavedRace(race))
        assert of(first, RaceVerdict)[-1].mark == 640, "what is known of it is told at once"
        again = Driver().when(is_final, Close()).run(OpenSavedRace(race), Train())
        assert verdict_of(again) == verdict_of(expected)
        for side, (name, other) in enumerate(zip(runs_of(again), runs_of(expected), strict=True)):
            assert digest(name) == digest(other)
            assert recorded(name) == recorded(other)
            assert losses(of_side(again, side)) == losses(history_of(load_run(other)))


def interrupted(configs: tuple[RunConfig, ...], *, save: bool) -> str:
    """A race that was closed at step 13 of its second repetition."""
    driver, opened = Driver(), list[RaceOpened]()

    def in_second_repetition(event: Event) -> bool:
        if isinstance(event, RaceOpened):
            opened.append(event)
        of_second_side = isinstance(event, SideEvent) and event.side == 1
        return of_second_side and len(opened) == 2 and at_step(event.event, 13)

    driver.when(in_second_repetition, Close(save=save)).run(OpenRace(configs, seeds=2), Train())
    return opened[0].race


def at_step(event: Event, step: int) -> bool:
    return isinstance(event, StepDone) and event.step == step


def test_a_race_that_has_ended_shows_its_verdict_and_does_not_go_on(verse_file: Path) -> None:
    events = raced(tiny(verse_file), tiny(verse_file, *DIFFERENT))
    race = only(events, RaceOpened).race
    again = Driver().run(OpenSavedRace(race), Train(), ListRaces(), Close())
    assert only(again, RaceVerdict) == verdict_of(events)
    assert "has ended" in only(again, Failed).message
    (summary,) = only(again, RacesListed).races
    assert (summary.name, summary.question, summary.repetitions) == (race, "which?", 1)
    assert summary.verdict == verdict_of(events).sentence
    Driver().run(DeleteRace(race), Close())
    assert race_names() == []
    assert run_names() == runs_of(events)
    run_to_end(OpenRun(runs_of(events)[1]), Train(steps=1))


def test_a_side_that_was_renamed_and_trained_on_is_still_a_side(verse_file: Path) -> None:
    events = raced(tiny(verse_file), tiny(verse_file, *DIFFERENT))
    race, (one, other) = only(events, RaceOpened).race, runs_of(events)
    Driver().run(RenameRun(other, "two layers"), Close())
    run_to_end(OpenRun("two layers"), Train(steps=1))
    again = Driver().run(OpenSavedRace(race), Close())
    assert runs_of(again) == [one, "two layers"]
    assert only(again, RaceVerdict) == verdict_of(events)


def window_losses(name: str) -> list[float]:
    """The losses of the windows of held-out text, computed with the model as it is stated."""
    run = load_run(name)
    config, tokenizer = run.info.config, run.tokenizer
    model = GPT(config.model, len(tokenizer))
    model.load_state_dict(run.state["model"])
    ids = tokenizer.encode_corpus(run.text[split_at(len(run.text), 0.1) :]).long()
    length, found = config.model.context_length, []
    with torch.no_grad():
        for first in range(0, len(ids) - length, length):
            window = ids[first : first + length + 1]
            found.append(float(F.cross_entropy(model(window[None, :-1])[0], window[1:])))
    return found


def test_with_one_seed_the_noise_is_the_standard_error_over_windows(verse_file: Path) -> None:
    configs = tiny(verse_file), tiny(verse_file, "train.learning_rate=0.3")
    events = raced(*configs)
    verdict, (one, other) = verdict_of(events), map(window_losses, runs_of(events))
    assert len(one) == len(other) == 163 // 16
    ends = [library.run_curve(run).losses[-1][1] for run in runs_of(events)]
    assert verdict.losses == tuple(ends)
    assert verdict.difference == max(ends) - min(ends)
    assert verdict.noise_of == "windows"
    differences = [a - b for a, b in zip(one, other, strict=True)]
    assert verdict.noise == pytest.approx(stdev(differences) / sqrt(len(one)), rel=1e-3)


def test_with_several_seeds_the_noise_is_their_spread(verse_file: Path) -> None:
    configs = tiny(verse_file), tiny(verse_file, "train.learning_rate=0.3")
    events = raced(*configs, seeds=3)
    verdict = verdict_of(events)
    repetitions = [[side.run for side in opened.sides] for opened in of(events, RaceOpened)]
    assert [load_run(runs[0]).info.config.train.seed for runs in repetitions] == [1, 2, 3]
    ends = [[library.run_curve(run).losses[-1][1] for run in runs] for runs in repetitions]
    means = [fmean(of_one) for of_one in zip(*ends, strict=True)]
    assert verdict.losses == pytest.approx(means)
    assert verdict.best == means.index(min(means))
    assert verdict.difference == pytest.approx(abs(means[0] - means[1]))
    assert verdict.noise_of == "seeds"
    assert verdict.noise == pytest.approx(stdev(a - b for a, b in ends))
    assert "the spread of 3 seeds" in verdict.sentence


def test_sides_take_turns_and_are_evaluated_at_the_same_marks(verse_file: Path) -> None:
    """Steps of 64 and of 32 characters."""
    events = raced(tiny(verse_file), tiny(verse_file, "train.batch_size=2"))
    come = [0, 0]
    for event in of(events, SideEvent):
        if isinstance(event.event, StepDone):
            assert come[event.side] == min(come)
            come[event.side] += event.event.tokens
    assert come == [1280, 1280]
    evaluated = [[e.step for e in of(of_side(events, side), Evaluated)] for side in (0, 1)]
    assert evaluated == [[0, 10, 20], [0, 20, 40]]
    assert [verdict.mark for verdict in of(events, RaceVerdict)] == [640, 1280, 1280]


def test_by_seconds_the_side_that_has_trained_less_takes_the_next_step(verse_file: Path) -> None:
    events = raced(tiny(verse_file), tiny(verse_file, *DIFFERENT), axis="seconds")
    seconds = [0.0, 0.0]
    for side, event in ((e.side, e.event) for e in of(events, SideEvent)):
        if isinstance(event, StepDone):
            assert seconds[side] == min(seconds) or event.step > 18, "the other one may be over"
        if isinstance(event, StepDone | Evaluated):
            seconds[side] = event.elapsed
    assert verdict_of(events).mark == min(seconds)
    assert "seconds of training" in verdict_of(events).sentence


def test_sides_that_do_not_fit_the_memory_together_are_refused(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(verse_file)
    needed = cost.estimate_memory(config, 27, torch.device("cpu"), 1)
    monkeypatch.setattr(cost, "_free", lambda device: 2 * needed)
    events = Driver().run(Open(config), OpenRace((config, config, config)), Close())
    assert only(events, Failed).message.startswith("These runs together would need about")


def test_a_side_that_fails_loses_and_the_others_go_on(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = Trainer.slices

    def slices(self: Trainer, lr_factor: float, context_length: int) -> object:
        if self.config.model.n_layer == 2 and self.step_number == 12:
            raise ArithmeticError("the loss is no number")
        yield from taken(self, lr_factor, context_length)

    monkeypatch.setattr(Trainer, "slices", slices)
    events = raced(*(tiny(verse_file, f"model.n_layer={n}") for n in (1, 2, 3)))
    verdict = verdict_of(events)
    assert verdict.losses[1] is None
    assert {verdict.best, verdict.second} == {0, 2}
    assert verdict.sentence.endswith("The loss of side B is not a number any more.")
    assert of(of_side(events, 1), Failed)[0].during == "train"
    assert of(of_side(events, 2), StepDone)[-1].step == 20


def test_a_repetition_that_cannot_be_opened_is_tried_again(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, tries = RepetitionOpener.fresh, []

    def fails_once(self: RepetitionOpener, number: int) -> object:
        tries.append(number)
        if tries == [0, 1]:
            raise ValueError("no memory")
        return fresh(self, number)

    monkeypatch.setattr(RepetitionOpener, "fresh", fails_once)
    driver = Driver().when(is_a(Failed, during="open"), Train()).when(is_final, Close())
    events = driver.run(OpenRace((tiny(verse_file), tiny(verse_file)), seeds=2), Train())
    assert only(events, Failed).message == "The next repetition cannot be opened: no memory"
    assert verdict_of(events).repetitions == len(of(events, RaceOpened)) == 2


def test_a_race_is_paused_stepped_and_ended(verse_file: Path) -> None:
    driver = Driver()
    driver.when(lambda e: isinstance(e, SideEvent) and at_step(e.event, 3), Pause(), Step(), Stop())
    events = driver.when(is_final, Close()).run(
        OpenRace((tiny(verse_file), tiny(verse_file, *DIFFERENT))), Train()
    )
    taken = [of(of_side(events, side), StepDone)[-1].step for side in (0, 1)]
    assert max(taken) <= 5
    assert verdict_of(events).mark == 64 * min(taken)


def test_a_race_that_was_not_trained_leaves_nothing(verse_file: Path) -> None:
    Driver().run(OpenRace((tiny(verse_file), tiny(verse_file))), Close())
    assert run_names() == race_names() == []


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("train.seed=2", "Side B has train.seed=2 and side A 1"),
        ("train.val_fraction=0.2", "Side B has train.val_fraction=0.2"),
        ("model.context_length=4096", "too few for a context of 4,096"),
    ],
)
def test_sides_that_cannot_share_a_start_are_refused(
    verse_file: Path, assignment: str, said: str
) -> None:
    race = OpenRace((tiny(verse_file), tiny(verse_file, assignment)))
    assert said in only(Driver().run(race, Close()), Failed).message


def test_another_text_or_number_of_sides_is_refused(verse_file: Path) -> None:
    def refused(*configs: RunConfig) -> str:
        return only(Driver().run(OpenRace(configs), Close()), Failed).message

    config = tiny(verse_file)
    assert "Side B has another text than side A" in refused(config, tiny("tales"))
    assert "two to four sides, not 1" in refused(config)
    assert "two to four sides, not 5" in refused(*[config] * 5)


def test_a_saved_race_without_one_of_its_runs_is_refused_and_named(verse_file: Path) -> None:
    events = raced(tiny(verse_file), tiny(verse_file, *DIFFERENT))
    race, (_, gone) = only(events, RaceOpened).race, runs_of(events)
    library.delete(gone)
    assert (
        f"Side B of the race: There is no run '{gone}'"
        in only(Driver().run(OpenSavedRace(race), Close()), Failed).message
    )
    assert (
        "There is no race 'nobody'"
        in only(Driver().run(OpenSavedRace("nobody"), Close()), Failed).message
    )


def marks(*losses: float, step: int = 10) -> list[Mark]:
    return [Mark(step * 64 * i, step * i, float(i), loss) for i, loss in enumerate(losses)]


def test_a_loss_between_two_evaluations_is_on_a_straight_line() -> None:
    verdict = repetition_verdict(
        [marks(3, 2, 1), marks(3, 1, step=15)], "characters", [False, False], Measure()
    )
    assert verdict.mark == 960
    assert verdict.losses == (1.5, 1.0)
    assert (verdict.best, verdict.noise) == (1, None)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (
            (1.5, 1.52, 1.51),
            "B is 0.490 nats per character better than A, more than ten times the spread of 3 seeds.",
        ),
        ((1.9, 2.1, 1.985), "less than the spread of 3 seeds: no difference is shown."),
        (
            (1.85, 1.98, 1.9),
            "B is 0.090 nats per character better than A, once the spread of 3 seeds.",
        ),
    ],
)
def test_a_difference_is_weighed_by_its_noise(second: tuple[float, ...], said: str) -> None:
    results = [RepetitionResult(1_234_567.0, (2.0, loss)) for loss in second]
    sentence = race_verdict(results, "characters", Measure()).sentence
    assert sentence.startswith("After 1.2M characters B is ")
    assert sentence.endswith(said)


def test_the_history_of_a_side_is_that_of_a_run(verse_file: Path) -> None:
    name = runs_of(raced(tiny(verse_file), tiny(verse_file)))[1]
    first = next(event for event in read_history(folder_of(name)) if isinstance(event, Evaluated))
    run = json.loads((folder_of(name) / "run.json").read_text("utf-8"))
    assert first.loss == pytest.approx(log(len(load_run(name).info.corpus.characters)))
    assert run["note"] == f"race {name.removesuffix('-B')}, side B"
