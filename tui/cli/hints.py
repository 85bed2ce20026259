"""What a user may have meant by a word that is neither a command nor a text."""

from collections.abc import Iterable
from difflib import get_close_matches

import engine
from data.catalog import check_named

PROGRAM = "tinygpt-tui"


def check_command(word: str, commands: Iterable[str]) -> None:
    """ValueError, with a user-facing message, for a word that is not a text and resembles a command."""
    near = get_close_matches(word, list(commands), n=1, cutoff=0.7)
    if near and _problem(word) and word not in engine.run_names():
        raise ValueError(
            f"There is no command and no text {word!r}: did you mean {PROGRAM} {near[0]}?"
        )


def check_text(text: str, command: str) -> None:
    """ValueError, with a user-facing message, for a text that is neither in the catalog nor a path.
    `command`: the words that the user has typed before it."""
    problem = _problem(text)
    if not problem:
        return
    wanted = text.removesuffix("@best")
    import shlex  # for a mistake only

    for name in get_close_matches(wanted, engine.run_names(), n=1, cutoff=0.75):
        argument = shlex.quote(name + text.removeprefix(wanted))
        raise ValueError(f"There is no text {text!r}: did you mean {command} --run {argument}?")
    raise ValueError(problem)


def _problem(text: str) -> str:
    """Why there is no such text; empty if there may be."""
    try:
        check_named(text)
    except ValueError as error:
        return str(error)
    return ""
