"""The options of `train` that teach a run another text."""

from typing import Any

from engine.protocol import Teach
from tui.cli.help import option
from tui.teaching_text import SHARE, text_to_teach

TEACHING = "Teaching"

_OPTIONS = [
    option(
        TEACHING,
        "--teach",
        metavar="FILE_OR_TEXT",
        help="Mix another text into the training from now on: a file, a text of the catalog by its "
        "name (tales), or the text itself, where \\n is a line break. Its surprise is printed with "
        "each evaluation.",
    ),
    option(
        TEACHING,
        "--share",
        type=float,
        metavar="F",
        help="How often it is mixed in: the fraction, from 0 to 1, of the windows of text that the "
        "steps read. Without --teach: of what is taught already; 0 stops.",
        otherwise=str(SHARE),
    ),
    option(
        TEACHING,
        "--map-unknown",
        is_flag=True,
        help="Write its characters that the model does not know as those that they resemble (é as "
        "e, a curly quote as a straight one), and leave out the others.",
    ),
]


def teaching_options(command: Any) -> Any:
    """Give a command the options that teach."""
    for add in reversed(_OPTIONS):
        command = add(command)
    return command


def asked(teach: str | None, share: float | None, *, map_unknown: bool) -> Teach | None:
    """The command that these options ask for; None: nothing is taught. ValueError, with a
    user-facing message."""
    if teach is None and map_unknown:
        raise ValueError("--map-unknown is about a text to teach: it goes with --teach.")
    if share is not None and not 0 <= share <= 1:
        raise ValueError(f"--share is from 0 to 1, not {share:g}.")
    if teach is None:
        return None if share is None else Teach("", share)
    text, source = text_to_teach(teach)
    return Teach(text, SHARE if share is None else share, map_unknown, source)
