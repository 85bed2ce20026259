"""However a save is interrupted, the old or the new checkpoint opens; however a run is interrupted, it
resumes bit for bit."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from driving import Driver, is_a, of, only, run_to_end, saved_run
from elsewhere import wait_until_held
from forking import DONE, REFUSED, child, exit_code, needs_fork, needs_strace, run_with_fault
from killing import equal_states, kill_repeatedly

from engine.protocol import (
    Close,
    Failed,
    OpenRun,
    StepDone,
    Train,
)
from engine.storage import library
from engine.storage.checkpoints import read_checkpoint, write_checkpoint
from engine.storage.manifest import DamagedError, checkpoints_of
from engine.storage.paths import folder_of
from engine.storage.run import Run
from engine.storage.saved_run import load_run

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300), needs_fork]

CALLS = ("openat", "write", "fsync", "rename", "mkdir", "unlinkat", "rmdir", "close")
"""The system calls of a save."""
MAX_CALLS = 30
"""More than one save makes of any call."""


def unfinished(name: str) -> list[Path]:
    return list(folder_of(name).rglob("*.unfinished"))


class Saving:
    """A run of 20 steps, of which the next checkpoint is to be saved in a child process."""

    def __init__(self, verse_file: Path) -> None:
        self.name = saved_run(verse_file)
        self.folder = folder_of(self.name)
        self.before = load_run(self.name)
        self._copy = self.folder.with_name("copy")
        shutil.copytree(self.folder, self._copy)

    def save(self) -> None:
        manifest = self.before.manifest
        progress = msgspec.structs.replace(manifest.progress, step=21)
        write_checkpoint(self.folder, progress, manifest.machine, self.before.state)

    def repair(self) -> None:
        run = Run(self.name, self.before)
        run.start_writing(self.before.info, self.before.text, 0)
        run.close()

    def restore(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self._copy, self.folder)

    def assert_opens_at(self, *steps: int) -> None:
        """It opens at one of these steps, and once it is written again nothing unfinished is left."""
        saved = load_run(self.name)
        assert saved.manifest.progress.step in steps
        assert equal_states(saved.state, self.before.state)
        run = Run(self.name, saved)
        run.start_writing(saved.info, saved.text, 0)
        run.close()
        assert unfinished(self.name) == []
        assert load_run(self.name).manifest.progress.step in steps


def at_each_call(work: Callable[[], object], kind: str, check: Callable[[int], None]) -> int:
    """Run the work once per system call that it makes, with a fault injected at that call; how many
    calls there were."""
    cases = 0
    for call in CALLS:
        for k in range(1, MAX_CALLS):
            code = run_with_fault(work, f"{call}:{kind}:when={k}")
            check(code)
            if code == DONE:
                break
            cases += 1
        else:
            raise AssertionError(f"more than {MAX_CALLS} calls of {call}")
    return cases


@needs_strace
def test_killed_at_any_call_of_a_save(verse_file: Path) -> None:
    saving = Saving(verse_file)

    def check(code: int) -> None:
        assert code in (DONE, -signal.SIGKILL)
        saving.assert_opens_at(*((21,) if code == DONE else (20, 21)))
        saving.restore()

    assert at_each_call(saving.save, "signal=KILL", check) > 15


@needs_strace
@pytest.mark.parametrize(
    ("error", "how_long"),
    [("ENOSPC", "+"), ("EACCES", "+"), ("EIO", "")],
    ids=["no space", "not allowed", "a bad sector"],
)
def test_refused_at_any_call_of_a_save(verse_file: Path, error: str, how_long: str) -> None:
    saving = Saving(verse_file)
    refused = 0
    for call in ("openat", "write", "fsync", "rename", "mkdir"):
        for k in range(1, MAX_CALLS):
            code = run_with_fault(saving.save, f"{call}:error={error}:when={k}{how_long}")
            assert code in (DONE, REFUSED)
            saving.assert_opens_at(*((21,) if code == DONE else (20, 21)))
            saving.restore()
            refused += code == REFUSED
            if code == DONE:
                break
    assert refused > 7


@needs_strace
def test_killed_at_any_call_of_a_repair(verse_file: Path) -> None:
    saving = Saving(verse_file)
    newest = checkpoints_of(saving.folder)[-1]
    (newest / "model.safetensors").write_bytes(b"corrupt")
    (saving.folder / "checkpoints" / "000099.unfinished").mkdir()
    before = load_run(saving.name)
    assert before.dropped == [newest]
    copy = saving.folder.with_name("damaged")
    shutil.copytree(saving.folder, copy)

    def repair() -> None:
        run = Run(saving.name, before)
        run.start_writing(before.info, before.text, 0)
        run.close()

    def check(code: int) -> None:
        assert code in (DONE, -signal.SIGKILL)
        step = before.manifest.progress.step
        assert load_run(saving.name).manifest.progress.step == step
        shutil.rmtree(saving.folder)
        shutil.copytree(copy, saving.folder)

    assert at_each_call(repair, "signal=KILL", check) > 10


def damaged(rng: random.Random, content: bytes) -> Iterator[tuple[str, bytes]]:
    """A bit flipped in every byte, and the content cut off, in some places of a large file."""
    places = range(len(content))
    for place in places if len(content) < 1_000 else rng.sample(places, 600):
        flipped = content[place] ^ 1 << rng.randrange(8)
        yield f"bit flipped at {place}", content[:place] + bytes([flipped]) + content[place + 1 :]
    for place in rng.sample(places, 100):
        yield f"cut off at {place}", content[:place]


def test_thousands_of_flips_and_truncations_never_load_other_weights(verse_file: Path) -> None:
    name = saved_run(verse_file)
    (*_, checkpoint) = checkpoints_of(folder_of(name))
    largest = 1 << 20
    manifest, state = read_checkpoint(checkpoint, largest)
    rng = random.Random(1)
    refused = cases = 0
    for path in sorted(checkpoint.iterdir()):
        content = path.read_bytes()
        for damage, changed in damaged(rng, content):
            cases += 1
            path.write_bytes(changed)
            try:
                found, read = read_checkpoint(checkpoint, largest)
            except DamagedError:
                refused += 1
            else:
                assert found == manifest, f"{path.name}, {damage}"
                assert equal_states(read, state), f"{path.name}, {damage}"
        path.write_bytes(content)
    assert refused > 0.99 * cases > 1_900


def test_a_run_killed_eight_times_equals_an_uninterrupted_one(verse_file: Path) -> None:
    assert kill_repeatedly(verse_file, kills=8, steps=600) >= 2


def test_a_second_writer_is_refused_with_the_name_of_the_first(verse_file: Path) -> None:
    name = saved_run(verse_file)
    saved = load_run(name)
    holder = Run(name, saved)
    holder.start_writing(saved.info, saved.text, 0)
    events = Driver().when(is_a(Failed), Close()).run(OpenRun(name), Train())
    failed = only(events, Failed)
    assert failed.message.startswith(
        f"The run '{name}' is open in another program (process {os.getpid()}, since "
    )
    assert of(events, StepDone)[-1].step == 20, "the history, and no step more"
    with pytest.raises(ValueError, match=f"^The run '{name}' is open in another program"):
        library.delete(name)
    holder.close()
    assert of(run_to_end(OpenRun(name), Train()), StepDone)[-1].step == 40


def test_a_killed_writer_releases_the_lock(verse_file: Path) -> None:
    name = saved_run(verse_file)
    saved = load_run(name)

    def hold() -> None:
        Run(name, saved).start_writing(saved.info, saved.text, 0)
        time.sleep(60)

    with child(hold) as (pid, start):
        start()
        wait_until_held(name, pid)
        os.kill(pid, signal.SIGKILL)
        exit_code(pid)
    assert of(run_to_end(OpenRun(name), Train()), StepDone)[-1].step == 40
