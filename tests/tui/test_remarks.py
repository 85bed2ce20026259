"""What the screen says about the losses, in words."""

import msgspec
import pytest
from looking import Opener
from recording import corpus_loaded, evaluated, opened, opening, state_after, step_done, trained

from engine.protocol import Event, LearningRateChanged, PhaseChanged
from tui.panes.loss import LossPane
from tui.remarks import remark

SIZES = ((120, 40), (80, 24))
STANDING = (
    (4.1432, "it knows nothing yet: a guess among 63 characters is as good"),
    (3.8, "better than a uniform guess, not yet than letter frequencies (3.31)"),
    (2.9, "it knows which letters are frequent, not yet which pairs (2.45)"),
    (2.2, "better than knowing every pair of letters (2.45): it begins to spell"),
    (1.55, "far better than knowing every pair of letters (2.45): it spells words"),
)
HEART = "it begins to learn by heart: no lower held-out loss since step "
TOO_HIGH = "worse than a uniform guess: the learning rate is too high, < lowers it"


def steps(first: int, last: int, loss: float) -> list[Event]:
    return [step_done(step, loss) for step in range(first, last + 1)]


def by_heart(step: int, training: float = 1.0) -> list[Event]:
    """Held-out loss is lowest at a step, and three evaluations later it is higher."""
    gap = step // 4
    events: list[Event] = [*opening(), PhaseChanged("training", 0)]
    for number, loss in enumerate((2.0, 1.7, 1.6, 1.55, 1.58, 1.63, 1.7), 1):
        at = gap * number
        events += [step_done(at - 1, 2.0 if number <= 4 else training), evaluated(at, loss)]
    return events


@pytest.mark.parametrize("size", SIZES)
async def test_a_line_says_how_good_the_loss_is(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(*opening(), size=size) as it:
        for number, (loss, text) in enumerate(STANDING):
            await it.play(evaluated(number, loss))
            await it.sees(text)


def test_a_text_without_pattern_is_not_said_to_have_one() -> None:
    """Every character equally likely, whatever came before."""
    noise = msgspec.structs.replace(corpus_loaded(), unigram_loss=4.1431, bigram_loss=4.1431)
    said = remark(state_after(noise, opened(), evaluated(0, 4.1435)))
    assert said is not None
    assert said.text == STANDING[0][1]
    certain = msgspec.structs.replace(noise, uniform_loss=0.0, unigram_loss=0.0, bigram_loss=0.0)
    assert remark(state_after(certain, opened(), evaluated(0, 0.0))) is None


@pytest.mark.parametrize("size", SIZES)
async def test_learning_by_heart_is_named(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(*by_heart(3_000), size=size) as it:
        await it.sees(HEART + "3,000")


def test_it_is_not_named_while_either_loss_says_otherwise() -> None:
    events = by_heart(3_000)
    assert HEART in str(remark(state_after(*events)))
    assert HEART not in str(remark(state_after(*events[:-2]))), "two evaluations are too few"
    assert HEART not in str(remark(state_after(*events, evaluated(9_999, 1.5)))), "it falls again"
    assert HEART not in str(remark(state_after(*by_heart(3_000, training=2.0)))), "nothing learned"


def test_a_run_that_still_learns_is_not_said_to_learn_by_heart() -> None:
    assert HEART not in str(remark(state_after(*opening(), *trained(2_000))))


@pytest.mark.parametrize("size", SIZES)
async def test_a_loss_far_above_a_guess_is_a_learning_rate_too_high(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*opening(), PhaseChanged("training", 0), size=size) as it:
        await it.play(evaluated(0, 4.1432), *steps(1, 60, 9.0))
        await it.sees(TOO_HIGH)
        await it.play(LearningRateChanged(60, 0.001), *steps(61, 70, 3.0))
        await it.sees(STANDING[2][1])


async def test_before_the_first_evaluation_in_training_the_training_loss_counts(
    desk: Opener,
) -> None:
    async with desk(*opening(), PhaseChanged("training", 0)) as it:
        await it.play(evaluated(0, 4.1432), *steps(1, 9, 2.2))
        await it.sees(STANDING[0][1])
        await it.play(step_done(10, 2.2))
        await it.sees(STANDING[3][1])
        await it.play(*steps(11, 249, 1.6), step_done(250, 1.6), evaluated(250, 2.9))
        await it.sees(STANDING[2][1])


def test_neither_a_spike_nor_the_warm_up_means_too_high_a_learning_rate() -> None:
    first = [*opening(), PhaseChanged("training", 0), evaluated(0, 4.1432)]
    assert TOO_HIGH not in str(remark(state_after(*first, *steps(1, 15, 9.0))))
    spike = [*first, *steps(1, 100, 2.0), *steps(101, 104, 9.0), *steps(105, 106, 2.0)]
    assert TOO_HIGH not in str(remark(state_after(*spike)))


def test_every_remark_fits_the_smallest_window() -> None:
    room = 80 - 2 * 3
    for text in (*(text for _, text in STANDING), HEART + "1,000,000", TOO_HIGH):
        assert len(text) <= room
    assert len(LossPane.BORDER_TITLE) <= room
