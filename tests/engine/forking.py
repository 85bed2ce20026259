"""Work in a child process that may be killed, or refused by the system, at any point of it.

The child is forked, so that torch is loaded once; strace holds it before it begins.
"""

import os
import shutil
import signal
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DONE, REFUSED = 0, 7
"""How a child ends: its work is done, or met an OSError."""

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@contextmanager
def child(work: Callable[[], object]) -> Iterator[tuple[int, Callable[[], None]]]:
    """A child that will do the work: its process id, and what lets it begin."""
    held, let_go = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        pid = os.fork()
    if not pid:
        code = 1
        try:
            os.close(let_go)
            os.read(held, 1)
            work()
            code = DONE
        except OSError:
            code = REFUSED
        finally:
            os._exit(code)
    os.close(held)
    yield pid, lambda: os.close(let_go)


def ended(pid: int) -> int:
    """Wait for a child; its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def injected(work: Callable[[], object], injection: str) -> int:
    """Do the work in a child under an injection of strace; how it ended."""
    with child(work) as (pid, begin):
        command = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"inject={injection}"]
        with subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.PIPE) as strace:
            while not traced(pid):
                if strace.poll() is not None:
                    os.kill(pid, signal.SIGKILL)
                    ended(pid)
                    assert strace.stderr is not None
                    pytest.skip(f"strace cannot attach here: {strace.stderr.read().decode()}")
            begin()
            return ended(pid)


def traced(pid: int) -> bool:
    """Whether a process is being traced."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return any(
        line.startswith("TracerPid:") and line.split()[1] != "0" for line in status.splitlines()
    )
