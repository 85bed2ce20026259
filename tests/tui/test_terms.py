"""The help explains every word on the screen, with the numbers of the open run."""

import re

import pytest
from looking import Opener
from recording import RUN, STEPS, VERSE, state_after, trained, untrained, written

from engine.protocol import Event
from tui.panes.loss import numbers
from tui.panes.training import facts
from tui.sampling_controls import SAMPLING_CONTROLS
from tui.screens.help import help_text
from tui.screens.terms import terms
from tui.state import RunState

DONE: tuple[Event, ...] = (*untrained(), *trained(STEPS), *written(VERSE, step=STEPS))


def help_of(state: RunState) -> str:
    return help_text(state).plain


def test_every_label_of_the_numbers_is_explained() -> None:
    state = state_after(*DONE)
    labels = [label for label, _ in facts(state)]
    labels += re.findall(r"[a-z][a-z/-]+", numbers(state, 200, compared=True).plain)
    labels += [control.label for control in SAMPLING_CONTROLS]
    said = help_of(state)

    assert {"perplexity", "held-out", "time left"} <= set(labels)
    assert [label for label in labels if label not in said] == []


@pytest.mark.parametrize(
    "word",
    [
        *("held-out loss", "training loss", "evaluation", "text", "characters", "learning rate"),
        *("step", "run", "sample", "answer", "checkpoint", "seen", "best", "uniform guess"),
        *("letter frequencies", "✶", "▲", "■", "never seen", "following", "untrained", "failed"),
        *("sure since", "where the loss lives", "explains"),
    ],
)
def test_every_other_word_is_explained(word: str) -> None:
    assert any(word in f"{name}: {meaning}" for name, meaning in terms(state_after(*DONE)))


def test_it_tells_the_numbers_of_the_open_run() -> None:
    said = help_of(state_after(*DONE))

    for number in (
        "a uniform guess among 63 characters has 4.14.",
        "(118,863 characters)",
        "Now it is 1.5532 (2.24 bits/char).",
        "Here it is 3.31.",
        "Here: 1.5532 (2.24 bits/char), at step 2,000.",
        f"This one is {RUN}.",
        "Preset small with this text: 802,560.",
        "it trains on 1,069,761.",
        "Here: 256 characters.",
        "peak 0.0300.",
        "(here every 250) steps",
        "Saved last at step 2,000.",
    ):
        assert number in said


def test_before_a_run_is_open_it_tells_the_same_words_without_numbers() -> None:
    before, after = terms(RunState()), terms(state_after(*DONE))

    assert [word for word, _ in before] == [word for word, _ in after]


async def test_one_word_for_one_thing(desk: Opener) -> None:
    """The words that the screen does not use for what it calls otherwise."""
    async with desk(*DONE) as it:
        seen = "\n".join(it.rows)
        await it.press("?")
        await it.sees("train, or pause")
        seen += help_of(it.app.state)
    for word in ("corpus", "token", "excerpt", "exam", "reply", "school"):
        assert word not in seen.lower()
    files = "Files and the command line call it validation loss."
    assert seen.count("validation") == seen.count(files) == 1


async def test_one_thing_is_not_called_many(desk: Opener) -> None:
    async with desk(*untrained(), *written("a")) as it:
        await it.sees("· 1 character ·")
