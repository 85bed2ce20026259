"""The beginning of a text, as a sample of it."""

import re

LINE = 60
"""Characters that a line has at most on average; a text without line breaks is cut by them."""


def beginning(text: str, lines: int) -> str:
    """The first lines of a text, not counting empty ones, and at most `lines * LINE` characters."""
    found = re.match(rf"\n*[^\n]*(?:\n+[^\n]+){{0,{lines - 1}}}", text[: lines * LINE])
    assert found is not None, "the pattern matches the empty string"
    return found.group()
