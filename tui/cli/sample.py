"""`tinygpt-tui sample`: continue a prompt with a saved run."""

import sys

from data.safe_text import safe_text
from engine.config import SampleConfig
from engine.protocol import (
    Close,
    Event,
    Failed,
    Opened,
    OpenRun,
    Sample,
    SampleDone,
    SampleStarted,
    TextSampled,
)
from tui.cli.client import Client
from tui.cli.console import print_error
from tui.cli.streams import can_print

REPLACED = (
    "Standard output cannot show some of these characters (shown as ?): "
    "PYTHONIOENCODING=utf-8 writes them."
)


def sample(run: str, prompt: str, config: SampleConfig) -> int:
    """Stream the prompt and its continuation to standard output; the exit code.

    On a terminal, control characters are shown as pictures; a file gets them unchanged.
    """
    # A sample depends on the weights alone, so a changed corpus needs no confirmation.
    client = Client(OpenRun(run, changed_text=True), Sample(1, prompt, config))
    terminal = sys.stdout.isatty()
    replaced = False

    def write(text: str) -> None:
        nonlocal replaced
        replaced = replaced or not can_print(text)
        sys.stdout.write(safe_text(text, lines=True) if terminal else text)
        sys.stdout.flush()

    def on_event(event: Event) -> None:
        match event:
            case Opened() if event.note and event.phase != "following":
                print_error(event.note)
            case SampleStarted(_, _, known, unknown):
                if unknown:
                    print_error(f"Left out, since the text has no such characters: {unknown}")
                write(known)
            case TextSampled(_, text):
                write(text)
            case SampleDone():
                write("\n")
                if replaced:
                    print_error(REPLACED)
                client.send(Close(save=False))
            case Failed():
                client.fail(event)
            case _:
                pass

    return client.run(on_event)
