"""Run work in a child process in which any system call can be made to fail or to kill it.

The child is forked, so that torch is loaded once; it waits until strace is attached.
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
"""Exit codes of a child: its work is done, or raised an OSError."""

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@contextmanager
def child(work: Callable[[], object]) -> Iterator[tuple[int, Callable[[], None]]]:
    """A child that waits before it does the work: its process id, and a function that starts it."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about forking while threads run
        pid = os.fork()
    if not pid:
        code = 1
        try:
            os.close(writer)
            os.read(reader, 1)
            work()
            code = DONE
        except OSError:
            code = REFUSED
        finally:
            os._exit(code)
    os.close(reader)
    yield pid, lambda: os.close(writer)


def exit_code(pid: int) -> int:
    """Wait for a child; its exit code, or minus the number of the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run_with_fault(work: Callable[[], object], fault: str) -> int:
    """Do the work in a child with a fault injected by strace; its exit code."""
    with child(work) as (pid, start):
        command = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"inject={fault}"]
        with subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.PIPE) as strace:
            while not traced(pid):
                if strace.poll() is not None:
                    os.kill(pid, signal.SIGKILL)
                    exit_code(pid)
                    assert strace.stderr is not None
                    pytest.skip(f"strace cannot attach here: {strace.stderr.read().decode()}")
            start()
            return exit_code(pid)


def traced(pid: int) -> bool:
    """Whether a process is being traced."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return any(
        line.startswith("TracerPid:") and line.split()[1] != "0" for line in status.splitlines()
    )
