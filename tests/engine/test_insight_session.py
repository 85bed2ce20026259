"""What a user asks about the inside of the open model: answered at any moment, changing no bit."""

import math
import time
from pathlib import Path

import pytest
import torch
from driving import Driver, FakeClock, ask, is_a, losses, of, only, run_to_end, saved_run, tiny
from elsewhere import trained_elsewhere
from forking import needs_fork
from inspecting import read
from plain_gpt import plain_log_probs, plain_pass

from engine.config import SampleConfig
from engine.insight import reading
from engine.model.gpt import GPT
from engine.model.tokenizer import Vocabulary
from engine.protocol import (
    Close,
    Command,
    CorpusLoaded,
    DivideLoss,
    Evaluated,
    Event,
    Failed,
    Inspect,
    Inspected,
    InspectPlace,
    LossDivided,
    Open,
    Opened,
    OpenRun,
    PlaceInspected,
    Saved,
    Step,
    StepDone,
    StepProgress,
    Train,
)
from engine.session import passage_reader
from engine.storage.saved_run import load_run

pytestmark = pytest.mark.timeout(30)

PLAIN = SampleConfig(temperature=1, top_p=1)
CONTEXT = 16
"""Of a `tiny` run."""


def model_of(name: str) -> tuple[GPT, Vocabulary, torch.Tensor]:
    """The saved model, its vocabulary and the ids of the validation part."""
    saved = load_run(name)
    vocabulary = Vocabulary(saved.info.corpus.characters)
    model = GPT(saved.info.config.model, len(vocabulary))
    model.load_state_dict(saved.state["model"])
    ids = vocabulary.encode_corpus(saved.text)
    return model, vocabulary, ids[int(len(ids) * 0.9) :]


def test_the_validation_text_is_read_along(verse_file: Path) -> None:
    name = saved_run(verse_file)
    inspected = only(ask(name, Inspect(7)), Inspected)
    model, vocabulary, validation = model_of(name)
    text = vocabulary.decode(validation[:CONTEXT].tolist())
    assert (inspected.request, inspected.step, inspected.start) == (7, 20, 0)
    assert (inspected.text, inspected.unknown) == (text, "")
    assert inspected.context_length == CONTEXT
    assert inspected.validation_characters == len(validation)
    assert verse_file.read_text().endswith(vocabulary.decode(validation.tolist()))
    assert inspected.sublayers == ("1.attention", "1.mlp")
    expected = read(model, vocabulary.characters, validation[:CONTEXT], CONTEXT)
    assert inspected.places == tuple(expected)
    bits = [place.bits for place in expected[1:-1] if place.bits is not None]
    assert len(bits) == CONTEXT - 1
    assert inspected.bits == pytest.approx(sum(bits) / len(bits))


@pytest.mark.parametrize(
    ("start", "found"), [(5, 5), (0, 0), (-3, 0), (148, 148), (149, 148), (10**9, 148)]
)
def test_a_place_beyond_the_validation_text_is_its_nearest(
    verse_file: Path, start: int, found: int
) -> None:
    inspected = only(ask(saved_run(verse_file), Inspect(1, start=start)), Inspected)
    assert inspected.validation_characters == 164
    assert inspected.start == found
    assert len(inspected.text) == CONTEXT


def test_the_surprise_falls_while_it_trains(verse_file: Path) -> None:
    driver = Driver()
    for step in (0, 10, 20):
        driver.when(is_a(Evaluated, step=step), Inspect(step, start=40))
    driver.when(is_a(Inspected, step=20), Close())
    events = driver.run(Open(tiny(verse_file)), Train())
    read_at = of(events, Inspected)
    assert [event.request for event in read_at] == [0, 10, 20]
    assert read_at[0].step == 0
    assert len({event.text for event in read_at}) == 1
    assert read_at[0].bits == pytest.approx(math.log2(only(events, CorpusLoaded).vocabulary))
    assert read_at[0].bits > read_at[-1].bits + 0.2


def test_a_text_of_the_user_s(verse_file: Path) -> None:
    name = saved_run(verse_file)
    text = "The owl☃ was ✔up☃\tbefore the moon, said the mouse."
    inspected = only(ask(name, Inspect(1, text)), Inspected)
    known = text.translate(dict.fromkeys(map(ord, "☃✔\t")))
    assert (inspected.text, inspected.unknown, inspected.start) == (known, "☃✔\t", -1)
    assert "".join(place.character for place in inspected.places) == known
    assert len(inspected.places) == len(known) + 1


def test_of_a_long_text_its_end_is_looked_at_more_closely(verse_file: Path) -> None:
    name = saved_run(verse_file)
    text = 400 * "owl, " + "the mouse"
    asked = [InspectPlace(1, text, PLAIN), InspectPlace(2, text[-CONTEXT:], PLAIN)]
    whole, end = of(ask(name, *asked), PlaceInspected)
    assert (whole.start, end.start) == (len(text) - CONTEXT, 0)
    assert (whole.sampled, whole.attention) == (end.sampled, end.attention)


def test_one_character(verse_file: Path) -> None:
    name = saved_run(verse_file)
    events = ask(name, Inspect(1, "o"), InspectPlace(2, "o", PLAIN))
    first, last = only(events, Inspected).places
    assert (first.character, first.bits, last.character) == ("o", None, "")
    assert only(events, Inspected).bits == 0
    place = only(events, PlaceInspected)
    assert dict(place.sampled) == pytest.approx(dict(last.next), rel=1e-4)
    assert place.attention == (((1.0,), (1.0,)),)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (Inspect(1, "☃✔"), "The model knows none of these characters"),
        (InspectPlace(1, "☃✔", PLAIN), "The model knows none of these characters"),
        (InspectPlace(1, "", PLAIN), "There is no text to read."),
        (Inspect(1, off=("2.mlp",)), "This model has no part '2.mlp': it has 1 block of 2 heads"),
        (InspectPlace(1, "owl", PLAIN, off=("x",)), "This model has no part 'x'"),
        (Inspect(1, 2_001 * "o"), "This text has 2,001 characters; at most 2,000 are read at once"),
    ],
)
def test_what_cannot_be_answered_is_told(verse_file: Path, question: Command, message: str) -> None:
    events = ask(saved_run(verse_file), question, Inspect(2, "owl"))
    failed = only(events, Failed)
    assert (failed.during, failed.request) == ("inspect", 1)
    assert failed.message.startswith(message)
    assert only(events, Inspected).request == 2, "the next question is answered"


def test_a_place_more_closely(verse_file: Path) -> None:
    name = saved_run(verse_file)
    config = SampleConfig(temperature=0.5, top_k=4, top_p=0.9)
    text = "and counted every star aloud; the mouse"
    event = only(ask(name, InspectPlace(3, text, config)), PlaceInspected)
    model, vocabulary, _ = model_of(name)
    ids = vocabulary.encode_corpus(text)[-CONTEXT:]
    plain = plain_pass(model, ids)
    log_probs = plain_log_probs(model, plain.streams[-1])[-1]
    likeliest = sorted(range(len(vocabulary)), key=lambda i: -log_probs[i])[:4]
    cooled = [math.exp(log_probs[i] / 0.5) for i in likeliest]
    while sum(cooled[:-1]) >= 0.9 * sum(math.exp(log_probs[i] / 0.5) for i in likeliest):
        cooled.pop()
    expected = {
        vocabulary.characters[i]: p / sum(cooled) for i, p in zip(likeliest, cooled, strict=False)
    }
    assert (event.request, event.step, event.start) == (3, 20, len(text) - CONTEXT)
    assert dict(event.sampled) == pytest.approx(expected, rel=1e-4)
    assert [character for character, _ in event.sampled] == list(expected)
    for ours, theirs in zip(event.attention, plain.attention, strict=True):
        for row, weights in zip(ours, theirs, strict=True):
            assert row == pytest.approx(list(weights[-1]), abs=1e-5)


@pytest.mark.parametrize("temperature", [0, 1e-4])
def test_only_what_has_a_probability_is_sampled(verse_file: Path, temperature: float) -> None:
    config = SampleConfig(temperature=temperature, top_p=1)
    event = only(ask(saved_run(verse_file), InspectPlace(1, "The", config)), PlaceInspected)
    assert [p for _, p in event.sampled] == [1.0]


def test_a_part_that_is_off_has_a_cost(verse_file: Path) -> None:
    name = saved_run(verse_file)
    off = ("1.head.1", "1.mlp")
    events = ask(name, Inspect(1), Inspect(2, off=off), InspectPlace(3, "owl", PLAIN, off=off))
    whole, without = of(events, Inspected)
    assert whole.bits == whole.whole_bits == without.whole_bits != without.bits
    assert without.off == off
    assert all(place.added[1] == 0 for place in without.places[1:])
    (heads,) = only(events, PlaceInspected).attention
    assert heads[0] == (0, 0, 0)
    assert sum(heads[1]) == pytest.approx(1)


@pytest.mark.parametrize("dropout", ["0", "0.2"])
def test_questions_change_no_bit_of_training(verse_file: Path, dropout: str) -> None:
    config = tiny(verse_file, f"model.dropout={dropout}", "train.context_warmup=0.5")
    quiet = run_to_end(Open(config), Train())
    driver = Driver()
    for step in (1, 4, 7, 10, 14, 17):
        place = InspectPlace(200 + step, "The owl", SampleConfig(), off=("1.head.2",))
        off = Inspect(100 + step, "The owl", off=("1.attention", "1.mlp"))
        driver.when(is_a(StepDone, step=step), Inspect(step, start=step), place)
        driver.when(is_a(Inspected, request=step), off)
    asked = driver.when(is_a(Saved), Close()).run(Open(config), Train())
    assert losses(asked) == losses(quiet)
    assert len(of(asked, Inspected)) == 12
    assert len(of(asked, PlaceInspected)) == 6
    assert {event.context_length for event in of(asked, Inspected)} == {4, 8, CONTEXT}
    assert digest(asked) == digest(quiet)


def digest(events: list[Event]) -> list[bytes]:
    """All weights of the saved run."""
    state = load_run(only(events, Opened).run).state["model"]
    return [tensor.numpy().tobytes() for _, tensor in sorted(state.items())]


def test_an_answer_comes_in_the_middle_of_a_step(verse_file: Path) -> None:
    """Of a step of several micro-batches: the weights are those of before it."""
    config = tiny(verse_file, "train.batch_size=300")
    slow = FakeClock(tick=1.0)
    driver = Driver(slow).when(is_a(StepProgress, step=3), InspectPlace(1, "The owl", PLAIN))
    driver.when(is_a(PlaceInspected), Close(save=False))
    events = driver.run(Open(config), Train())
    assert only(events, PlaceInspected).step == 2
    assert of(events, StepDone)[-1].step == 2


def asked_at_step_3(verse_file: Path, *questions: Command) -> list[Event]:
    driver = Driver().when(is_a(StepDone, step=3), *questions)
    return driver.when(is_a(Saved), Close()).run(Open(tiny(verse_file)), Train())


def test_a_long_answer_does_not_hold_training_up_and_is_about_one_moment(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Inspect(1, off=("1.mlp",))
    expected = only(asked_at_step_3(verse_file, question), Inspected)
    monkeypatch.setattr(passage_reader, "SECONDS", 0.0)
    monkeypatch.setattr(reading, "LOGITS", 150)
    events = asked_at_step_3(verse_file, question)
    answer = only(events, Inspected)
    trained = of(events[: events.index(answer)], StepDone)[-1].step
    assert trained > 8 > answer.step == expected.step == 3
    assert answer.bits == pytest.approx(expected.bits, abs=1e-5)
    assert answer.whole_bits == pytest.approx(expected.whole_bits, abs=1e-5)
    assert expected.whole_bits != pytest.approx(expected.bits, abs=1e-3)


def test_answers_are_worked_on_one_after_the_other(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick would take the sum of their slices otherwise, and a pause would wait for it."""
    monkeypatch.setattr(passage_reader, "SECONDS", 0.0)
    monkeypatch.setattr(reading, "LOGITS", 150)
    events = asked_at_step_3(verse_file, DivideLoss(1), Inspect(2))
    divided, inspected = only(events, LossDivided), only(events, Inspected)
    assert events.index(inspected) < events.index(divided), "though it takes more slices"


@pytest.mark.parametrize(("newer", "answered"), [(Inspect(2, "owl"), [2]), (Inspect(2, "☃"), [])])
def test_a_newer_passage_takes_the_place_of_the_one_that_is_read(
    verse_file: Path, newer: Inspect, answered: list[int]
) -> None:
    events = asked_at_step_3(verse_file, Inspect(1), newer)
    assert [event.request for event in of(events, Inspected)] == answered


def test_a_run_that_is_not_open_is_not_asked() -> None:
    assert Driver().run(Inspect(1), InspectPlace(2, "owl", PLAIN), Close()) == []


@needs_fork
def test_a_run_that_another_program_trains_is_read_too(verse_file: Path) -> None:
    driver = Driver().when(is_a(StepDone), Close())
    name = only(driver.run(Open(tiny(verse_file, "train.steps=100000")), Step()), Opened).run
    with trained_elsewhere(name):
        watcher = Driver(clock=time.perf_counter)
        watcher.when(is_a(Opened), Inspect(1), InspectPlace(2, "The owl", PLAIN))

        def has_newer_weights(event: Event) -> bool:
            seen = of(watcher.events, Inspected)
            return bool(seen) and isinstance(event, StepDone) and event.step > seen[0].step + 40

        watcher.when(has_newer_weights, Inspect(3))
        watcher.when(is_a(Inspected, request=3), Close())
        events = watcher.run(OpenRun(name))
    assert of(events, Opened)[0].phase == "following"
    first, last = of(events, Inspected)
    assert last.step > first.step
    assert last.bits < first.bits
    assert only(events, PlaceInspected).step == first.step
