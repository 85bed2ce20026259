"""A race that is killed goes on bit for bit, whatever it was doing."""

import os
import signal
from functools import partial
from pathlib import Path

import pytest
from driving import Driver, losses, tiny
from forking import child, exit_code, needs_fork
from raced import DIFFERENT, is_final, of_side, raced, recorded, runs_of, verdict_of
from stored import digest

from engine.protocol import Close, Event, OpenRace, OpenSavedRace, SideEvent, StepDone, Train
from engine.storage.race_file import race_names

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300), needs_fork]


class Killer:
    """Kills this process with SIGKILL after some steps, or after some fsyncs after that."""

    def __init__(self, steps: int, syncs: int) -> None:
        self._steps = steps
        self._syncs = syncs
        self._fsync = os.fsync

    def on_event(self, event: Event) -> bool:
        """Count the steps."""
        self._steps -= isinstance(event, SideEvent) and isinstance(event.event, StepDone)
        self._look()
        return False

    def fsync(self, descriptor: int) -> None:
        """Replaces `os.fsync`."""
        self._syncs -= self._steps <= 0
        self._look()
        self._fsync(descriptor)

    def _look(self) -> None:
        if self._steps <= 0 and self._syncs <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def race_on(opening: OpenRace | OpenSavedRace, steps: int, syncs: int) -> None:
    """Train in this process, which ends so."""
    killer = Killer(steps, syncs)
    os.fsync = killer.fsync
    Driver().when(killer.on_event).when(is_final, Close()).run(opening, Train())


TOKENS = ("model.tokenizer=bpe", "model.vocabulary=300")


@pytest.mark.parametrize(
    ("syncs", "changes"), [(0, DIFFERENT), (1, TOKENS), (4, DIFFERENT), (9, TOKENS)]
)
def test_a_race_that_is_killed_again_and_again_equals_one_that_was_not(
    verse_file: Path, syncs: int, changes: tuple[str, ...]
) -> None:
    """At steps, and within what is saved after these; of two seeds, the second one too."""
    configs = tiny(verse_file), tiny(verse_file, *changes)
    expected = raced(*configs, seeds=2)
    (before,) = race_names()
    opening: OpenRace | OpenSavedRace = OpenRace(configs, seeds=2)
    kills = 0
    for steps in (2, 21, 25, 22, 24, 21, 23, 40, 30, 25):
        with child(partial(race_on, opening, steps, syncs)) as (pid, start):
            start()
            killed = exit_code(pid) == -signal.SIGKILL
        kills += killed
        others = [name for name in race_names() if name != before]
        opening = OpenSavedRace(others[0]) if others else opening
        if not killed:
            break
    assert kills >= 4
    again = Driver().when(is_final, Close()).run(opening, Train())
    assert verdict_of(again) == verdict_of(expected)
    for side, (name, other) in enumerate(zip(runs_of(again), runs_of(expected), strict=True)):
        assert digest(name) == digest(other)
        assert recorded(name) == recorded(other)
        assert losses(of_side(again, side))[-1] == losses(of_side(expected, side))[-1]
