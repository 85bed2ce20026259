"""An excerpt is a line or two, whatever the text's empty lines."""

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
