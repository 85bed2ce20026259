"""`tinygpt-tui sample`: continue a prompt with a saved run."""

import os
import sys
from collections.abc import Sequence

from data.safe_text import safe_text
from engine.config import override
from engine.protocol import (
    Event,
    Opened,
    OpenRun,
    Sample,
    SampleDone,
    SampleStarted,
    TextSampled,
)
from tui.cli.client import Client, print_note
from tui.cli.console import print_error
from tui.cli.streams import can_print

BOLD, RESET = "\x1b[1m", "\x1b[0m"
REPLACED = (
    "Standard output cannot show some of these characters (shown as ?): "
    "PYTHONIOENCODING=utf-8 writes them."
)


def sample(
    run: str,
    prompt: str,
    assignments: Sequence[str] = (),
    step: int = -1,
    *,
    show_prompt: bool = True,
) -> int:
    """Stream the prompt and its continuation to standard output; the exit code. `assignments`
    change the run's own settings of `sample`. `step`: that of the kept weights that write it; -1:
    the newest weights.

    On a terminal the prompt is bold, and control characters are shown as pictures; a file gets
    both texts unchanged.
    """
    # A sample depends on the weights alone, so a changed corpus needs no confirmation.
    client = Client(OpenRun(run, changed_text=True))
    terminal = sys.stdout.isatty()
    replaced = False

    def write(text: str, *, bold: bool = False) -> None:
        nonlocal replaced
        replaced = replaced or not can_print(text)
        if terminal:
            text = safe_text(text, lines=True)
        sys.stdout.write(f"{BOLD}{text}{RESET}" if bold and text else text)
        sys.stdout.flush()

    def answered(event: Event) -> bool:
        match event:
            case Opened():
                print_note(event)
                config = override(event.config, assignments).sample
                client.send(Sample(1, prompt, config, step))
            case SampleStarted(_, _, known, unknown):
                if unknown:
                    print_error(f"Left out, since the text has no such characters: {unknown}")
                if show_prompt:
                    write(known, bold=terminal and os.environ.get("TERM") != "dumb")
            case TextSampled(_, text):
                write(text)
            case SampleDone():
                write("\n")
                if replaced:
                    print_error(REPLACED)
            case _:
                pass
        return isinstance(event, SampleDone)

    return client.run_until(answered)
