"""The beginning of a text has so many lines, not counting empty ones."""

import pytest

from data.beginning import LINE, beginning


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ""),
        ("one", "one"),
        ("\none\ntwo\nthree", "\none\ntwo"),
        ("one\n\nTWO:\nthree", "one\n\nTWO:"),
        ("\n\none\n\n", "\n\none"),
        ("x" * 3 * LINE, "x" * 2 * LINE),
    ],
)
def test_two_lines(text: str, lines: str) -> None:
    assert beginning(text, 2) == lines


def test_more_lines() -> None:
    text = "\n".join("abcdefgh")
    assert [beginning(text, lines) for lines in (1, 2, 6, 9)] == [
        text[:1],
        text[:3],
        text[:11],
        text,
    ]
