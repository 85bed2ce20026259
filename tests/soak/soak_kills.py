"""A run that is killed a thousand times (`KILLS=N`: another number) is the run that was not."""

import os
from pathlib import Path
from time import monotonic

from forking import needs_fork
from killing import kill_repeatedly

STEPS_A_KILL = 100


@needs_fork
def test_killed_a_thousand_times_it_is_the_same_run(verse_file: Path) -> None:
    kills = int(os.environ.get("KILLS") or 1_000)
    began = monotonic()
    advances = kill_repeatedly(verse_file, kills, STEPS_A_KILL * kills)
    seconds = monotonic() - began
    print(f"\n{kills} kills, {advances} of them after a new checkpoint: {seconds:.0f} s")
    assert advances > kills / 10, "nearly all came too soon to hit a run in training"
