"""Line breaks in a prompt of one line: typed as \\n, in the app and on the command line."""


def with_line_breaks(typed: str) -> str:
    """The prompt that was typed: each \\n becomes a line break."""
    return typed.replace("\\n", "\n")


def on_one_line(text: str) -> str:
    """A text as it would be typed: each line break becomes \\n."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
