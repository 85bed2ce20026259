"""The weights of earlier steps answer questions and prompts, and tell when a prediction was
learned."""

import hashlib
import math
import os
import signal
import time
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest
import safetensors.torch
import torch
from driving import Driver, ask, is_a, losses, of, only, run_to_end, saved_run, tiny
from elsewhere import wait_until_held
from forking import child, exit_code, needs_fork
from plain_gpt import plain_log_probs, plain_pass
from shaping import shape
from stored import damage_moment

from engine.config import SampleConfig
from engine.insight.learning import first_right, is_right, next_probabilities, sure_since
from engine.model.gpt import GPT
from engine.model.tokenizer import Vocabulary
from engine.protocol import (
    AskWhenLearned,
    Close,
    Command,
    Failed,
    Inspect,
    Inspected,
    InspectPlace,
    MomentsKept,
    Open,
    Opened,
    OpenRun,
    Pause,
    PlaceInspected,
    Sample,
    SampleDone,
    SampleStarted,
    StepDone,
    TextSampled,
    Train,
    WhenLearned,
)
from engine.session.session import Session
from engine.storage.moment_files import LATEST, Moment, moments_of
from engine.storage.moments import evenly, read_moment
from engine.storage.paths import folder_of
from engine.storage.run_info import read_info

pytestmark = pytest.mark.timeout(60)

CONTEXT = 16
KEPT = (0, 1, 2, 4, 8, 10, 16, 20)
PROMPT, WRITING = "The owl", SampleConfig(characters=40, seed=3)


def kept_models(name: str) -> tuple[dict[int, GPT], Vocabulary]:
    """A model of each moment, by its step."""
    info, found = read_info(folder_of(name)), {}
    vocabulary = Vocabulary(info.corpus.characters)
    for moment in moments_of(folder_of(name), LATEST):
        model = GPT(info.config.model, len(vocabulary))
        model.load_state_dict(read_moment(moment, 1 << 20)[0])
        found[moment.step] = model
    return found, vocabulary


def after(model: GPT, vocabulary: Vocabulary, text: str) -> list[float]:
    """The probability of each character after a text, by plain arithmetic."""
    ids = torch.tensor(vocabulary.encode(text[-CONTEXT:]))
    logs = plain_log_probs(model, plain_pass(model, ids).streams[-1])[-1]
    return [math.exp(value) for value in logs]


def test_a_passage_is_read_by_the_weights_of_a_kept_step(verse_file: Path) -> None:
    name = saved_run(verse_file)
    events = ask(name, Inspect(1, step=8), Inspect(2, step=10), Inspect(3))
    models, vocabulary = kept_models(name)
    answers = of(events, Inspected)
    assert [(answer.request, answer.step) for answer in answers] == [(1, 8), (2, 10), (3, 20)]
    assert len({answer.text for answer in answers}) == 1
    for answer in answers:
        place = answer.places[5]
        likely = after(models[answer.step], vocabulary, answer.text[:5])
        assert place.bits is not None
        expected = likely[vocabulary.characters.index(place.character)]
        assert 2**-place.bits == pytest.approx(expected, rel=1e-4)


def test_a_place_is_looked_at_with_the_weights_of_a_kept_step(verse_file: Path) -> None:
    name = saved_run(verse_file)
    plain = SampleConfig(temperature=1, top_p=1)
    event = only(ask(name, InspectPlace(1, PROMPT, plain, step=4)), PlaceInspected)
    models, vocabulary = kept_models(name)
    likely = after(models[4], vocabulary, PROMPT)
    assert event.step == 4
    assert [p for _, p in event.sampled] == pytest.approx(sorted(likely)[:-11:-1], rel=1e-4)


def test_a_prompt_is_answered_as_it_was_answered_then(verse_file: Path) -> None:
    prompt = Sample(1, PROMPT, WRITING)
    then = Driver().when(is_a(StepDone, step=8), Pause(), prompt).when(is_a(SampleDone), Close())
    past = then.run(Open(tiny(verse_file)), Train())
    name = saved_run(verse_file)
    now = ask(name, Sample(2, PROMPT, WRITING, step=8))
    assert only(now, SampleStarted).step == only(past, SampleStarted).step == 8
    assert "".join(e.text for e in of(now, TextSampled)) == "".join(
        e.text for e in of(past, TextSampled)
    )
    newest = ask(name, Sample(3, PROMPT, WRITING))
    assert only(newest, SampleStarted).step == 20


def test_looking_back_while_it_trains_changes_no_loss(verse_file: Path) -> None:
    driver = Driver()
    driver.when(is_a(StepDone, step=5), Inspect(1, step=2), Sample(1, PROMPT, WRITING, step=1))
    driver.when(is_a(StepDone, step=9), AskWhenLearned(2, PROMPT), Inspect(3, step=4))
    driver.when(is_a(WhenLearned)).when(is_a(StepDone, step=20), Close())
    events = driver.run(Open(tiny(verse_file)), Train())
    assert only(events, SampleStarted).step == 1
    assert [answer.step for answer in of(events, Inspected)] == [2, 4]
    assert only(events, WhenLearned).steps == (0, 1, 2, 4, 8, 10)
    alone = run_to_end(Open(tiny(verse_file)), Train())
    assert losses(events)[:20] == losses(alone)[:20]


def test_weights_that_are_not_kept_are_named(verse_file: Path) -> None:
    name = saved_run(verse_file)
    message = "The weights of step 13 are not kept; near it: 10 and 16."
    events = ask(name, Inspect(1, step=13), Sample(1, PROMPT, WRITING, step=13))
    assert of(events, Failed) == [Failed(message, "inspect", 1), Failed(message, "sample")]
    without = saved_run(verse_file, "train.moments_mb=0")
    events = ask(without, Inspect(1, step=1))
    assert only(events, Failed).message == (
        "The weights of step 1 are not kept: none of this run are."
    )


def test_damaged_weights_are_named_and_everything_else_goes_on(verse_file: Path) -> None:
    name = saved_run(verse_file)
    damage_moment(name, 8)
    events = ask(name, Inspect(1, step=8), Inspect(2, step=4), AskWhenLearned(3, PROMPT))
    message = (
        "The weights of step 8 cannot be used: the file of step 8 in moments has been changed."
    )
    assert of(events, Failed) == [Failed(message, "inspect", number) for number in (1, 3)]
    assert only(events, Inspected).step == 4
    assert only(events, WhenLearned).steps == (0, 1, 2, 4, 10, 16, 20)
    trained = run_to_end(OpenRun(name), Train(steps=2))
    assert of(trained, Failed) == []


def test_weights_of_another_model_are_refused(verse_file: Path) -> None:
    name = saved_run(verse_file)
    path = damage_moment(name, 8)
    content = safetensors.torch.save({"embedding.weight": torch.zeros(3)}, {"context_length": "9"})
    named = f"0000000008.{hashlib.sha256(content).hexdigest()}.safetensors"
    path.rename(path.with_name(named)).write_bytes(content)
    failed = only(ask(name, Inspect(1, step=8)), Failed)
    assert failed == Failed("The weights of step 8 do not fit this model.", "inspect", 1)


def train(name: str) -> None:
    """What the other program does: train until it is killed."""
    inbox: SimpleQueue[Command] = SimpleQueue()
    inbox.put(OpenRun(name))
    inbox.put(Train(steps=100_000))
    Session(lambda _: None).run(inbox)


@needs_fork
def test_a_followed_run_is_looked_back_at(verse_file: Path) -> None:
    name = saved_run(verse_file)
    with child(partial(train, name)) as (pid, begin):
        begin()
        wait_until_held(name, pid)
        watcher = Driver(clock=time.perf_counter)
        watcher.when(is_a(MomentsKept), Inspect(1, step=8), Sample(1, PROMPT, WRITING, step=4))
        watcher.when(is_a(SampleDone), AskWhenLearned(2, PROMPT)).when(is_a(WhenLearned), Close())
        try:
            events = watcher.run(OpenRun(name))
        finally:
            os.kill(pid, signal.SIGKILL)
            exit_code(pid)
    assert only(events, Opened).phase == "following"
    assert (only(events, Inspected).step, only(events, SampleStarted).step) == (8, 4)
    assert {*KEPT} <= {*only(events, WhenLearned).steps}
    assert of(events, MomentsKept)[0].budget == 200_000_000


def test_when_it_was_learned_is_what_each_moment_predicts(verse_file: Path) -> None:
    name = saved_run(verse_file, "train.steps=60", "train.learning_rate=0.1")
    models, vocabulary = kept_models(name)
    text = "Two owls upon the wall, said sh"
    event = only(ask(name, AskWhenLearned(4, text, "e")), WhenLearned)
    steps = sorted(models)
    assert (event.request, event.steps, event.target) == (4, tuple(steps), "e")
    expected = {step: after(models[step], vocabulary, text) for step in steps}
    for character, probabilities in event.rows:
        i = vocabulary.characters.index(character)
        assert probabilities == pytest.approx([expected[s][i] for s in steps], rel=1e-4)
    now = [probabilities[-1] for _, probabilities in event.rows]
    assert now[:16] == sorted(now[:16], reverse=True)
    assert min(now[:16]) >= sorted(expected[steps[-1]])[-16] * 0.999
    best = [max(expected[step]) for step in steps]
    e = vocabulary.characters.index("e")
    right = [step > 0 and expected[step][e] == most for step, most in zip(steps, best, strict=True)]
    assert event.first_right == first_right(steps, right)
    assert event.sure_since == sure_since(steps, right)


def test_a_target_that_is_unlikely_has_a_row_of_its_own(verse_file: Path) -> None:
    name = saved_run(verse_file)
    known, likely = AskWhenLearned(1, PROMPT, "w"), AskWhenLearned(2, PROMPT, "§")
    first = only(ask(name, likely), WhenLearned)
    assert first.target == first.rows[0][0]
    assert len(first.rows) == 16
    unlikely = next(c for c in kept_models(name)[1].characters if c not in dict(first.rows))
    known = AskWhenLearned(1, PROMPT, unlikely)
    second = only(ask(name, known), WhenLearned)
    assert second.rows[:-1] == first.rows
    assert second.rows[-1][0] == second.target == unlikely


def test_to_the_same_question_only_new_weights_are_read(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counted(moment: Moment, max_bytes: int) -> object:
        read.append(moment.step)
        return read_moment(moment, max_bytes)

    monkeypatch.setattr("engine.session.moment_models.read_moment", counted)
    driver = Driver().when(is_a(StepDone, step=9), Pause(), AskWhenLearned(1, PROMPT))
    driver.when(is_a(WhenLearned, request=1), Train(steps=9))
    driver.when(is_a(StepDone, step=18), Pause(), AskWhenLearned(2, PROMPT))
    driver.when(is_a(WhenLearned, request=2), AskWhenLearned(3, "A fox"))
    events = driver.when(is_a(WhenLearned, request=3), Close()).run(Open(tiny(verse_file)), Train())
    first, second, third = of(events, WhenLearned)
    assert (first.steps, second.steps) == ((0, 1, 2, 4, 8, 9), (0, 1, 2, 4, 8, 10, 16, 18))
    assert read == [0, 1, 2, 4, 8, 10, 16, 0, 1, 2, 4, 8, 10, 16]
    assert second.steps == third.steps
    chosen = dict(second.rows)
    for character, probabilities in first.rows:
        assert character not in chosen or probabilities[:5] == chosen[character][:5]


def test_without_kept_weights_there_is_the_model_as_it_is(verse_file: Path) -> None:
    name = saved_run(verse_file, "train.moments_mb=0")
    event = only(ask(name, AskWhenLearned(1, PROMPT)), WhenLearned)
    assert event.steps == (20,)
    assert (event.first_right, event.sure_since) == (20, 20)


@pytest.mark.parametrize("text", ["", "§§"])
def test_a_text_without_a_known_character_is_refused(verse_file: Path, text: str) -> None:
    failed = only(ask(saved_run(verse_file), AskWhenLearned(1, text)), Failed)
    assert failed.during == "inspect"


def test_an_untrained_model_is_right_about_nothing() -> None:
    model = GPT(shape(), 5).init_weights(torch.Generator().manual_seed(1))
    untrained = next_probabilities(model, torch.tensor([1, 2]))
    assert int(untrained.argmax()) == 0
    assert not is_right(untrained, 0)
    assert is_right(torch.tensor([0.2, 0.41, 0.39]), 1)
    assert not is_right(torch.tensor([0.2, 0.41, 0.39]), 2)
    assert is_right(torch.tensor([1.0]), 0)


def test_first_right_and_sure_since() -> None:
    steps = [0, 1, 2, 4, 8]
    cases = {"00000": (-1, -1), "01010": (1, -1), "01011": (1, 4), "11111": (0, 0), "00001": (8, 8)}
    for right, expected in cases.items():
        flags = [flag == "1" for flag in right]
        assert (first_right(steps, flags), sure_since(steps, flags)) == expected


def test_moments_are_chosen_evenly() -> None:
    assert evenly(range(5), 9) == [0, 1, 2, 3, 4]
    assert evenly(range(0, 101, 10), 3) == [0, 50, 100]
    assert len({*evenly(range(1_000), 39)}) == 39
