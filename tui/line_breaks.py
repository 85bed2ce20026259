"""Line breaks in a prompt of one line: typed as \\n, in the app and on the command line.

A backslash and an n themselves are typed as \\\\n. Other backslashes stand for themselves.
"""

import re

_TYPED = re.compile(r"(\\+)n")
_MEANT = re.compile(r"(\\*)\n|(\\+)n")


def with_line_breaks(typed: str) -> str:
    """The text that was typed: each \\n becomes a line break, each \\\\n a backslash and an n.

    As in a string of Python, of several backslashes before an n each pair stands for one.
    """

    def meant(found: re.Match[str]) -> str:
        pairs, single = divmod(len(found[1]), 2)
        return "\\" * pairs + ("\n" if single else "n")

    return _TYPED.sub(meant, typed)


def on_one_line(text: str) -> str:
    """A text as it would be typed, so that `with_line_breaks` gives it back, with line ends of any
    kind as line breaks."""

    def typed(found: re.Match[str]) -> str:
        if found[2]:
            return 2 * found[2] + "n"
        return 2 * found[1] + "\\n"

    return _MEANT.sub(typed, text.replace("\r\n", "\n").replace("\r", "\n"))
