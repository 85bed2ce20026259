"""Prints the seconds that opening a file takes, and the memory in multiples of its size."""

import sys
from pathlib import Path
from time import perf_counter

from peak import peak_memory

import engine.session.context  # noqa: F401 (torch and all, before the clock starts)
from engine.config import override, small
from engine.session.loader import open_fresh

path = Path(sys.argv[1])
choices = ["train.threads=2", "train.precision=float32"]
before, began = peak_memory(), perf_counter()
run = open_fresh(override(small(str(path)), choices), lambda event: None, perf_counter)
print(perf_counter() - began, (peak_memory() - before) / path.stat().st_size)
run.close()
