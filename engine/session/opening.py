"""Opens the run that a command asks for."""

from typing import TypedDict

from engine.protocol import Fork, Open, Opening, OpenRun, OpenSavedRace
from engine.session.forking import open_fork
from engine.session.loader import open_fresh, open_saved
from engine.session.opened_run import Clock, Emit, OpenedRun
from engine.session.race_opening import open_race
from engine.session.text_loading import Interrupted


class How(TypedDict):
    """What every run is opened with."""

    saving: bool
    """Whether it is ever written."""
    interrupted: Interrupted


def opened(
    command: Opening | OpenRun | OpenSavedRace,
    emit: Emit,
    clock: Clock,
    how: How,
    *,
    follows: bool,
) -> OpenedRun | None:
    """The run; None if the user has to confirm it first. ValueError, with a user-facing message;
    OSError; StoppedError; DownloadNeededError."""
    match command:
        case Open(config):
            return open_fresh(config, emit, clock, **how)
        case OpenRun():
            return open_saved(command, emit, clock, follows=follows, **how)
        case Fork():
            return open_fork(command, emit, clock, **how)
        case _:
            return open_race(command, emit, clock, **how)
