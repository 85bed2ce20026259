"""The table that a benchmark run ends with, and the machine that it was measured on."""

import os
import platform
from pathlib import Path

import torch

ROWS: list[tuple[str, str, str]] = []


class Table:
    """The figures, a row each."""

    def row(self, what: str, figure: str, goal: str = "") -> None:
        """`figure`: a median where there are several; `goal`: what it must reach."""
        ROWS.append((what, figure, goal))
        print(f"{what}: {figure}")


def machine() -> str:
    """The machine in a line."""
    cpu = platform.processor() or platform.machine()
    flags: list[str] = []
    info = Path("/proc/cpuinfo")
    if info.exists():
        fields = dict(
            (part.strip() for part in line.split(":", 1))
            for line in info.read_text().split("\n\n")[0].splitlines()
        )
        cpu = fields.get("model name", cpu)
        known = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
        flags = [flag for flag in known if flag in fields.get("flags", "").split()]
    return (
        f"{cpu}, {os.cpu_count()} cores, {' '.join(flags)}; {platform.system()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )
