"""The memory of this process: what is kept for the next step, and what is returned to the system."""

import ctypes
import gc
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEPT_BELOW = 1 << 25
"""Bytes of a block from which on its page faults cost little compared with the work on it."""


def keep_freed_memory() -> None:
    """Ask the C library to keep large freed blocks for the next step.

    By default glibc returns them to the system each time, and a training step then spends up to a
    quarter of its time on page faults; it also keeps one heap per thread, which adds up. Other C
    libraries are left alone.

    Blocks from `KEPT_BELOW` on, such as the logits of 20,000 characters, are returned all the same:
    the heap would break into pieces that none of them fits, and take more than twice the memory.
    """
    if libc := _glibc():
        trim_threshold, mmap_threshold, arena_max = -1, -3, -8  # M_* of malloc.h
        libc.mallopt(arena_max, 1)
        libc.mallopt(mmap_threshold, KEPT_BELOW)
        libc.mallopt(trim_threshold, 1 << 30)


def release_freed_memory() -> None:
    """Return the kept blocks to the system once, after work whose memory is not needed again."""
    if libc := _glibc():
        libc.malloc_trim(0)


@contextmanager
def collecting_garbage() -> Iterator[None]:
    """Collect the garbage of some work, where that is switched off otherwise: the programs do so until
    a run is open. What was there before is left out, since looking through all of torch takes long."""
    if gc.isenabled():
        yield
        return
    gc.freeze()
    gc.enable()
    try:
        yield
    finally:
        gc.disable()
        gc.unfreeze()


def is_out_of_memory(error: Exception) -> bool:
    """Whether the memory ran out: torch reports that on a CPU by a RuntimeError like any other."""
    return (
        isinstance(error, MemoryError)
        or "DefaultCPUAllocator" in str(error)
        or type(error).__name__ == "OutOfMemoryError"
    )


def release_code_pages() -> None:
    """Return the pages of libraries that were read so far, after a start: loading torch and Numba
    reads nearly all of their code once, and training a sixth of it.

    What is used again is mapped again, from the file or the system's cache of it. Only mappings
    whose pages are all as in their file are touched. On Linux; nothing elsewhere.
    """
    maps = Path("/proc/self/smaps")
    if not maps.exists():
        return
    libc, dont_need = ctypes.CDLL(None), 4  # MADV_DONTNEED of mman.h
    for start, end in _unchanged_code(maps.read_text()):
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), dont_need)


_MAPPING = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) r-[x-]p .*\.so[.\d]*\n(?:\w+: .*\n)*?Anonymous: +0 kB$",
    re.MULTILINE,
)
"""In smaps: a part of a library that is never written, of which no page was changed by its loader."""


def _unchanged_code(smaps: str) -> list[tuple[int, int]]:
    """The addresses, first and behind the last, of the parts of libraries whose pages are as in the
    file."""
    return [(int(start, 16), int(end, 16)) for start, end in _MAPPING.findall(smaps)]


def _glibc() -> ctypes.CDLL | None:
    """The C library, if it is glibc: only its allocator is tuned here."""
    is_glibc = platform.system() == "Linux" and platform.libc_ver()[0] == "glibc"
    return ctypes.CDLL(None) if is_glibc else None
