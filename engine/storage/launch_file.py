"""Which run a launcher's ranks train, so that they go on with it when the launcher starts them again.

<home>/launches/<digest>.json
"""

import hashlib
import os

import msgspec
from msgspec import Struct

from engine.launch import Launch
from engine.storage.atomic import make_folder, replace_file
from engine.storage.paths import home


class _Kept(Struct, forbid_unknown_fields=True):
    run: str


class LaunchFile:
    """What is known of one launch, from one start of its ranks to the next; in rank 0."""

    def __init__(self, launch: Launch, command: tuple[str, ...]) -> None:
        # On one machine the launcher is the parent of all ranks; over several they agree on a name.
        alone = launch.local_world == launch.world
        launcher = (launch.run_id, launch.address, os.getppid() if alone else 0, command)
        digest = hashlib.sha256(msgspec.json.encode(launcher)).hexdigest()
        self._path = home() / "launches" / f"{digest[:16]}.json"
        if not launch.restarts:
            self.forget()

    def run(self) -> str:
        """The name of the run; empty where none has been trained yet."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Kept).run
        except (OSError, UnicodeDecodeError, msgspec.DecodeError, RecursionError):
            return ""

    def keep(self, run: str) -> None:
        """Keep the name of the run. OSError."""
        make_folder(self._path.parent)
        replace_file(self._path, [msgspec.json.encode(_Kept(run))])

    def forget(self) -> None:
        """The launch has ended, or begins."""
        self._path.unlink(missing_ok=True)
