"""The standard streams of every command: no text ends the program because of an encoding."""

import io
import os
import sys

from data.safe_text import safe_characters
from tui.drawing.words import character
from tui.encoding import ascii_only


def tolerate_any_text() -> None:
    """Have a character that the output cannot encode replaced, and input that cannot be decoded
    read with replacements. Standard error escapes what it cannot encode, as Python's own does."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    if ascii_only(os.environ):  # Python itself writes UTF-8 in a C locale
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper) and stream.isatty():
                stream.reconfigure(encoding="ascii", errors="replace")


def can_print(text: str) -> bool:
    """Whether standard output can encode all of a text."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "ignore").decode(encoding) == text


def shown(text: str) -> str:
    """A text as pictures of one cell each; escaped where standard output cannot encode these."""
    pictures = safe_characters("".join(map(character, text)))
    if can_print(pictures):
        return pictures
    return "' '" if text == " " else ascii(text).strip("'\"")


def printable_json(line: str) -> str:
    """A line of JSON as standard output can take it: with ASCII escapes where it cannot encode the
    characters, and on a terminal, which untrusted text reaches as escapes only."""
    if sys.stdout.isatty() or not can_print(line):
        import json  # not often

        return json.dumps(json.loads(line))
    return line
