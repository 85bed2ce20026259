"""Where a run computes: the device and number format chosen for it, and what identifies the machine.

torch is imported inside the functions that need it: the saved runs are listed without it.
"""

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    import torch


class Machine(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the last bits of a step depend on, apart from the run itself; saved in each checkpoint.

    On an equal machine a run resumes bit for bit. Empty fields: it is not known. Fields with a
    default are newer than the others: they are omitted where they have it, so that the digest of an
    older manifest holds.
    """

    device: str
    threads: int
    precision: str
    torch: str
    cpu: str
    world: int = 1
    """Ranks, of which each has so many threads."""

    @property
    def workers(self) -> int:
        """The chunks that a batch is divided into."""
        return self.world * self.threads

    def differences(self, other: "Machine") -> str:
        """The fields that differ, as "name old → new"; empty where none does."""
        fields = list(self.__struct_fields__)
        if self.workers == other.workers and self._adds_in_order and other._adds_in_order:
            fields = [name for name in fields if name not in ("threads", "world")]
        return ", ".join(
            f"{name} {getattr(self, name)} → {getattr(other, name)}"
            for name in fields
            if getattr(self, name) and getattr(self, name) != getattr(other, name)
        )

    @property
    def _adds_in_order(self) -> bool:
        """Whether gradients are added one worker after the other: a rank is then what a thread is."""
        return self.world == 1 or self.threads == 1


UNKNOWN_MACHINE = Machine(device="", threads=0, precision="", torch="", cpu="")
"""That of a run which was imported: it does not say where it was trained."""


class Hardware(NamedTuple):
    """The device, number of threads and number format of a run, and why they were chosen."""

    device: "torch.device"
    threads: int
    precision: "torch.dtype"
    reason: str

    @property
    def precision_name(self) -> str:
        """The name of the number format, such as float32."""
        return str(self.precision).removeprefix("torch.")


def machine_of(hardware: Hardware, world: int = 1) -> Machine:
    """This machine, as `hardware` uses it. `world`: how many ranks train together."""
    import torch  # here, so that reading a `Machine` from a manifest does not load it

    return Machine(
        device=hardware.device.type,
        threads=hardware.threads,
        precision=hardware.precision_name,
        torch=str(torch.__version__),
        cpu=processor(),
        world=world,
    )


def processor() -> str:
    """What torch and Numba take this machine's processor for."""
    import llvmlite.binding
    import torch

    return f"{torch.backends.cpu.get_cpu_capability()} {llvmlite.binding.get_host_cpu_name()}"


def device_of(name: str) -> "torch.device":
    """The device of that name; "auto" is the best one available. ValueError, with a user-facing
    message, for one that this machine lacks."""
    import torch

    if name == "auto":
        name = "cpu"
        if torch.cuda.is_available():
            name = "cuda"
        elif torch.backends.mps.is_available():
            name = "mps"
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("There is no CUDA device here that torch can use: take --device cpu.")
    if name == "mps" and not torch.backends.mps.is_available():
        raise ValueError("There is no Apple GPU here that torch can use: take --device cpu.")
    return torch.device(name)


def synchronize(device: "torch.device") -> None:
    """Wait for the device to finish its queued work, so that a clock measures all of it."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
