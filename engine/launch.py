"""How this process was started: alone, or by a launcher such as torchrun as one of several ranks that
train one run together. No torch."""

import os
import platform
from collections.abc import Mapping, Sequence

from msgspec import Struct

NAMES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""The environment variables that every launcher for torch.distributed sets."""


class RankLostError(Exception):
    """Another rank has ended, or cannot be reached. The message is for the user."""

    def __init__(self, message: str, lost: Sequence[int]) -> None:
        """`lost`: the ranks that have ended, as far as is known here."""
        super().__init__(message)
        self.lost = lost


class Launch(Struct, frozen=True):
    """What a launcher says to each process."""

    rank: int
    world: int  # how many ranks there are
    local_rank: int  # among those of this machine
    local_world: int  # how many ranks there are on this machine
    restarts: int  # how often all ranks have been started again
    run_id: str  # of the launch
    address: str  # where the ranks meet


def launched(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """What the launcher says; None for a process that was started alone. ValueError, with a
    user-facing message, for variables that make no sense."""
    if not all(environment.get(name) for name in NAMES):
        return None
    try:
        rank, world = int(environment["RANK"]), int(environment["WORLD_SIZE"])
        local_rank = int(environment.get("LOCAL_RANK", rank))
        local_world = int(environment.get("LOCAL_WORLD_SIZE", world))
        restarts = int(environment.get("TORCHELASTIC_RESTART_COUNT", 0))
        port = int(environment["MASTER_PORT"])
    except ValueError as error:
        raise ValueError(f"RANK, WORLD_SIZE and MASTER_PORT are numbers: {error}.") from None
    if not (0 <= rank < world and 0 <= local_rank < local_world and 0 < port < 1 << 16):
        raise ValueError(
            f"RANK {rank} of WORLD_SIZE {world} at MASTER_PORT {port} cannot be: torchrun sets all of "
            "them, or unset RANK to train alone."
        )
    return Launch(
        rank,
        world,
        local_rank,
        local_world,
        restarts,
        environment.get("TORCHELASTIC_RUN_ID", ""),
        f"{environment['MASTER_ADDR']}:{port}",
    )


def host() -> str:
    """The name of this machine."""
    return platform.node() or "this machine"
