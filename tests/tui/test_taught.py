"""What is taught is asked for with a key, marked in the chart, and followed in a line."""

import pytest
from looking import Opener
from recording import state_after, step_done, trained, untrained

from engine.protocol import Evaluated, Event, Taught, TaughtAppeared, TaughtEvaluated, Teach
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


async def test_a_text_is_taught_and_its_share_changed_with_a_key(desk: Opener) -> None:
    async with desk(*untrained(), *trained(50)) as it:
        await it.press("k", *"the flobbet", "enter")
        await it.sees("How much of each batch")
        await it.press(*"2", "enter")
        await it.sees("That is no share")
        await it.press("backspace", *"0.2", "enter")
        await it.until(lambda: it.engine.sent(Teach))
        assert it.engine.sent(Teach) == [Teach(WORD, 0.2)]
        await it.play(Taught(50, WORD, 0.2))
        await it.press("k", "0", "enter")
        await it.until(lambda: len(it.engine.sent(Teach)) == 2)
        assert it.engine.sent(Teach)[-1] == Teach("", 0.0)


@pytest.mark.parametrize("typed", ["x", "0.1 0.2", "nan", "-0.1", "map 0.1", "1.01"])
def test_what_is_no_share_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="That is no share"):
        parse_share(typed)
