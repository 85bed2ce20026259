"""Which run a launcher's ranks train, so that they go on with it when the launcher starts them again:
<home>/runs/<name>/launch.json."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from engine.launch import Launch
from engine.storage.atomic import replace_file
from engine.storage.paths import folder_of, runs_folder


class LaunchFile:
    """What is known of one launch, from one start of its ranks to the next; in rank 0."""

    def __init__(self, launch: Launch, command: tuple[str, ...]) -> None:
        # On one machine the launcher is the parent of all ranks; over several they agree on a name.
        alone = launch.local_world == launch.world
        launcher = (launch.run_id, launch.address, os.getppid() if alone else 0, command)
        digest = hashlib.sha256(msgspec.json.encode(launcher)).hexdigest()
        self._kept = msgspec.json.encode({"launch": digest})
        if not launch.restarts:
            for path in self._files():  # of an earlier launch that called itself the same
                path.unlink()

    def run(self) -> str:
        """The name of the run; empty where none has been trained yet."""
        return next((path.parent.name for path in self._files()), "")

    def keep(self, run: str) -> None:
        """Keep that this run is trained. OSError."""
        replace_file(folder_of(run) / "launch.json", [self._kept])

    def _files(self) -> list[Path]:
        found = []
        for path in runs_folder().glob("[!.]*/launch.json"):
            with suppress(OSError):
                if path.read_bytes() == self._kept:
                    found.append(path)
        return found
