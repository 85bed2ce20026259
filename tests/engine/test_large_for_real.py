"""Large texts in processes of their own: their memory, and kills at any moment."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]

TRAIN = """
import sys
from queue import SimpleQueue
from engine import Session
from engine.config import override, preset
from engine.protocol import Close, Open, Saved, Train
from tests.bench.peak import peak_memory

inbox = SimpleQueue()
settings = ["train.steps=3", "train.evaluation_interval=3", "train.precision=float32", "train.threads=2"]
for command in (Open(override(preset("small", sys.argv[1]), [*settings, *sys.argv[2:]])), Train()):
    inbox.put(command)
Session(lambda event: inbox.put(Close()) if isinstance(event, Saved) else None).run(inbox)
print(peak_memory())
"""

OPEN = """
import sys
from pathlib import Path
from data.catalog import find
from data.reading import Reading
from engine.storage.large_texts import load_large

found = find(sys.argv[1], Reading(), 10**10)
text = load_large(found, Reading(), None, lambda what, done: print("at", what, flush=True)).text
print(len(text), text.sha256, text[:20].encode().hex(), text[len(text) - 20 :].encode().hex())
"""


def written(path: Path, megabytes: int) -> Path:
    """A text of so many megabytes, in which nothing repeats for long."""
    rng = random.Random(megabytes)
    words = [bytes(rng.choices(b"abcdefghij", k=rng.randrange(1, 9))) for _ in range(5_000)]
    with path.open("wb") as file:
        for _ in range(megabytes):
            line = b" ".join(rng.choices(words, k=200_000))
            file.write((line[:999_999] + b"\n").replace(b" j", b"\nj"))
    return path


def peak(text: Path, *assignments: str) -> int:
    """The most memory, in bytes, of a program that trains on a text."""
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, str(text), *assignments],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.split()[-1])


def test_a_large_text_takes_the_memory_of_a_small_one(tmp_path: Path) -> None:
    small, large = written(tmp_path / "small.txt", 2), written(tmp_path / "large.txt", 100)
    peak(small)  # compiles what is to be compiled
    assert peak(large) < peak(small) + 60_000_000
    assert peak(large, "model.tokenizer=bytes") < 600_000_000


def test_kills_at_any_moment_leave_nothing_that_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "text.txt", 30)
    arguments = [sys.executable, "-c", OPEN, str(path)]
    began = time.monotonic()
    expected = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    took = time.monotonic() - began
    home = tmp_path / "home"
    for number in range(6):
        for kept in home.rglob("*"):
            if kept.is_file():
                kept.unlink()
        program = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
        time.sleep(took * (0.2 + 0.8 * number / 6))  # a kill is no state to wait for
        program.send_signal(signal.SIGKILL)
        program.wait()
        again = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        assert again.splitlines()[-1] == expected.splitlines()[-1]
