"""A run that is killed a thousand times (`KILLS=N`) ends as the same run without a kill."""

import os
from pathlib import Path
from time import monotonic

from forking import needs_fork
from killing import kill_repeatedly

STEPS_A_KILL = 100


@needs_fork
def test_a_run_killed_a_thousand_times_is_the_same_run(verse_file: Path) -> None:
    kills = int(os.environ.get("KILLS") or 1_000)
    began = monotonic()
    advances = kill_repeatedly(verse_file, kills, STEPS_A_KILL * kills)
    seconds = monotonic() - began
    print(f"\n{kills} kills, {advances} of them after a new checkpoint: {seconds:.0f} s")
    assert advances > kills / 10, "nearly all kills came before training began"
