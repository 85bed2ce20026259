"""What a user sees in the loss chart."""

import random
import re
from itertools import pairwise
from math import exp, inf, nan

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content

from tui.drawing.axis import StepScale, XAxis
from tui.drawing.chart import draw_chart, legend
from tui.drawing.curve import Curve
from tui.drawing.scale import ValueScale
from tui.drawing.series import CLIPPED, HELD_OUT, SPIKE, ChartStyles
from tui.drawing.value_range import Losses

STYLES = ChartStyles()
NOTHING = Curve()


def lines(
    train: Curve = NOTHING,
    validation: Curve = NOTHING,
    *,
    width: int = 80,
    height: int = 18,
    uniform: float | None = 4.17,
    unigram: float | None = 3.32,
    steps: int = 2_500,
    log_x: bool = False,
    spikes: tuple[tuple[int, float], ...] = (),
    whole: bool = True,
) -> list[str]:
    drawn = draw_chart(
        Losses(train=train, validation=validation, uniform=uniform, unigram=unigram),
        width=width,
        height=height,
        spikes=spikes,
        x=XAxis(steps, log_x),
        whole=whole,
        styles=STYLES,
    )
    return [line.plain for line in drawn]


def falling(steps: int, noise: float = 0.0) -> Curve:
    """A loss like that of a real run: from 4.17 to 1.5."""
    dice = random.Random(1)
    losses = (1.5 + 2.67 * exp(-step / 150) + dice.gauss(0, noise) for step in range(steps))
    return Curve.of(enumerate(losses))


def rows_of_dots(chart: list[str]) -> list[int]:
    """The topmost dot row of each cell column that has any braille, left to right."""
    found = []
    for column in range(len(chart[0])):
        for row, line in enumerate(chart):
            if 0x2800 < (code := ord(line[column])) <= 0x28FF:
                bits = code - 0x2800
                masks = (0x09, 0x12, 0x24, 0xC0)
                found.append(row * 4 + next(i for i, mask in enumerate(masks) if bits & mask))
                break
    return found


def ticks(chart: list[str]) -> dict[int, float]:
    """The numbers of the y axis by row."""
    found = {row: re.match(r" *(-?[\d,.e+-]+) ", line) for row, line in enumerate(chart[:-1])}
    return {row: float(match[1].replace(",", "")) for row, match in found.items() if match}


values = st.one_of(
    st.floats(0, 6),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([nan, inf, 30.0]),
)
curves = st.lists(st.tuples(st.integers(0, 10**6), values), max_size=40).map(Curve.of)


@settings(deadline=None)
@given(
    width=st.integers(0, 200),
    height=st.integers(0, 60),
    train=curves,
    validation=curves,
    uniform=st.none() | values,
    unigram=st.none() | values,
    steps=st.integers(0, 10**12),
    log_x=st.booleans(),
    whole=st.booleans(),
)
def test_any_numbers_give_exactly_the_lines_and_cells_asked_for(
    width: int,
    height: int,
    train: Curve,
    validation: Curve,
    uniform: float | None,
    unigram: float | None,
    steps: int,
    log_x: bool,
    whole: bool,
) -> None:
    chart = lines(
        train,
        validation,
        width=width,
        height=height,
        uniform=uniform,
        unigram=unigram,
        steps=steps,
        log_x=log_x,
        whole=whole,
    )
    assert [cell_len(line) for line in chart] == [width] * height


@pytest.mark.parametrize("size", [(20, 4), (46, 10), (500, 200)])
def test_the_smallest_and_the_largest_chart_show_the_curve(size: tuple[int, int]) -> None:
    chart = lines(falling(2_500, 0.04), falling(2_500), width=size[0], height=size[1])
    assert rows_of_dots(chart) or HELD_OUT in "".join(chart)
    assert "2,500 steps" in chart[-1]


@pytest.mark.parametrize("size", [(19, 18), (80, 3), (0, 0), (-3, -3)])
def test_a_chart_too_small_to_read_is_blank(size: tuple[int, int]) -> None:
    assert "".join(lines(falling(10), width=size[0], height=size[1])).strip() == ""


def test_a_falling_loss_is_a_falling_line() -> None:
    dots = rows_of_dots(lines(falling(2_500), uniform=None, unigram=None))
    assert len(dots) > 70
    assert all(later >= earlier for earlier, later in pairwise(dots))
    assert dots[-1] - dots[0] > 40


def test_the_line_follows_a_steep_start_though_a_column_holds_many_steps() -> None:
    def loss(step: float) -> float:
        return 1.5 + 2.67 * exp(-step / 40)

    chart = draw_chart(
        Losses(train=Curve.of((step, loss(step)) for step in range(2_500))),
        width=80,
        height=41,
        spikes=(),
        x=XAxis(2_500),
        whole=True,
        styles=STYLES,
    )
    values = ValueScale.covering(1.5, 4.17, 40)
    steps_a_dot = 2_500 / 151
    for cell in range(4):
        drawn = [row for row, line in enumerate(chart) if style_at(line, 4 + cell) == STYLES.train]
        first, last = max(0, 2 * cell - 0.5) * steps_a_dot, (2 * cell + 1.5) * steps_a_dot
        assert abs(drawn[0] - values.at(loss(first), 1)) <= 2
        assert abs(drawn[-1] - values.at(loss(last), 1)) <= 2


def style_at(line: Content, cell: int) -> object:
    return next((span.style for span in line.spans if span.start <= cell < span.end), None)


def test_reference_lines_say_what_they_are_before_there_is_a_loss() -> None:
    chart = lines()
    assert any(line.rstrip().endswith("┈ a uniform guess 4.17") for line in chart)
    assert any(line.rstrip().endswith("┈ letter frequencies 3.32") for line in chart)


def test_names_of_reference_lines_step_aside_for_the_curve() -> None:
    stuck = Curve.of((step, 4.17) for step in range(2_500))
    chart = lines(stuck)
    line = next(line for line in chart if re.search("[⠀-⣿]{70}", line))
    assert "guess" not in line
    assert any("a uniform guess 4.17" in other for other in chart)


def test_two_references_at_one_height_have_both_their_names() -> None:
    chart = "\n".join(lines(falling(500), uniform=3.32, unigram=3.32))
    assert "a uniform guess 3.32" in chart
    assert "letter frequencies 3.32" in chart


def test_the_name_of_a_lower_reference_is_not_above_that_of_a_higher_one() -> None:
    """Both are in one row here."""
    learned = Curve.of((step, 1.0) for step in range(2_500))
    chart = lines(learned, Curve.of([(0, 4.6), (500, 4.6)]), height=5)
    (uniform,) = [row for row, line in enumerate(chart) if "a uniform guess 4.17" in line]
    (letters,) = [row for row, line in enumerate(chart) if "letter frequencies 3.32" in line]
    assert uniform < letters


def test_a_narrow_chart_uses_short_names() -> None:
    chart = "\n".join(lines(width=24, height=8))
    assert "uniform 4.17" in chart
    assert "letters 3.32" in chart


@pytest.mark.parametrize("log_x", [False, True])
def test_a_held_out_loss_stands_over_its_step(log_x: bool) -> None:
    chart = lines(
        validation=Curve.of([(1_000, 2.0)]), steps=2_500 if not log_x else 20_000, log_x=log_x
    )
    row, line = next((row, line) for row, line in enumerate(chart) if HELD_OUT in line)
    label = re.search(r"1,000", chart[-1])
    assert label is not None
    assert line.index(HELD_OUT) == label.start() + 2
    assert ticks(chart)[row] == 2.0


def test_powers_of_ten_are_evenly_apart_on_a_logarithmic_axis() -> None:
    scale = StepScale(100_000, 2_000, log=True)
    places = [scale.at(10**power) for power in range(6)]
    apart = [later - earlier for earlier, later in pairwise(places)]
    assert scale.at(0) == 0
    assert max(apart) - min(apart) <= 1
    assert places[-1] == 1_999
    foot = lines(steps=50_000, log_x=True)[-1]
    assert re.fullmatch(r" +0 +1 +10 +100 +1,000 +(10,000 +|50,000 )steps", foot)


def test_a_spike_is_marked_and_flattens_nothing() -> None:
    calm = lines(falling(2_500, 0.03))
    spiked = lines(Curve.of((s, 30.0 if s == 900 else v) for s, v in points(falling(2_500, 0.03))))
    column = spiked[0].index(CLIPPED)
    assert abs(column - (4 + 900 / 2_500 * 76)) <= 1
    assert CLIPPED not in "".join(calm)
    assert max(ticks(spiked).values()) <= 6
    assert "a uniform guess 4.17" in "".join(spiked)


def points(curve: Curve) -> list[tuple[int, float]]:
    return [(bucket.first, bucket.mean) for bucket in curve.buckets]


def test_a_run_that_went_wrong_for_good_is_shown_in_full() -> None:
    chart = lines(Curve.of((step, 1.5 if step < 1_000 else 9.0) for step in range(2_000)))
    assert max(ticks(chart).values()) >= 8
    assert CLIPPED not in "".join(chart)


def test_a_held_out_loss_that_rises_far_above_the_start_is_shown_in_full() -> None:
    chart = lines(falling(2_000), Curve.of((200 * i, 1.6 + i) for i in range(10)))
    assert CLIPPED not in "".join(chart)


def test_a_constant_loss_is_one_flat_line() -> None:
    dots = rows_of_dots(lines(Curve.of((s, 1.5) for s in range(2_500)), uniform=None, unigram=None))
    assert len(set(dots)) == 1


def test_train_and_held_out_differ_in_shape() -> None:
    one = {*"".join(lines(falling(2_500)))}
    other = {*"".join(lines(validation=falling(10)))}
    assert HELD_OUT not in one
    assert HELD_OUT in other
    assert "━ training  ◆ held-out" in legend(STYLES).plain


def test_the_newest_loss_is_at_the_right_end_of_a_finished_run() -> None:
    chart = lines(falling(2_501))
    assert any(0x2800 < ord(line[-1]) <= 0x28FF for line in chart)


def test_a_run_beyond_its_plan_moves_the_right_end() -> None:
    assert lines(falling(3_001), steps=2_500)[-1].endswith("3,000 steps")


@settings(deadline=None)
@given(
    width=st.integers(40, 300),
    height=st.integers(5, 100),
    losses=st.lists(st.floats(0, 20) | st.floats(-1e9, 1e9), min_size=1, max_size=9),
    held_out=st.floats(0, 20) | st.floats(-1e9, 1e9),
    uniform=st.none() | st.floats(0, 14),
)
def test_ticks_are_round_and_evenly_apart_and_a_mark_is_within_half_a_row_of_its_label(
    width: int, height: int, losses: list[float], held_out: float, uniform: float | None
) -> None:
    chart = lines(
        Curve.of(enumerate(losses)),
        Curve.of([(1_000, held_out)]),
        width=width,
        height=height,
        uniform=uniform,
        unigram=None,
    )
    axis = ticks(chart)
    rows, numbers = list(axis), list(axis.values())
    gaps = {later - earlier for earlier, later in pairwise(rows)}
    assert len(gaps) == 1
    (gap,) = gaps
    tick = (numbers[0] - numbers[-1]) / (len(numbers) - 1)
    assert f"{tick:.6e}"[:8] in ("1.000000", "2.000000", "2.500000", "5.000000")
    assert numbers == pytest.approx([numbers[0] - tick * n for n in range(len(numbers))])

    place = rows[0] + (numbers[0] - held_out) / tick * gap
    marked = [row for row, line in enumerate(chart) if HELD_OUT in line]
    if marked:
        assert abs(marked[0] - place) <= 0.5 + 1e-3
    else:
        assert place < -0.5 + 1e-3
        assert CLIPPED in chart[0]


@given(low=st.floats(-1e12, 1e12), span=st.floats(0, 1e12), rows=st.integers(2, 199))
def test_a_scale_shows_what_it_must(low: float, span: float, rows: int) -> None:
    scale = ValueScale.covering(low, low + span, rows)
    assert scale.at(low + span, 4) >= 0
    assert scale.at(low, 1) <= rows - 1
    assert len(scale.ticks()) >= 2


@settings(deadline=None)
@given(width=st.integers(20, 300), steps=st.integers(0, 10**8), log_x=st.booleans())
@example(width=74, steps=5_000, log_x=False)
@example(width=46, steps=1_500, log_x=True)
def test_step_labels_are_at_least_four_cells_apart(width: int, steps: int, log_x: bool) -> None:
    foot = lines(width=width, steps=steps, log_x=log_x)[-1]
    assert foot.endswith(" steps") or len(f"{steps:,} steps") > width - 6
    labels = [*re.finditer(r"[\d,]+( steps)?|steps", foot)]
    for earlier, later in pairwise(labels):
        assert later.start() - earlier.end() >= 4, foot
    numbers = [int(found) for found in re.findall(r"\d+", foot.replace(",", ""))]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("steps", [2_500, 5_000, 100_000])
def test_a_chart_of_usual_size_has_several_step_labels(steps: int) -> None:
    for width in (74, 80, 120):
        foot = lines(width=width, steps=steps)[-1]
        assert len(re.findall(r"[\d,]+", foot)) >= 4, foot


def test_a_spike_is_marked_where_it_is() -> None:
    losses = [(step, 2.0) for step in range(1, 1_001)]
    marked = lines(Curve.of(losses), steps=1_000, spikes=((500, 3.9), (900, 1e9)))
    (row,) = [row for row in marked if SPIKE in row and marked.index(row) > 0]
    assert abs(row.index(SPIKE) - 42) < 4, "half way"
    assert SPIKE in marked[0], "one beyond the chart is on its upper edge"
    assert SPIKE not in "".join(lines(Curve.of(losses), steps=1_000))
