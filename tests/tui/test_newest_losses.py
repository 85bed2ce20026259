"""The chart shows learning all the way: the later steps are as visible as the first ones."""

import random
import re
from pathlib import Path

import pytest
from looking import Opener
from recording import step_done, trained, untrained

from engine.protocol import Event, PhaseChanged, from_json
from tui.drawing.curve import Curve
from tui.drawing.scale import ValueScale
from tui.drawing.series import CLIPPED
from tui.drawing.value_range import FEWEST_STEPS, Losses, value_range
from tui.state import RunState, fold

RUN = Path(__file__).with_name("a_real_run.jsonl")
SIZES = ((120, 40), (80, 24))
CUT = "▲ it began higher, a shows all"


@pytest.fixture(scope="module")
def real_run() -> list[Event]:
    return [from_json(line) for line in RUN.read_text(encoding="utf-8").splitlines()]


def losses_of(state: RunState) -> Losses:
    assert state.corpus is not None
    return Losses(
        state.train,
        state.validation,
        uniform=state.corpus.uniform_loss,
        unigram=state.corpus.unigram_loss,
    )


def chart_of(rows: list[str]) -> list[str]:
    """The rows of the chart that hold the curve."""
    first = next(i for i, row in enumerate(rows) if "loss, in nats" in row)
    last = next(i for i, row in enumerate(rows) if row.rstrip(" │").endswith("steps"))
    return rows[first + 1 : last]


@pytest.mark.parametrize("size", SIZES)
async def test_the_later_fall_takes_a_third_of_the_rows(
    desk: Opener, real_run: list[Event], size: tuple[int, int]
) -> None:
    """From 1.836 at step 500 to 1.566 at step 2,000, as its held-out losses fell."""
    async with desk(*real_run, size=size) as it:
        rows = chart_of(it.rows)
        labels = {
            i: float(match[1])
            for i, row in enumerate(rows)
            if (match := re.search(r"│ +(\d\.\d+) ", row))
        }
        (first, top), (last, bottom) = min(labels.items()), max(labels.items())
        of_a_row = (top - bottom) / (last - first)
        assert (1.836 - 1.566) / of_a_row >= len(rows) / 3
        await it.sees(CUT)
        assert CLIPPED in rows[0], "where the curve comes in"


async def test_a_key_shows_the_whole_fall_and_takes_it_back(
    desk: Opener, real_run: list[Event]
) -> None:
    async with desk(*real_run) as it:
        assert "a uniform guess" not in "".join(it.rows)
        await it.press("a")
        await it.sees("a uniform guess 4.14", "a: the later steps larger")
        await it.press("a")
        await it.until(lambda: "a uniform guess" not in "".join(it.rows))
        await it.sees(CUT)


async def test_where_the_newest_losses_cannot_be_larger_the_key_says_why(desk: Opener) -> None:
    async with desk(*untrained()) as it:
        await it.press("a")
        (notification,) = it.app._notifications
        assert "every loss; from step 256 on" in notification.message
        await it.play(*trained(1_000))
        await it.sees(CUT)


async def test_where_the_newest_losses_fall_as_far_as_all_the_key_says_so(desk: Opener) -> None:
    steps = [step_done(step, 4 - step / 500) for step in range(1, 1_000)]
    async with desk(*untrained(), PhaseChanged("training", 0), *steps) as it:
        await it.press("a")
        (notification,) = it.app._notifications
        assert "every loss: the newest alone would hardly be larger" in notification.message


async def test_a_logarithmic_axis_shows_the_whole_fall(desk: Opener, real_run: list[Event]) -> None:
    async with desk(*real_run) as it:
        await it.press("l")
        await it.sees("a uniform guess 4.14")
        await it.press("l")
        await it.sees(CUT)


async def test_a_short_run_shows_everything(desk: Opener) -> None:
    async with desk(*untrained(), *trained(FEWEST_STEPS - 1)) as it:
        await it.sees("a uniform guess 4.14")
        assert "a shows" not in it.row("loss, in nats")


@pytest.mark.parametrize("rows", [4, 9, 22, 60])
def test_the_axis_changes_seldom(real_run: list[Event], rows: int) -> None:
    state, scales = RunState(), []
    for event in real_run:
        state = fold(state, event)
        low, high, _ = value_range(losses_of(state), whole=False) if state.corpus else (0, 1, False)
        scale = ValueScale.covering(low, high, rows)
        if not scales or scale != scales[-1]:
            scales.append(scale)
    assert len(scales) <= 25, "over two thousand steps"


def test_the_newest_losses_stay_inside_while_it_learns() -> None:
    dice = random.Random(1)
    curve = Curve()
    for step in range(6_000):
        loss = 1.2 + 3 / (1 + step / 20) ** 0.5 + dice.gauss(0, 0.04)
        curve = curve.append(step, loss)
        if step > FEWEST_STEPS and step % 50 == 0:
            low, high, newest = value_range(Losses(curve, uniform=4.17), whole=False)
            recent = [bucket.mean for bucket in curve.buckets if bucket.first > step - 40]
            assert newest
            assert low < sum(recent) / len(recent) < high


def test_a_loss_that_rises_late_is_shown_whole() -> None:
    curve = Curve.of((step, 1.5 if step < 1_000 else 9.0) for step in range(2_000))
    assert value_range(Losses(curve, uniform=4.17), whole=False).high == 9.0


def test_a_held_out_loss_that_rises_is_inside() -> None:
    train = Curve.of((step, 0.8 + 3 / (1 + step / 20) ** 0.5) for step in range(4_000))
    validation = Curve.of((step, 1.6 + step / 5_000) for step in range(0, 4_000, 250))
    low, high, newest = value_range(Losses(train, validation, uniform=4.17), whole=False)
    assert newest
    assert high >= 1.6 + 3_750 / 5_000
    assert low <= 1.2
