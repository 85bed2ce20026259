"""The rungs on the screen: in the chart, in the sentence under it, and among the samples."""

from io import StringIO
from itertools import pairwise, product

import msgspec
import pytest
from looking import Desk, Opener
from recording import (
    STEPS,
    evaluated,
    ladder,
    opening,
    state_after,
    trained,
    untrained,
)
from rich.console import Console
from test_snapshots import Compare, picture, show
from textual.content import Content
from textual.pilot import Pilot

from engine.protocol import Event, LadderMeasured
from tui.cli.progress import ProgressReporter
from tui.drawing.axis import XAxis
from tui.drawing.chart import draw_chart
from tui.drawing.series import ChartStyles
from tui.drawing.value_range import Losses
from tui.panes.loss import losses
from tui.remarks import remark
from tui.screens.terms import terms

SIZES = ((120, 40), (80, 24))
DONE: tuple[Event, ...] = (*untrained(), ladder(), *trained(STEPS))
STANDING = (
    (4.1432, "it knows nothing yet: a guess among 63 characters is as good"),
    (3.8, "better than a uniform guess, not yet than letter frequencies (3.35)"),
    (2.9, "between letter frequencies (3.35) and pairs (2.48)"),
    (2.2, "between letter pairs (2.48) and triples (2.05): it begins to spell"),
    (1.9, "between letter triples (2.05) and groups of four (1.73): it spells words"),
    (1.65, "between groups of four (1.73) and five (1.58): it spells words"),
    (1.57, "between groups of five (1.58) and six (1.56): it spells words"),
    (1.4, "past the last rung, groups of six (1.56): it spells words"),
)


def partly(number: int) -> LadderMeasured:
    """When only so many rungs have been measured."""
    return LadderMeasured(ladder().rungs[:number], complete=False)


def draw(known: Losses, width: int, height: int, *, whole: bool = False) -> list[Content]:
    return draw_chart(
        known,
        width=width,
        height=height,
        spikes=(),
        x=XAxis(STEPS),
        whole=whole,
        styles=ChartStyles(),
    )


def chart(*events: Event, height: int = 24, whole: bool = False) -> str:
    drawn = draw(losses(state_after(*events)), 80, height, whole=whole)
    return "\n".join(line.plain for line in drawn)


@pytest.mark.parametrize("size", SIZES)
async def test_the_sentence_names_the_rungs_that_the_loss_is_between(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*opening(), ladder(), size=size) as it:
        for number, (loss, text) in enumerate(STANDING):
            assert len(text) <= 80 - 2 * 3
            await it.play(evaluated(number, loss))
            await it.sees(text)


def test_before_the_next_rung_is_measured_the_sentence_is_as_without_rungs() -> None:
    """But for the loss of pairs: it is that of the line in the chart."""
    events = (*opening(), evaluated(0, 4.1432), evaluated(10, 1.9))
    for known, pairs in ((1, "2.45"), (3, "2.48")):
        said = remark(state_after(*events, partly(known)))
        assert said is not None
        assert (
            said.text == f"far better than knowing every pair of letters ({pairs}): it spells words"
        )
    assert remark(state_after(*events, partly(4))) == remark(state_after(*events, ladder()))


@pytest.mark.parametrize("size", SIZES)
async def test_a_line_among_the_samples_says_which_rung_was_passed(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*untrained(), ladder(), size=size) as it:
        await it.play(*trained(250))
        await it.sees("step    250  ✓ passed letter frequencies (3.35), letter pairs (2.48)")
        await it.play(evaluated(310, 1.72))
        await it.sees("step    310  ✓ passed xz (1.74), groups of four (1.73)")


def test_the_rungs_may_come_after_the_evaluations() -> None:
    """Beside training they are measured slowly; and a reopened run tells its history at once."""
    early = state_after(*untrained(), ladder(), *trained(STEPS)).ladder
    late = state_after(*untrained(), *trained(STEPS), partly(2), partly(5), ladder()).ladder
    assert early.passings() == late.passings()
    assert [step for step, _ in early.passings()] == [250, 750, 1_750, 2_000]


def test_only_a_lower_loss_than_every_simpler_model_is_a_rung() -> None:
    """On a short text, groups of six are worse than pairs; on noise, all are worse than a guess."""
    rungs = (("letter frequencies", 3.0), ("letter pairs", 2.0), ("groups of six", 2.5))
    noise = tuple((name, 4.2) for name, _ in ladder().rungs)
    for measured, names in ((rungs, ["letter frequencies", "letter pairs"]), (noise, [])):
        state = state_after(*opening(), LadderMeasured(measured, complete=True))
        assert [rung.name for rung in state.ladder.rungs] == names
    assert state.ladder.complete
    assert remark(state_after(*opening(), evaluated(0, 4.14), LadderMeasured(noise, complete=True)))


@pytest.mark.parametrize("events", [DONE, (*untrained(), ladder(), *trained(400))])
@pytest.mark.parametrize("whole", [True, False])
def test_rungs_have_lines_that_are_apart_and_have_names(
    events: tuple[Event, ...], whole: bool
) -> None:
    known = losses(state_after(*events))
    values = [4.1431, *(rung.loss for rung in known.rungs)]
    for width, height in product((30, 60, 120), range(4, 40, 3)):
        drawn = [line.plain for line in draw(known, width, height, whole=whole)]
        rows = [number for number, line in enumerate(drawn) if "┈┈┈┈┈┈" in line]
        assert all(b - a >= 2 for a, b in pairwise(rows))
        named = [value for value in values if any(f"{value:.2f}" in line for line in drawn)]
        assert len(rows) <= len(named)


def test_a_rung_that_was_passed_has_a_sign() -> None:
    drawn = chart(*untrained(), ladder(), *trained(1_240))
    assert "groups of four 1.73 ✓" in drawn
    assert "groups of five 1.58 ✓" not in drawn
    assert "groups of five 1.58" in drawn


def test_the_next_rung_has_the_first_claim_on_a_line() -> None:
    """Of two that are too close for two lines."""
    for step, named, hidden in ((600, "groups of four", "xz"), (1_240, "groups of five", "six")):
        whole = chart(*untrained(), ladder(), *trained(step), whole=True)
        assert named in whole
        assert hidden not in whole


def test_a_run_without_a_screen_prints_what_was_passed_once() -> None:
    output = StringIO()
    with ProgressReporter(Console(file=output, width=200)) as reporter:
        for event in (*untrained(), partly(1), *trained(250), partly(2), ladder()):
            reporter.show(event)
        reporter.show(evaluated(310, 1.72))
    assert [line for line in output.getvalue().splitlines() if "passed" in line] == [
        "step     250  passed letter frequencies (3.35)",
        "step     250  passed letter pairs (2.48)",
        "step     250  passed letter triples (2.05)",
        "step     310  passed xz (1.74), groups of four (1.73)",
    ]


def test_the_help_explains_rungs_with_their_numbers() -> None:
    said = dict(terms(state_after(*DONE)))
    rung = said["rung ✓"]
    assert "n-gram" in rung
    assert "groups of five (1.58)" in rung
    assert "xz" in rung
    assert "3.35" in said["letter frequencies"], "as in the chart"


def test_any_rungs_can_be_drawn() -> None:
    """A damaged file or another version may hold any name and number."""
    for loss in (float("nan"), float("inf"), -1e300, 1e300, 0.0):
        odd = msgspec.structs.replace(ladder(), rungs=(("\x1b[2J[/]", loss), *ladder().rungs))
        assert len(chart(*untrained(), odd, *trained(300)).splitlines()) == 24


async def show_training(pilot: Pilot[None]) -> None:
    await seen(pilot, 1_240)


async def show_done(pilot: Pilot[None]) -> None:
    await seen(pilot, STEPS)


async def seen(pilot: Pilot[None], step: int) -> Desk:
    desk = await show(pilot, ladder(), *trained(step))
    await desk.settled()
    return desk


@pytest.mark.usefixtures("at_once")
def test_training_120x40(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_training, (120, 40))


@pytest.mark.usefixtures("at_once")
def test_training_80x24(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_training, (80, 24))


@pytest.mark.usefixtures("at_once")
def test_done_120x40(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_done, (120, 40))


@pytest.mark.usefixtures("at_once")
def test_done_80x24(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_done, (80, 24))
