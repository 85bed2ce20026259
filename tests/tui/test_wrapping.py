"""Lines of a growing text."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.drawing.wrapping import Wrapping

TEXTS = st.text(st.sampled_from("ab  \n.é中👍e\u0301"), max_size=80)


def wrapped(text: str, width: int) -> list[str]:
    wrapping = Wrapping(width)
    wrapping.append(text)
    return wrapping.lines


@settings(deadline=None)
@given(TEXTS, st.integers(2, 20), st.lists(st.integers(0, 80), max_size=6))
def test_in_pieces_as_at_once(text: str, width: int, cuts: list[int]) -> None:
    wrapping = Wrapping(width)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    for start, end in pairwise(places):
        wrapping.append(text[start:end])

    assert wrapping.lines == wrapped(text, width)


@settings(deadline=None)
@given(TEXTS, st.integers(2, 20))
def test_no_line_is_wider_than_the_width(text: str, width: int) -> None:
    assert all(cell_len(line) <= width for line in wrapped(text, width))


@settings(deadline=None)
@given(st.text(st.sampled_from("abc \n"), max_size=80), st.integers(1, 20))
def test_no_word_is_lost(text: str, width: int) -> None:
    letters = "".join("".join(wrapped(text, width)).split())

    assert letters == "".join(text.split())


def test_lines_break_between_words() -> None:
    assert wrapped("to be or not to be", 8) == ["to be or", "not to", "be"]


def test_a_word_longer_than_a_line_is_cut() -> None:
    assert wrapped("abcdefgh", 3) == ["abc", "def", "gh"]


def test_empty_lines_stay() -> None:
    assert wrapped("a\n\nb\n", 5) == ["a", "", "b", ""]


def test_of_nothing_there_is_one_empty_line() -> None:
    assert Wrapping(5).lines == [""]


def test_no_width_is_taken_as_one() -> None:
    assert wrapped("ab", -3) == ["a", "b"]
