"""What the last bits of a step depend on, apart from the run itself: where it was computed."""

import llvmlite.binding
import torch
from msgspec import Struct

from engine.training.autotune import Hardware


class Machine(Struct, frozen=True, forbid_unknown_fields=True):
    """Kept with each checkpoint. On machines that are alike a run goes on bit for bit."""

    device: str
    threads: int
    precision: str
    torch: str
    cpu: str

    def differences(self, other: "Machine") -> str:
        """What is another in `other`, in words; nothing where all is the same."""
        return ", ".join(
            f"{name} {getattr(self, name)} → {getattr(other, name)}"
            for name in self.__struct_fields__
            if getattr(self, name) != getattr(other, name)
        )


def machine_of(hardware: Hardware) -> Machine:
    """This machine, as it was chosen to be used."""
    return Machine(
        device=hardware.device.type,
        threads=hardware.threads,
        precision=hardware.precision_name,
        torch=str(torch.__version__),
        cpu=f"{torch.backends.cpu.get_cpu_capability()} {llvmlite.binding.get_host_cpu_name()}",
    )
