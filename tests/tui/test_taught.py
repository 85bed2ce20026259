"""What is taught is asked for with a key, marked in the chart, and followed in a line."""

from pathlib import Path

import pytest
from looking import Opener
from msgspec.structs import replace
from recording import state_after, step_done, trained, untrained
from textual import events

from engine.protocol import (
    Evaluated,
    Event,
    Failed,
    MappingRequired,
    Taught,
    TaughtAppeared,
    TaughtEvaluated,
    Teach,
)
from tui.panes.training import TrainingPane
from tui.teaching_text import parse_share

WORD = "the flobbet"


def evaluated(step: int, bits: float) -> Evaluated:
    return Evaluated(step, bits * 0.693147, bits, 0.5, 64, 0.1, 1.0)


HISTORY: list[Event] = [
    step_done(1),
    evaluated(1, 2.34),
    Taught(1, WORD, 0.1),
    TaughtEvaluated(1, 4.2, 10),
    step_done(2),
    TaughtEvaluated(2, None, 10),
    TaughtEvaluated(2, 1.1, 10),
    evaluated(2, 2.4),
    TaughtAppeared(2, WORD),
]


def facts(*events: Event) -> list[str]:
    state = state_after(*untrained(), *HISTORY, *events)
    drawn = [line.plain.rstrip() for line in TrainingPane().draw(state, 37, 10)]
    return [" ".join(line.split()) for line in drawn[2:6]]


def test_the_pane_says_how_surprise_falls_and_what_the_old_text_loses() -> None:
    shown = ["its surprise 4.20 → 1.10 bits", "held out 2.34 → 2.40 bits", "in a sample at step 2"]
    assert facts() == ["taught since step 1", *shown]
    another_share = Taught(2, WORD, 0.2)
    stopped = facts(another_share, Taught(3, WORD, 0.0))
    assert stopped == ["taught since step 1 to 3", *shown]
    assert facts(Taught(3, "\x1b[2J", 0.2))[:2] == [
        "taught since step 3",
        "held out 2.40 → 2.40 bits",
    ]
    state = state_after(*untrained(), *HISTORY)
    assert [(one.step, one.sign, one.text) for one in state.course.marks] == [
        (1, "t", "taught 11 characters, in 10% of the windows")
    ]
    untaught = TrainingPane().draw(state_after(*untrained()), 100, 9)
    assert not any("taught" in line.plain for line in untaught)


SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24)])


@SIZES
async def test_a_text_is_taught_and_its_share_changed_with_a_key(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*untrained(), *trained(50), size=size) as it:
        await it.press("k")
        await it.sees(
            "It is mixed into the batches of tinyshakespeare", "10% of the windows: 0.8 of"
        )
        await it.press(*"the flobbet", "down", *"0.2", "enter")
        await it.until(lambda: it.engine.sent(Teach))
        assert it.engine.sent(Teach) == [Teach(WORD, 0.2)]
        await it.press("enter")  # while the engine has not answered
        await it.play(Taught(50, WORD, 0.2))
        assert len(it.app.screen_stack) == 1
        await it.press("k")
        await it.sees("Taught since step 50, in 20% of the windows: “the flobbet” (11 characters)")
        await it.press(*"x", "enter")
        await it.sees("That is no share: it is from 0 to 1")
        await it.press("backspace", *"0", "enter")
        await it.play(Failed("There is no memory.", "teach"))
        await it.sees("There is no memory.")
        await it.press("enter")
        assert it.engine.sent(Teach)[1:] == [Teach("", 0.0)] * 2
        await it.play(Taught(60, WORD, 0.0))
        await it.press("k")
        await it.sees("Taught from step 50 to 60: “the flobbet”")


async def test_what_the_model_does_not_know_is_asked_about_by_name(desk: Opener) -> None:
    async with desk(*untrained(), *trained(50)) as it:
        await it.press("k", *"the caf\u00e9", "enter")
        await it.until(lambda: it.engine.sent(Teach))
        (asked,) = it.engine.sent(Teach)
        required = MappingRequired(asked, (("\u00e9", "e"), ("\u2603", ""), ("\t", " ")), 4)
        await it.play(required)
        await it.sees(
            "\u00e9 (Latin small letter e with acute) becomes e",
            "\u2603 (Snowman) is left out",
            "\u2409 (U+0009) becomes a space",
            "and 4 more",
        )
        await it.press("n", "enter")  # what was typed is still there
        await it.until(lambda: len(it.engine.sent(Teach)) == 2)
        await it.play(required)
        await it.press("y")
        await it.until(lambda: len(it.engine.sent(Teach)) == 3)
        assert it.engine.sent(Teach) == [asked, asked, replace(asked, map_unknown=True)]
        await it.play(Taught(50, "the cafe", 0.1))
        assert len(it.app.screen_stack) == 1


async def test_a_long_text_is_pasted_beside_the_field_and_one_too_long_refused(
    desk: Opener,
) -> None:
    async with desk(*untrained(), *trained(50)) as it:
        await it.press("k")
        it.app.post_message(events.Paste("a \x1b[2J bell\n" * 200_000))
        await it.sees("That text has 2,400,000 characters: a text to teach has 2,000,000 at most.")
        long = "a bell\nand \x1b[2J" * 1_000
        it.app.post_message(events.Paste(long))
        await it.sees("pasted, 15,000 characters: “a bell␊and ␛[2J")
        await it.press("enter")
        await it.until(lambda: it.engine.sent(Teach))
        assert it.engine.sent(Teach) == [Teach(long, 0.1)]


async def test_a_file_that_is_no_text_is_refused_in_the_form(desk: Opener, tmp_path: Path) -> None:
    path = tmp_path / "lesson.bin"
    path.write_bytes(bytes(range(256)) * 4)
    async with desk(*untrained(), *trained(50)) as it:
        await it.press("k", "enter")
        await it.sees("There is no text to teach: it is empty.")
        await it.type(str(path))
        await it.press("enter")
        await it.sees("a binary file, not a text file.")
        assert it.engine.sent(Teach) == []


@pytest.mark.parametrize("typed", ["x", "0.1 0.2", "nan", "-0.1", "map 0.1", "1.01"])
def test_what_is_no_share_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="That is no share"):
        parse_share(typed)
