"""The peak memory of a process."""

import resource
from pathlib import Path


def peak_memory(pid: int | str = "self") -> int:
    """Bytes; 0 where the system does not report it for another process.

    Linux counts the parent's memory into `ru_maxrss` of a child, but not into its VmHWM.
    """
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
        return own if pid == "self" else 0
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
