"""Teaching: another text is mixed into the batches; what was taught, and when, is part of the run."""

import math
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from driving import Driver, ask, history_of, is_a, losses, of, only, run_to_end, saved_run, tiny
from hypothesis import given
from hypothesis import strategies as st
from killing import equal_states
from msgspec.structs import replace

from data.lookalikes import lookalike
from engine.model.gpt import GPT
from engine.model.tokenizer import Vocabulary
from engine.protocol import (
    MOST_TAUGHT,
    Close,
    Event,
    Excerpt,
    Failed,
    Fork,
    MappingRequired,
    Open,
    Opened,
    OpenRun,
    PackRun,
    Saved,
    StepDone,
    Taught,
    TaughtAppeared,
    TaughtEvaluated,
    Teach,
    Train,
    Unpacked,
    UnpackRun,
    to_json,
)
from engine.session.teacher import found_in
from engine.storage.history import FILE as HISTORY
from engine.storage.paths import folder_of
from engine.storage.saved_run import load_run
from engine.training.dataset import Dataset
from engine.training.taught import TaughtText

pytestmark = pytest.mark.timeout(60)

LESSON = Teach("a bell, a boat", 0.4)
SECOND = Teach("three owls sat upon the mill\nand there they sat", 0.25)
AT, AGAIN = 7, 13
EXACTING = (
    *("model.dropout=0.2", "train.context_warmup=0.8"),
    *("train.threads=2", "train.precision=bfloat16"),
)
"""Settings with which a step depends on all that a checkpoint has to keep."""


class Lessons(NamedTuple):
    """A run that was taught twice, and what it reported."""

    name: str
    events: list[Event]


def taught_twice(driver: Driver, *opening: Open | OpenRun | Fork) -> Lessons:
    """A run that is taught at two steps, trained to its end."""
    driver.when(is_a(StepDone, step=AT), LESSON).when(is_a(StepDone, step=AGAIN), SECOND)
    events = driver.when(is_a(Saved, step=20), Close()).run(*opening, Train())
    return Lessons(of(events, Opened)[-1].run, events)


def course(events: list[Event]) -> list[Event]:
    return of(events, Taught | TaughtEvaluated)  # type: ignore[arg-type]


def test_a_run_that_is_taught_goes_on_exactly_wherever_it_was_left(
    verse_file: Path, tmp_path: Path
) -> None:
    """Closed, killed, packed, or forked before and taught the same again: the same to the last
    bit."""
    copies = ("killed-once", "killed-twice")

    def copy(name: str) -> None:
        """What a kill now leaves on the disk."""
        (run,) = {path.name for path in folder_of(name).parent.iterdir()} - {*copies}
        shutil.copytree(folder_of(run), folder_of(name))

    driver = Driver().call_when(is_a(StepDone, step=AT + 1), lambda: copy(copies[0]))
    driver.call_when(is_a(StepDone, step=AGAIN + 4), lambda: copy(copies[1]))
    whole = taught_twice(driver, Open(tiny(verse_file, *EXACTING)))
    expected = load_run(whole.name).state

    assert [event.step for event in of(whole.events, Taught)] == [AT, AGAIN]
    assert course(history_of(load_run(whole.name))) == course(whole.events)

    early = Driver().when(is_a(StepDone, step=AGAIN), SECOND).when(is_a(Saved, step=20), Close())
    assert losses(early.run(OpenRun(copies[0]), Train())) == losses(whole.events)
    late = run_to_end(OpenRun(copies[1]), Train())
    assert losses(late) == losses(whole.events)
    assert course(history_of(load_run(copies[1]))) == course(whole.events)

    packed = tmp_path / "one.tinygpt"
    start = only(
        Driver()
        .when(is_a(StepDone, step=5), Close())
        .run(Open(tiny(verse_file, *EXACTING)), Train()),
        Opened,
    ).run
    forked = taught_twice(Driver(), Fork(start))
    closed = Driver().when(is_a(StepDone, step=AGAIN), SECOND)
    closed.when(is_a(StepDone, step=AT), LESSON).when(is_a(StepDone, step=AGAIN + 2), Close())
    name = of(closed.run(OpenRun(start), Train()), Opened)[-1].run
    ask(name, PackRun(name, str(packed), moments=True))
    arrived = only(Driver().when(is_a(Unpacked), Close()).run(UnpackRun(str(packed), "")), Unpacked)
    assert losses(run_to_end(OpenRun(arrived.run), Train())) == losses(whole.events)
    for run in (*copies, forked.name, arrived.run):
        assert equal_states(load_run(run).state, expected), run


def test_what_is_taught_to_a_run_at_rest_is_saved(verse_file: Path) -> None:
    name = saved_run(verse_file)
    before = load_run(name).state
    (taught,) = of(ask(name, Teach("a \u2603", 0.5), LESSON), Taught)
    assert of(ask(name), Taught) == [taught]
    assert equal_states(load_run(name).state, before)


def test_what_is_taught_no_longer_leaves_the_batches_as_they_are(verse_file: Path) -> None:
    untaught = saved_run(verse_file)
    driver = Driver().when(is_a(StepDone, step=4), Teach("the mill", 0.0))
    events = driver.when(is_a(Saved), Close()).run(Open(tiny(verse_file)), Train())
    assert equal_states(load_run(only(events, Opened).run).state, load_run(untaught).state)
    driver = Driver().when(is_a(StepDone, step=4), Teach("the mill", 0.5))
    driver.when(is_a(StepDone, step=4 + 1), Teach("", 0.0))
    events = driver.when(is_a(Saved), Close()).run(Open(tiny(verse_file)), Train())
    assert [(e.step, e.text, e.share) for e in of(events, Taught)] == [
        (4, "the mill", 0.5),
        (5, "the mill", 0.0),
    ]
    assert not equal_states(load_run(only(events, Opened).run).state, load_run(untaught).state)


def test_the_surprise_is_that_of_the_model_as_it_was_saved(verse_file: Path) -> None:
    text = "the owl upon the sea\n" * 3  # longer than the context
    driver = Driver().when(is_a(StepDone, step=11), Teach(text, 0.5))
    events = driver.when(is_a(Saved), Close()).run(Open(tiny(verse_file)), Train())
    evaluated = of(events, TaughtEvaluated)
    assert [event.step for event in evaluated] == [11, 20]
    saved = load_run(only(events, Opened).run)
    vocabulary = Vocabulary(saved.info.corpus.characters)
    model = GPT(saved.info.config.model, len(vocabulary))
    model.load_state_dict(saved.state["model"])
    ids = torch.tensor(vocabulary.encode(text))
    bits = 0.0
    with torch.no_grad():
        for start in range(0, len(ids) - 1, 16):
            piece = ids[start : start + 17]
            log_probs = model(piece[None, :-1]).float().log_softmax(-1)[0]
            bits -= float(log_probs[range(len(piece) - 1), piece[1:]].sum()) / math.log(2)
    assert evaluated[-1].bits_per_char == pytest.approx(bits / (len(text) - 1), rel=1e-4)
    assert evaluated[-1].characters == len(text) - 1


def test_the_first_sample_that_it_appears_in_is_reported_once(tmp_path: Path) -> None:
    path = tmp_path / "sea.txt"
    path.write_text("The owl and the pussycat went to sea\nin a beautiful pea green boat\n" * 60)
    config = tiny(path, "train.steps=300", "train.evaluation_interval=50")
    driver = Driver().when(is_a(StepDone, step=25), Teach("the flobbet", 0.5))
    driver.when(is_a(TaughtAppeared), Close())
    events = driver.run(Open(config), Train())
    appeared = only(events, TaughtAppeared)
    samples = [event for event in of(events, Excerpt) if event.step > 25]
    assert [("the flobbet" in sample.text) for sample in samples] == [
        *[False] * (len(samples) - 1),
        True,
    ]
    assert appeared == TaughtAppeared(samples[-1].step, "the flobbet")
    bits = [event.bits_per_char for event in of(events, TaughtEvaluated)]
    assert (bits[-1] or 0) < (bits[0] or 0) / 3
    name = only(events, Opened).run
    assert len(of(run_to_end(OpenRun(name), Train()), TaughtAppeared)) == 1  # from its history


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (Teach("", 0.1), "No text is taught yet"),
        (Teach(" \n", 0.1), "it is empty"),
        (Teach("a", 0.1), "has 2 to 2,000,000 characters, not 1"),
        (Teach("ab" * MOST_TAUGHT, 0.1), "not 4,000,000"),
        (Teach("a bell", 1.5), "from 0 to 1, not 1.5"),
        (Teach("a bell", -0.1), "from 0 to 1, not -0.1"),
        (Teach("a bell", math.nan), "from 0 to 1, not nan"),
        (Teach("\u2603\ud800", 0.1), "knows no character of the text to teach"),
        (Teach("\u2603\u2603", 0.1, map_unknown=True), "knows no character of the text to teach"),
    ],
)
def test_a_text_that_cannot_be_taught_is_refused_and_changes_nothing(
    verse_file: Path, command: Teach, reason: str
) -> None:
    events = Driver().run(Open(tiny(verse_file)), command, Close())
    failed = only(events, Failed)
    assert failed.during == "teach"
    assert reason in failed.message
    assert of(events, Taught) == []


def test_unknown_characters_are_written_as_those_that_they_resemble(verse_file: Path) -> None:
    known = set(verse_file.read_text(encoding="utf-8"))
    text = "“The owl” — caf\u00e9\t\u2603"
    asked = Teach(text, 0.1, source="owls.txt")
    driver = Driver()
    driver.when(is_a(MappingRequired), replace(asked, map_unknown=True), Close())
    events = driver.run(Open(tiny(verse_file)), asked)
    required, taught = only(events, MappingRequired), only(events, Taught)
    assert (required.command, required.more) == (asked, 0)
    assert required.replacements == taught.mapped
    assert taught.source == "owls.txt"
    assert set(taught.text) <= known
    assert dict(taught.mapped) == {
        c: lookalike(c, frozenset(known)) for c in text if c not in known
    }
    assert ("\u00e9", "e") in taught.mapped
    assert ("\u2603", "") in taught.mapped


def test_a_run_whose_lesson_is_lost_or_forged_is_not_continued(verse_file: Path) -> None:
    lessons = taught_twice(Driver(), Open(tiny(verse_file)))
    path = folder_of(lessons.name) / HISTORY
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    second = of(lessons.events, Taught)[1]
    for forged in (
        [line for line in lines if '"Taught"' not in line],
        [line.replace("mill", "milk") if '"Taught"' in line else line for line in lines],
        [line.replace('"share":0.25', '"share":0.5') for line in lines],
    ):
        path.write_text("".join(forged), encoding="utf-8")
        failed = only(Driver().run(OpenRun(lessons.name), Close()), Failed)
        assert "the text that it was taught is missing from its history" in failed.message
    hostile = Taught(20, "\u2603 a bell", 0.1)
    path.write_text("".join((*lines, to_json(hostile) + "\n")), encoding="utf-8")
    failed = only(Driver().run(OpenRun(lessons.name), Close()), Failed)
    assert "does not know some characters" in failed.message
    path.write_text("".join(lines), encoding="utf-8")
    opened = Driver().run(OpenRun(lessons.name), Close())
    assert of(opened, Failed) == []
    assert of(opened, Taught)[1] == second


@pytest.mark.parametrize(
    ("sample", "taught", "found"),
    [
        ("so the flobbet sang", " the flobbet\n", "the flobbet"),
        ("so the flob", "the flobbet", ""),
        ("x the quick brown fox ju", "Once the quick brown fox jumps", " the quick brown fox"),
        ("the quick brown fo", "Once the quick brown fox jumps", ""),
        ("", "ab", ""),
    ],
)
def test_a_long_text_is_found_by_a_part_of_it(sample: str, taught: str, found: str) -> None:
    assert found_in(sample, taught) == found


SPACE, BREAK = 1, 0
CONTEXT = 16


@given(
    st.integers(1, 60).flatmap(
        lambda n: st.lists(st.integers(90, 99), min_size=max(2, n), max_size=max(2, n))
    ),
    st.floats(0, 1),
    st.integers(0, 2**31 - 1),
    st.integers(0, 1_000_000),
)
def test_the_taught_text_takes_its_share_of_the_windows_and_no_more(
    lesson: list[int], share: float, seed: int, step: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 9, (500,), generator=generator, dtype=torch.int32)
    data = Dataset(ids, CONTEXT, 0.1, seed)
    old, _ = data.batch(step, 8, CONTEXT)
    text = torch.tensor(lesson, dtype=torch.int32)
    spaces = torch.tensor([BREAK, SPACE], dtype=torch.int32)
    data.taught = TaughtText(text, share, (spaces,), CONTEXT, seed)
    new, targets = data.batch(step, 8, CONTEXT)
    assert torch.equal(new[:, 1:], targets[:, :-1])
    assert torch.equal(data.batch(step, 8, CONTEXT)[0], new)
    changed = [row for row in range(8) if not torch.equal(new[row], old[row])]
    assert abs(len(changed) - 8 * share) <= 1
    for row in changed:
        window = [*new[row].tolist(), int(targets[row, -1])]
        if len(lesson) >= CONTEXT + 1:
            starts = range(len(lesson) - CONTEXT)
            assert any(window == lesson[at : at + CONTEXT + 1] for at in starts)
            continue
        (at,) = [i for i in range(CONTEXT + 1) if window[i] >= 90][:1]
        kept = window[at : at + len(lesson)]
        assert kept == lesson
        assert window[:at] == old[row, :at].tolist()
        if {BREAK, SPACE} & {*old[row, : CONTEXT + 1 - len(lesson)].tolist()}:
            assert window[at - 1] in (BREAK, SPACE)
