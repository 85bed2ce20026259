"""One engine session for one command of the command line."""

from collections.abc import Callable
from queue import SimpleQueue

from engine import Session
from engine.protocol import (
    Close,
    Command,
    ConfirmationRequired,
    Event,
    Failed,
    Opened,
    OpenRun,
)
from tui.cli.console import print_error

EXIT_CODES = {"open": 2, "runs": 2, "inspect": 2, "export": 2, "sample": 2, "teach": 2, "train": 3}
"""The exit code by what failed; anything else is 1."""


class Client:
    """Sends commands to a session in this thread, and collects the exit code."""

    def __init__(self, *commands: Command, saving: bool = True) -> None:
        """`commands`: the first ones, in order. `saving`: whether a run that is trained is saved."""
        self._inbox: SimpleQueue[Command] = SimpleQueue()
        self._saving = saving
        self.exit_code = 0
        self.closing = False
        """Whether the session has been asked to close."""
        for command in commands:
            self.send(command)

    def send(self, command: Command) -> None:
        """Queue a command. Safe from within an event and from a signal handler."""
        self.closing = self.closing or isinstance(command, Close)
        self._inbox.put(command)

    def run(self, on_event: Callable[[Event], None]) -> int:
        """Pass every event to `on_event` until the session has closed; the exit code."""
        Session(on_event, saving=self._saving).run(self._inbox)
        return self.exit_code

    def run_until(self, answered: Callable[[Event], bool]) -> int:
        """Pass every event to `answered` until it returns True, then close without saving; the exit
        code. Whatever fails, or needs a confirmation, is printed, and closes the session."""

        def on_event(event: Event) -> None:
            match event:
                case Failed():
                    self.fail(event)
                case ConfirmationRequired():
                    self.refuse_unconfirmed(event)
                case _:
                    if answered(event):
                        self.send(Close(save=False))

        return self.run(on_event)

    def end(self, code: int) -> None:
        """Save and close, since a signal asks for that; `code` is the exit code unless something
        had failed before."""
        self.exit_code = self.exit_code or code
        self.send(Close())

    def fail(self, failed: Failed, *, save: bool = False) -> None:
        """Print why it failed, and close. `save`: whether to save the run first."""
        print_error(failed.message)
        self.exit_code = EXIT_CODES.get(failed.during, 1)
        self.send(Close(save=save))

    def refuse(self, message: str) -> None:
        """Print why nothing is done, and close."""
        print_error(message)
        self.exit_code = EXIT_CODES["open"]
        self.send(Close())

    def refuse_unconfirmed(self, required: ConfirmationRequired) -> None:
        """Print what has to be confirmed, and how, and close."""
        option = "--changed-text" if isinstance(required.command, OpenRun) else "--yes"
        self.refuse(f"{required.question} To confirm, add {option}.")


def print_note(opened: Opened) -> None:
    """Print what there is to know of a run that was opened here."""
    if opened.note and opened.phase != "following":
        print_error(opened.note)
