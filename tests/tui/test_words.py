"""Numbers as the screen shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.drawing.words import bar, character, count, counted, duration, rate, short, size


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0"), (999, "999"), (1_115_394, "1,115,394"), (1_234.6, "1,235")]
)
def test_count(number: float, words: str) -> None:
    assert count(number) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (12, "12"),
        (999, "999"),
        (106_000, "106K"),
        (499_999, "500K"),
        (802_560, "0.80M"),
        (9_940_000, "9.94M"),
        (9_960_000, "10.0M"),
        (10_700_000, "10.7M"),
    ],
)
def test_short(number: float, words: str) -> None:
    assert short(number) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(0.03, "0.0300"), (0.00732, "0.00732"), (0.00075, "0.00075"), (1e-5, "0.00001"), (1, "1.00")],
)
def test_rate(number: float, words: str) -> None:
    assert rate(number) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (42.4, "42s"),
        (59.6, "1m 00s"),
        (182, "3m 02s"),
        (3_599.7, "1h 00m"),
        (3_900, "1h 05m"),
        (360_000_000, "100,000h 00m"),
    ],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 KB"),
        (812_000, "812 KB"),
        (3_200_000, "3.2 MB"),
        (42_000_000, "42 MB"),
        (1.4e9, "1.4 GB"),
        (64e9, "64 GB"),
    ],
)
def test_size(number: float, words: str) -> None:
    assert size(number) == words


@given(st.floats(allow_nan=False), st.integers(0, 100))
def test_a_bar_keeps_its_place(fraction: float, width: int) -> None:
    assert len(bar(fraction, width)) <= width


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_fraction_is_never_a_shorter_bar(one: float, other: float) -> None:
    def eighths(fraction: float) -> int:
        text = bar(fraction, 20)
        return sum(8 if block == "█" else "▏▎▍▌▋▊▉".index(block) + 1 for block in text)

    less, more = sorted((one, other))
    assert eighths(less) <= eighths(more)


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 threads"), (1, "1 thread"), (10_448, "10,448 threads")]
)
def test_counted(number: int, expected: str) -> None:
    assert counted(number, "thread") == expected


def test_a_full_bar_is_full_and_an_empty_one_is_empty() -> None:
    assert bar(1, 5) == "█████"
    assert bar(0, 5) == ""
    assert bar(0.5, 1) == "▌"


def test_blanks_have_pictures() -> None:
    assert [character(text) for text in (" ", "\n", "\t", "e")] == ["␠", "␊", "␉", "e"]
