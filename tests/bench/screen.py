"""Measures the screen in a pseudo-terminal: first paint, key to paint, and what it costs training.

    make bench-screen TEXT=../shared/data/tinyshakespeare.txt

Nothing else may run meanwhile.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

from terminal import Terminal

APP = str(Path(sys.executable).with_name("tinygpt-tui"))
STARTS = 15
KEYS = 400
PAIRS = 5
PAIR_STEPS = 110
SKIPPED_STEPS = 30
"""Steps at a run's start that are left out of its speed: caches fill, threads wake."""


def main() -> None:
    text = sys.argv[1]
    starts = sorted(first_paint(text) for _ in range(STARTS + 1))
    print(f"first paint: median {1e3 * statistics.median(starts):.0f} ms, {spread(starts)}")
    keys = sorted(key_to_paint(text))
    print(
        f"key to paint while training, {len(keys)} keys: "
        + ", ".join(f"{name} {1e3 * at(keys, q):.0f} ms" for name, q in PERCENTILES)
    )
    ratios = []
    for _ in range(PAIRS):
        app, headless = speed_in_app(text), speed_headless(text)
        ratios.append(app / headless)
        print(f"tokens/s: app {app:,.0f}, headless {headless:,.0f}, ratio {app / headless:.3f}")
    print(f"app against headless, {PAIRS} pairs: median {statistics.median(ratios):.3f}")


PAIRED = (
    f"--steps={PAIR_STEPS}",
    f"--set=train.threads={os.cpu_count()}",
    "--set=train.precision=float32",
)
"""What must be the same on both sides: the start-up choice may differ from run to run."""
PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))


def at(ordered: list[float], share: float) -> float:
    """The value below which that share lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(seconds: Iterable[float]) -> str:
    ordered = sorted(seconds)
    return f"{1e3 * ordered[0]:.0f} to {1e3 * ordered[-1]:.0f} ms"


def first_paint(text: str) -> float:
    """Seconds from the start of the process to the first frame of the main screen."""
    with tempfile.TemporaryDirectory() as home:
        began = perf_counter()
        with start(text, home) as terminal:
            while b"tinygpt" not in terminal.raw:
                terminal.read(1, emulate=False)
            seconds = perf_counter() - began
            quit_from(terminal)
            return seconds


def key_to_paint(text: str) -> list[float]:
    """Seconds from a key to the frame that shows its effect, while the default preset trains."""
    pauses = random.Random(1)
    seconds = []
    with tempfile.TemporaryDirectory() as home, start(text, home) as terminal:
        terminal.wait_for("● untrained")
        terminal.type(" ")
        terminal.wait_for("● training")
        for number in range(KEYS):
            wait_until = perf_counter() + pauses.uniform(0.05, 0.25)
            while (left := wait_until - perf_counter()) > 0:
                terminal.read(left, emulate=False)
            key, shown = ("]", b"0.9") if number % 2 == 0 else ("[", b"0.8")
            began = perf_counter()
            terminal.type(key)
            seen = b""
            while shown not in seen:
                seen += terminal.read(1, emulate=False)
            seconds.append(perf_counter() - began)
        quit_from(terminal)
    return seconds


def speed_in_app(text: str) -> float:
    """Tokens a second of training in the app, as its run recorded them."""
    with tempfile.TemporaryDirectory() as home:
        with start(text, home, *PAIRED) as terminal:
            terminal.wait_for("● untrained")
            terminal.type(" ")
            while b"saved as" not in terminal.raw:
                terminal.read(1, emulate=False)
            quit_from(terminal)
        return recorded_speed(home)


def speed_headless(text: str) -> float:
    """The same without the screen."""
    with tempfile.TemporaryDirectory() as home:
        command = [APP, "train", text, *PAIRED, "--json"]
        subprocess.run(command, check=True, capture_output=True, env=environment(home))
        return recorded_speed(home)


def recorded_speed(home: str) -> float:
    (history,) = Path(home).glob("runs/*/metrics.jsonl")
    events = [json.loads(line) for line in history.read_text().splitlines()]
    steps = [e for e in events if e["type"] == "StepDone" and e["step"] > SKIPPED_STEPS]
    return sum(e["tokens"] for e in steps) / (steps[-1]["elapsed"] - steps[0]["elapsed"])


def start(text: str, home: str, *more: str) -> Terminal:
    return Terminal(
        [APP, text, *more], columns=120, lines=40, cwd=str(Path.cwd()), env={"TINYGPT_HOME": home}
    )


def environment(home: str) -> dict[str, str]:
    return {**os.environ, "TINYGPT_HOME": home}


def quit_from(terminal: Terminal) -> None:
    terminal.type("q")
    assert terminal.wait_for_end() == 0


if __name__ == "__main__":
    main()
