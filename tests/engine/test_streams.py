"""An excerpt has one line or two, not counting empty ones."""

import pytest

from engine.generation.streams import first_lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ""),
        ("one", "one"),
        ("\none\ntwo\nthree", "\none\ntwo"),
        ("one\n\nTWO:\nthree", "one\n\nTWO:"),
        ("\n\none\n\n", "\n\none"),
    ],
)
def test_first_lines(text: str, lines: str) -> None:
    assert first_lines(text) == lines
