"""A user asks what of a text is copied, before, during and after training."""

from pathlib import Path

import pytest
from driving import Driver, Happens, is_a, losses, of, only, run_to_end, tiny
from test_followed_run import Watcher, saved_run, trained_elsewhere

from engine.protocol import (
    Close,
    CopiesFound,
    Event,
    FindCopies,
    Open,
    OpenRun,
    Piece,
    Saved,
    StepDone,
    Train,
)
from engine.session import copy_finder

pytestmark = pytest.mark.timeout(30)


def asked(corpus: Path, *texts: str) -> list[CopiesFound]:
    """The answers to these questions, each asked when the one before is answered."""
    questions = [FindCopies(number, text) for number, text in enumerate(texts, start=1)]
    driver = Driver()
    for question, then in zip(questions, [*questions[1:], Close()], strict=True):
        driver.when(is_a(CopiesFound, request=question.request), then)
    return of(driver.run(Open(tiny(corpus)), questions[0]), CopiesFound)


def test_what_is_copied_is_told_with_its_line_and_the_text_around_it(verse_file: Path) -> None:
    text = verse_file.read_text()
    lines = text.split("\n")
    written = f"Zounds: {lines[1]}\n?"

    (found,) = asked(verse_file, written)

    assert found.pieces == (Piece("Zounds: ", 0), Piece(f"{lines[1]}\n", 2), Piece("?", 0))
    assert (found.longest, found.line, found.shortest) == (len(lines[1]) + 1, 2, 20)
    assert found.copied == f"{lines[1]}\n"
    around = found.before + found.copied + found.after
    assert text.startswith(around)
    assert found.before == f"{lines[0]}\n"
    assert text.startswith(f"{around}\n"), "whole lines"
    assert 200 < len(found.after) <= 300


def test_the_text_before_a_copy_begins_with_a_whole_line(verse_file: Path) -> None:
    verse_file.write_text("".join(f"This is line number {n} of many.\n" for n in range(1, 100)))

    (found,) = asked(verse_file, "# number 50 of many.\nThis #")

    assert found.copied == " number 50 of many.\nThis "
    assert found.line == 50
    assert found.before.startswith("This is line number 42 of many.\n")
    assert found.after.endswith("This is line number 59 of many.")


@pytest.mark.parametrize("written", ["", "The owl", "q" * 100, "\0\1☃" * 20])
def test_a_text_without_a_copy_is_one_piece(verse_file: Path, written: str) -> None:
    (found,) = asked(verse_file, written)

    assert found.pieces == ((Piece(written, 0),) if written else ())
    assert (found.longest, found.line, found.copied, found.refused) == (0, 0, "", "")


def test_characters_that_the_text_does_not_have_end_a_copy(verse_file: Path) -> None:
    line = verse_file.read_text().split("\n")[2]
    assert len(line) > 24

    (found,) = asked(verse_file, f"{line[:24]}☃{line[24:]}")

    assert found.pieces == (Piece(line[:24], 3), Piece(f"☃{line[24:]}", 0))


def test_the_validation_part_is_not_searched(verse_file: Path) -> None:
    text = verse_file.read_text()
    held_out = "Held out: nobody has ever trained on this line of the text.\n"
    verse_file.write_text(f"{text}\n{held_out}")

    nothing, copied = asked(verse_file, held_out, text[:40])

    assert nothing.longest == 0
    assert (copied.longest, copied.before) == (40, "")


def test_a_newer_question_replaces_one_that_is_not_answered(verse_file: Path) -> None:
    driver = Driver().when(is_a(CopiesFound), Close())
    events = driver.run(Open(tiny(verse_file)), FindCopies(1, "The owl"), FindCopies(2, "The owl"))
    assert only(events, CopiesFound).request == 2


def test_a_long_text_is_refused_in_a_sentence(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_finder, "MOST_CHARACTERS", 1_000)
    (found,) = asked(verse_file, verse_file.read_text()[:100])
    assert found.refused == (
        "copies are searched for in texts of up to 1,000 characters: the index takes a byte for "
        "each"
    )
    assert found.pieces == ()


def test_no_bit_of_training_depends_on_it(verse_file: Path) -> None:
    config = tiny(verse_file)
    alone = run_to_end(Open(config), Train())
    driver = Driver().when(is_a(Saved), Close())
    for step in (3, 10, 15):
        driver.when(is_a(StepDone, step=step), FindCopies(step, verse_file.read_text()[:200]))

    events = driver.run(Open(config), Train())

    assert losses(events) == losses(alone)
    assert [found.request for found in of(events, CopiesFound)] == [3, 10, 15]


def test_training_goes_on_while_a_long_search_is_in_progress(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_finder, "SECONDS", 0.0)  # a slice at a time
    written = verse_file.read_text()[:300] * 3

    driver = Driver().when(is_a(CopiesFound), Close())
    events = driver.run(Open(tiny(verse_file)), Train(), FindCopies(1, written))

    assert len(of(events, StepDone)) > 2


def test_a_followed_run_answers_too(verse_file: Path) -> None:
    name = saved_run(verse_file)
    with trained_elsewhere(name):
        events = (
            Watcher()
            .when(is_a(CopiesFound), Close())
            .run(OpenRun(name), FindCopies(1, verse_file.read_text()[:50]))
        )
    assert only(events, CopiesFound).longest == 50


def test_the_index_stays_as_it_is_for_the_next_question(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    original = copy_finder.CopyIndex.build

    def build(index: copy_finder.CopyIndex):
        built.append(0)
        for done in original(index):
            built[-1] += 1
            yield done

    monkeypatch.setattr(copy_finder.CopyIndex, "build", build)
    first: Happens = is_a(CopiesFound, request=1)
    driver = Driver().when(first, FindCopies(2, "The owl"))
    driver.when(is_a(CopiesFound, request=2), Close())
    events: list[Event] = driver.run(Open(tiny(verse_file)), FindCopies(1, "The owl"))

    assert len(of(events, CopiesFound)) == 2
    assert built == [1], "one index, of one chunk"
