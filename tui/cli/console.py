"""Standard output and standard error of the commands."""

import os
import shutil
import sys
import textwrap

from rich.console import Console

from data.safe_text import safe_text


class PipeConsole(Console):
    """Standard output that raises BrokenPipeError; rich's own ends the program in that case."""

    def on_broken_pipe(self) -> None:
        """Called by rich while it handles a BrokenPipeError."""
        raise BrokenPipeError


def print_error(message: str) -> None:
    """Print a user-facing message, which may quote untrusted text, to standard error. A terminal
    has it wrapped between words."""
    message = safe_text(message)
    print(wrapped(message) if sys.stderr.isatty() else message, file=sys.stderr)  # noqa: T201


def wrapped(text: str, indent: str = "") -> str:
    """A text in lines as wide as the terminal. Words, and paths among them, stay whole."""
    return textwrap.fill(
        text,
        shutil.get_terminal_size().columns,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def discard_output() -> None:
    """Send standard output to nowhere: a flush at exit must not meet the broken pipe again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
