"""Runs whose tokens are not characters: what the screen says of them and of their losses."""

from io import StringIO
from math import log

import pytest
from msgspec.structs import replace
from recording import CONFIG, evaluated, ladder, opened, opening, state_after, step_done
from rich.console import Console

from engine.config import SampleConfig
from engine.protocol import Compared, Event, PhaseChanged, RunCurve, Tokens
from tui.cli.progress import ProgressReporter
from tui.panes.chart_axis import x_axis
from tui.panes.chart_cursor import readout
from tui.panes.compared_runs import compared_runs
from tui.panes.header import message
from tui.panes.loss import losses, numbers, title, verdict
from tui.panes.text import TextPane
from tui.panes.training import facts
from tui.screens.terms import terms
from tui.state import RunState
from tui.tour.scene import Scene
from tui.tour.training import uniform_guess

BPE = Tokens(
    kind="bpe",
    number=1024,
    characters_each=2.25,
    bytes_each=2.5,
    train=475_000,
    frequent=((" the", 0.03), ("\n", 0.02), ("\\xC3", 0.01)),
    beginning=("First", " Cit", "izen", ":", "\n", "Bef", "\\xC3", "\\xA9"),
)
CHARACTERS = Tokens(number=63, bytes_each=1.0)


def with_tokens(tokens: Tokens = BPE) -> list[Event]:
    *before, run = opening()
    assert run == opened(CONFIG)
    return [*before, replace(opened(CONFIG), tokens=tokens)]


def state_with(*events: Event, tokens: Tokens = BPE) -> RunState:
    return state_after(*with_tokens(tokens), *events)


def test_losses_are_in_nats_per_token_and_in_bits_per_byte() -> None:
    state = state_with(step_done(1, 6.0), evaluated(250, 4.0))
    assert title(state, whole=True).startswith("loss, in nats per token")
    line = numbers(state, 200, compared=False).plain
    assert "held-out 4.0000" in line
    assert f"{4 / log(2) / 2.5:.2f} bits/byte" in line
    assert dict(facts(state))["speed"].endswith("token/s")
    assert dict(facts(state))["context"] == "256 tokens"


def test_tokens_are_called_tokens() -> None:
    training, done = PhaseChanged("training", 0), PhaseChanged("done", 9)
    short = replace(step_done(1), context_length=64)
    said = {
        "Untrained: each token is one of 1,024 at random.": (),
        "Each step predicts 2,048 next tokens from the 64 before": (training, short),
        "Training: each step predicts 2,048 next tokens": (training, short, step_done(2)),
        "Held-out loss 4.0000 (2.31 bits/byte)": (evaluated(9, 4.0), done),
    }
    for words, events in said.items():
        assert message(state_with(*events)).plain.startswith(words)
    course = state_with(short, step_done(2)).course
    assert [mark.text for mark in course.marks] == ["context 64 → 256 tokens"]


def test_the_axis_of_characters_counts_those_of_the_text() -> None:
    other = RunCurve("owl", ((0, 4.1), (2, 1.9)), characters=(0, 9_000), tokens=CHARACTERS)
    same = replace(other, run="elk", tokens=BPE)
    state = state_with(step_done(1), step_done(2), Compared((other, same)))
    axis = x_axis(state, "characters", log=False)
    assert axis.pace is not None
    assert axis.pace.last == 2 * 2_048 * 2.25
    assert [pace and pace.last for pace in axis.compared] == [9_000, 9_000 * 2.25]
    left = (state.last_planned_step - 2) * 2_048
    assert 1 <= axis.end / (2.25 * (2 * 2_048 + left)) < 1.1


def test_words_tell_tokens_where_the_run_reads_tokens() -> None:
    state = state_with(PhaseChanged("untrained", 0))
    assert message(state).plain.startswith("Untrained: each token is one of 1,024 at random.")
    training = state_with(PhaseChanged("training", 0), step_done(1, 6.0))
    assert "2,048 next tokens" in message(training).plain
    said = dict(terms(state))
    assert "uniform guess among 1,024 tokens has 6.93" in said["loss"]
    assert "reads and writes tokens, 1,024 tokens (bpe)" in said["text, tokens"]
    assert "(token/s)" in said["speed"]
    assert "bits per byte" in said["where the loss lives"]
    assert "the tokens as it sees them" in said
    guess = uniform_guess(Scene(state, 1, SampleConfig(), "7")).text
    assert "ln 1,024 = 6.93" in guess
    assert "as many tokens" in guess


def test_simple_guesses_are_in_the_same_unit() -> None:
    state = state_with(evaluated(0, log(1024)))
    assert verdict(state).plain == "it knows nothing yet: a guess among 1,024 tokens is as good"
    shown = losses(state)
    assert shown.uniform == pytest.approx(log(1024))
    assert shown.unigram == pytest.approx(3.31054 * 2.25)
    # The rungs come in nats per token: those above a guess among all tokens are left out.
    rungs = state_with(ladder()).ladder.rungs
    assert rungs[0].name == "letter frequencies"


def test_with_a_run_of_another_tokenizer_the_chart_is_in_bits_per_byte() -> None:
    other = RunCurve("owl", ((0, log(63)), (250, 1.9)), tokens=CHARACTERS)
    old = RunCurve("elk", ((0, log(63)), (250, 1.8)))
    state = state_with(step_done(250, 6.0), evaluated(250, 4.0), Compared((other, old)))
    assert title(state, whole=True).startswith("loss, in bits per byte")
    shown = losses(state)
    assert shown.validation.last == (250, pytest.approx(4 / log(2) / 2.5))
    assert shown.compared[0][1] == (250, pytest.approx(1.9 / log(2)))
    assert shown.compared[1] == ()
    line = compared_runs(state, 200).plain
    assert "owl 2.741 bits/byte" in line
    assert "elk (not drawn: no bits per byte recorded)" in line
    # What else is said of losses under such a chart has its unit, too.
    below = numbers(state, 200, compared=False).plain
    assert f"training {6 / log(2) / 2.5:.3f}" in below
    assert f"held-out {4 / log(2) / 2.5:.4f}  4.0000 nats/token" in below
    at_cursor = readout(state, 250, 200)[0].plain
    assert f"held-out {4 / log(2) / 2.5:.4f}  4.0000 nats/token" in at_cursor
    assert "seen 512,000 tokens (1.08 times)" in at_cursor
    assert "  seen 1.08 times" in readout(state, 250, 60)[1].plain, "where there is little room"
    events = (ladder(), evaluated(250, 2.2))
    assert "between letter pairs (2.48) and triples (2.05)" in verdict(state_with(*events)).plain
    said = verdict(state_with(*events, Compared((other,)))).plain
    pairs, triples = (2.4845 / log(2) / 2.5, 2.0457 / log(2) / 2.5)
    assert f"between letter pairs ({pairs:.2f}) and triples ({triples:.2f})" in said


def test_runs_of_one_tokenizer_stay_in_nats() -> None:
    same = RunCurve("owl", ((0, 6.9), (250, 4.1)), tokens=replace(BPE, frequent=(), beginning=()))
    state = state_with(step_done(1, 6.0), evaluated(250, 4.0), Compared((same,)))
    assert title(state, whole=True).startswith("loss, in nats per token")
    assert losses(state).compared[0][1] == (250, 4.1)


def test_the_text_is_shown_in_coloured_tokens() -> None:
    pane = TextPane()
    lines = [line.plain for line in pane.draw(state_with(), 50, 20)]
    assert "1,024 tokens, 2.25 characters each" in lines
    assert "First Citizen:␊".replace(" ", "␠") in lines
    assert "Bef\\xC3\\xA9" in lines
    bars = [line for line in lines if "%" in line]
    assert bars[0].startswith("␠the ")
    assert "3.0%" in bars[0]
    styles = pane.draw(state_with(), 50, 20)[lines.index("Bef\\xC3\\xA9")].spans
    assert len({str(span.style) for span in styles}) == 3, "neighbours differ"


def test_the_command_line_says_what_the_tokens_are_and_the_loss_in_bits_per_byte() -> None:
    out = StringIO()
    with ProgressReporter(Console(file=out, width=200)) as reporter:
        for event in (*with_tokens(), replace(evaluated(250, 4.0), characters=4_096)):
            reporter.show(event)
    assert "1,024 tokens (bpe), 2.25 characters each" in out.getvalue()
    assert f"{4 / log(2) / 2.5:.3f} bits/byte" in out.getvalue()
    assert "on 4,096 tokens" in out.getvalue()
