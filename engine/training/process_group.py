"""The ranks that train one run together, on torch.distributed: gloo between CPUs, NCCL between GPUs.

Sums are taken in the order of the ranks, so they are those of one process with as many workers, to
the last bit.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import msgspec
import psutil
import torch
import torch.distributed as dist
from msgspec import Struct
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from engine.device import processor
from engine.launch import Launch, RankLostError, host

JOIN_TIMEOUT = timedelta(seconds=60)
"""Until all ranks have joined. torchrun starts them at nearly the same time."""
TIMEOUT = timedelta(minutes=30)
"""Until a rank that does not answer counts as lost, where its connection does not break."""
SEEN_WITHIN = 0.5
"""Seconds in which a process that has ended is seen to have."""
INLINE = 512
"""Bytes of a message that is sent in one piece with its length."""


class Member(Struct, frozen=True):
    """What a rank says of itself when it joins."""

    host: str
    pid: int
    processor: str
    torch: str
    program: str  # its version
    command: tuple[str, ...]


_joined: "ProcessGroup | None" = None


def joined() -> "ProcessGroup | None":
    """The group that this process is in, as torch has one for each process; None: it trains alone."""
    return _joined


class ProcessGroup:
    """This process as one of the ranks. Every method but those of a single rank is called by all
    ranks, in the same order, and raises RankLostError where another one has ended."""

    def __init__(self, launch: Launch, store: Store) -> None:
        """`store`: that of the launcher, by which the ranks have met."""
        self.launch = launch
        self._store = store
        self.rank, self.world = launch.rank, launch.world
        self.members: list[Member] = []
        self.lost = False
        """Whether another rank has been lost: no rank gets an answer any more."""
        self.stop_code = 0
        """The exit code with which this rank wants all of them to end; 0: it does not."""
        self.on_stop: Callable[[int], None] = lambda code: None
        """Called, with its exit code, when a rank wants to end."""
        self._send = self._received = self._summed = self._gathered = torch.empty(0)

    @classmethod
    def join(
        cls,
        launch: Launch,
        program: str,
        command: tuple[str, ...],
        timeout: timedelta = JOIN_TIMEOUT,
    ) -> "ProcessGroup":
        """Wait for all ranks. `program`: its version. ValueError, with a user-facing message, where
        they do not meet in time."""
        backend = "gloo"
        if torch.cuda.is_available():
            torch.cuda.set_device(launch.local_rank % torch.cuda.device_count())
            backend = "cpu:gloo,cuda:nccl"
        try:
            store, *_ = next(rendezvous("env://", timeout=timeout))
            store.set_timeout(timeout)
            # A launcher may use the same store again when it restarts the ranks.
            store = PrefixStore(f"tinygpt-tui/{launch.restarts}", store)
            dist.init_process_group(
                backend, store=store, rank=launch.rank, world_size=launch.world, timeout=TIMEOUT
            )
            group = cls(launch, store)
            version = str(torch.__version__)
            me = Member(host(), os.getpid(), processor(), version, program, command)
            found = group.gather(msgspec.json.encode(me))
        except (RuntimeError, ValueError, RankLostError) as error:
            raise ValueError(
                f"Rank {launch.rank} of {launch.world} has not met the others at {launch.address} within "
                f"{timeout.total_seconds():.0f} seconds: start as many processes as WORLD_SIZE says, and "
                f"see that this address can be reached from each machine. ({_first_line(error)})"
            ) from None
        global _joined
        _joined = group
        group.members = [msgspec.json.decode(one, type=Member) for one in found]
        return group

    @property
    def mismatch(self) -> str:
        """A sentence on ranks that do not do the same as rank 0; empty where all do."""
        first = self.members[0]
        for rank, other in enumerate(self.members):
            for what, ours, theirs in (
                ("torch", first.torch, other.torch),
                ("tinygpt-tui", first.program, other.program),
            ):
                if ours != theirs:
                    return (
                        f"Rank {rank} ({other.host}) has {what} {theirs}, and rank 0 ({first.host}) has "
                        f"{ours}: install the same version on all machines."
                    )
            if other.command != first.command:
                return (
                    f"Rank {rank} ({other.host}) was started with other options than rank 0 "
                    f"({first.host}): the command is the same on all machines."
                )
        return ""

    @property
    def differs(self) -> bool:
        """Whether ranks compute on different processors: their weights then drift apart, by the
        last bits first."""
        return len({member.processor for member in self.members}) > 1

    @property
    def note(self) -> str:
        """A sentence on who trains together."""
        machines = len({member.host for member in self.members})
        where = f" on {machines} machines" if machines > 1 else ""
        drift = ""
        if self.differs:
            drift = (
                " Their processors differ, so their weights would drift apart by last bits: those of "
                "rank 0 hold, and are sent to all before each evaluation."
            )
        return f"{self.world} ranks{where} train this run.{drift}"

    def speaks(self, error: RankLostError) -> bool:
        """Whether this rank is the first that is left: one of them reports what happened."""
        return self.rank == next(rank for rank in range(self.world) if rank not in error.lost)

    # Messages.

    def send(self, message: bytes) -> None:
        """Send a message to all others; in rank 0."""
        head = len(message).to_bytes(8, "little")
        with self._others():
            dist.broadcast(_padded(head + message[: INLINE - 8], INLINE), 0)
            if rest := message[INLINE - 8 :]:
                dist.broadcast(_padded(rest, len(rest)), 0)

    def receive(self) -> bytes:
        """The next message of rank 0; in the others."""
        first = torch.empty(INLINE, dtype=torch.uint8)
        with self._others():
            dist.broadcast(first, 0)
            head = bytes(first.tolist())
            size = int.from_bytes(head[:8], "little")
            rest = torch.empty(max(0, size + 8 - INLINE), dtype=torch.uint8)
            if len(rest):
                dist.broadcast(rest, 0)
        return head[8 : 8 + size] + rest.numpy().tobytes()

    def broadcast(self, tensor: Tensor) -> None:
        """Overwrite a contiguous tensor by that of rank 0."""
        with self._others():
            dist.broadcast(tensor, 0)

    def gather(self, data: bytes) -> list[bytes]:
        """What each rank has given, in their order; in all ranks."""
        with self._others():
            sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world)]
            dist.all_gather(sizes, torch.tensor([len(data)]))
            most = max(int(size) for size in sizes)
            parts = [torch.empty(most, dtype=torch.uint8) for _ in range(self.world)]
            dist.all_gather(parts, _padded(data, most))
        return [
            part.numpy().tobytes()[: int(size)] for part, size in zip(parts, sizes, strict=True)
        ]

    def sum(self, tensors: list[Tensor], header: Tensor) -> Tensor:
        """Replace float32 tensors by their sums over the ranks, added in the order of the ranks.
        `header`: (H,) float64; returns the headers of all ranks, (world, H).

        Each rank adds one slice and all get it from there, so no more is sent than by an
        `all_reduce`, which with four ranks adds in another order.
        """
        numbers = sum(tensor.numel() for tensor in tensors)
        width = -(-numbers // self.world)
        head = 2 * len(header)  # of float32
        self._allocate(width, head, tensors[0].device)
        flat = self._gathered.view(-1)
        torch.cat([tensor.flatten() for tensor in tensors], out=flat[:numbers])
        self._send[:, head:] = self._gathered
        self._send[:, :head] = header.view(torch.float32)
        with self._others():
            dist.all_to_all_single(self._received, self._send)
        total, *others = self._received[:, head:].unbind()
        self._summed.copy_(total)
        for other in others:
            self._summed += other
        with self._others():
            dist.all_gather(list(self._gathered.unbind()), self._summed)
        sizes = [tensor.numel() for tensor in tensors]
        for tensor, part in zip(tensors, torch.split(flat[:numbers], sizes), strict=True):
            tensor.copy_(part.view_as(tensor))
        return self._received[:, :head].contiguous().view(torch.float64)

    def _allocate(self, width: int, head: int, device: torch.device) -> None:
        """The buffers of `sum`, which are used again from step to step."""
        if self._send.shape != (self.world, head + width) or self._send.device != device:
            self._send = torch.zeros(self.world, head + width, device=device)
            self._received = torch.empty_like(self._send)
            self._summed = torch.empty(width, device=device)
            self._gathered = torch.zeros(self.world, width, device=device)

    # The end.

    def close(self) -> None:
        """Leave, when all do."""
        global _joined
        _joined = None
        dist.destroy_process_group()

    @contextmanager
    def _others(self) -> Iterator[None]:
        """What torch raises where a rank is lost becomes a sentence."""
        try:
            yield
        except RuntimeError as error:
            self.lost = True
            raise self._loss(error) from None

    def _loss(self, error: RuntimeError) -> RankLostError:
        lost = self._agreed(self._ended())
        if not lost:  # on another machine, where this one cannot look
            far = [(rank, one.host) for rank, one in enumerate(self.members) if one.host != host()]
            who = " or ".join(f"{rank} ({where})" for rank, where in far) or "?"
            sentence = f"Rank {who} cannot be reached any more ({_first_line(error)})."
            return RankLostError(sentence + _ADVICE, [])
        who = " and ".join(f"{rank} (process {self.members[rank].pid})" for rank in lost)
        subject = f"Ranks {who} have" if len(lost) > 1 else f"Rank {who} has"
        return RankLostError(f"{subject} ended without the others.{_ADVICE}", lost)

    def _ended(self) -> list[int]:
        """The ranks of this machine that have ended; a process may be seen a moment longer than its
        connections."""
        until = time.monotonic() + SEEN_WITHIN
        while True:
            lost = [rank for rank, one in enumerate(self.members) if _has_ended(one)]
            if lost or time.monotonic() > until:
                return lost
            time.sleep(0.01)

    def _agreed(self, lost: list[int]) -> list[int]:
        """What the first rank that noticed has found: by now others may have ended because of it."""
        with suppress(RuntimeError, ValueError):  # with rank 0, the store may have gone
            first = self._store.compare_set("lost", "", " ".join(map(str, lost)))
            return [int(rank) for rank in first.split()]
        return lost


_ADVICE = (
    " All ranks end here; --run with the run's name trains on from what was saved, and torchrun "
    "--max-restarts does so by itself."
)


def _has_ended(member: Member) -> bool:
    """Whether a process of this machine has ended, as far as that can be seen."""
    if member.host != host():
        return False
    try:
        return bool(psutil.Process(member.pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _padded(data: bytes, size: int) -> Tensor:
    """(size,) uint8."""
    return torch.frombuffer(bytearray(data.ljust(size, b"\0") or b"\0"), dtype=torch.uint8)[:size]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
