"""The screen, in a pseudo-terminal: first paint, key to paint, what it costs training, memory."""

import json
import os
import random
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest
from building import CORES
from figures import Table
from peak import peak_memory
from pytest_benchmark.fixture import BenchmarkFixture
from scenes import SCENES, Scene, seconds_to_paint
from terminal import Terminal

APP = str(Path(sys.executable).with_name("tinygpt-tui"))
STARTS = 15
KEYS = 400
PAIRS = 5
PAIR_STEPS = 600
"""Half a minute: within seconds a machine's own speed varies by more than the screen costs."""
SKIPPED_STEPS = 40
"""Steps at a run's start that are left out of its speed: caches fill, threads wake."""
PAIRED = (
    f"--steps={PAIR_STEPS}",
    f"--set=train.threads={CORES}",
    f"--set=train.precision={os.environ.get('PRECISION', 'float32')}",
)
"""What must be the same on both sides: the start-up choice may differ from run to run."""
VIEWS = {"Read": "2", "Read, further panels": "2vv", "Time": "3"}
"""The keys that open each."""
FIRST_VIEW = {"Train": "1"}
SIZES = ((80, 24), (120, 40))
"""Columns and lines."""
CPU_SECONDS = 20.0
INTERVAL = 250
"""Steps between two evaluations: what a view shows is asked for after each."""


def test_first_paint(benchmark: BenchmarkFixture, text: Path, table: Table, tmp_path: Path) -> None:
    """From the start of the process to the first frame; in turn with a bare Textual app."""
    ours, bare = [], []

    def pair() -> None:
        bare.append(
            first_paint([sys.executable, str(Path(__file__).with_name("bare.py"))], tmp_path)
        )
        ours.append(first_paint([APP, str(text)], tmp_path))

    pair()
    ours.clear(), bare.clear()
    benchmark.pedantic(pair, rounds=STARTS)
    table.row("first paint, ms", spread(ours), "350")
    table.row("first paint of a bare Textual app, ms", spread(bare))


@pytest.mark.parametrize("what", SCENES)
def test_key_to_paint(
    what: str, benchmark: BenchmarkFixture, text: Path, table: Table, tmp_path: Path
) -> None:
    """From a key to the frame that shows its effect, and the memory, while the default trains."""
    seconds, memory = benchmark.pedantic(lambda: key_to_paint(text, tmp_path, SCENES[what]))
    table.row(f"key to paint of {what} while training, ms", figures_of(seconds), "p99 50")
    table.row("peak memory of the app meanwhile, MB", f"{memory / 1e6:.0f}", "520")


def test_what_the_screen_costs(
    benchmark: BenchmarkFixture, text: Path, table: Table, tmp_path: Path
) -> None:
    """Training speed in the app over that without a screen."""
    ratios = []

    def pair() -> None:
        home = tmp_path / str(len(ratios))
        app, headless = speed_in_app(text, home / "app"), speed_headless(text, home / "headless")
        ratios.append(app / headless)
        print(f"app {app:,.0f} tokens/s, headless {headless:,.0f}")

    benchmark.pedantic(pair, rounds=PAIRS)
    listed = ", ".join(f"{ratio:.3f}" for ratio in ratios)
    table.row("app over headless speed", f"{median(ratios):.3f} of {listed}", "0.97")


@pytest.mark.parametrize("view", FIRST_VIEW | VIEWS)
def test_cpu_time_of_the_screen(
    benchmark: BenchmarkFixture, text: Path, table: Table, tmp_path: Path, view: str
) -> None:
    """What the thread that draws takes while it trains: training waits for about as long."""
    keys = (FIRST_VIEW | VIEWS)[view]
    taken = benchmark.pedantic(lambda: [screen_cpu(text, tmp_path, keys, size) for size in SIZES])
    for (columns, lines), seconds in zip(SIZES, taken, strict=True):
        name = f"CPU time of the screen, view {view} at {columns} × {lines}, ms a second"
        table.row(name, f"{1e3 * seconds:.1f}", "10")


@pytest.mark.parametrize("view", VIEWS)
def test_what_an_open_view_costs(
    benchmark: BenchmarkFixture, text: Path, table: Table, tmp_path: Path, view: str
) -> None:
    """Training speed by the clock with a view open over that with the first view, in turns from
    evaluation to evaluation of one run: two runs differ by more than that."""
    times = benchmark.pedantic(lambda: evaluation_times(text, tmp_path, VIEWS[view]))
    seconds = [after - before for before, after in pairwise(times)]
    opened, closed = seconds[1::2], seconds[2::2]
    ratios = [without / with_it for with_it, without in zip(opened, closed, strict=True)]
    listed = ", ".join(f"{ratio:.3f}" for ratio in ratios)
    table.row(f"speed with view {view} open", f"{median(ratios):.3f} of {listed}", "0.97")


def figures_of(seconds: list[float]) -> str:
    shares = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
    return ", ".join(f"{name} {1e3 * at(sorted(seconds), share):.0f}" for name, share in shares)


def at(ordered: list[float], share: float) -> float:
    """The value below which that share lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(seconds: list[float]) -> str:
    ordered = [1e3 * each for each in sorted(seconds)]
    return f"{median(ordered):.0f} ({ordered[0]:.0f} to {ordered[-1]:.0f})"


def first_paint(command: list[str], home: Path) -> float:
    began = perf_counter()
    with start(command, home) as terminal:
        while b"tinygpt" not in terminal.raw:
            terminal.read(1, emulate=False)
        seconds = perf_counter() - began
        quit_from(terminal)
        return seconds


def key_to_paint(text: Path, home: Path, scene: Scene) -> tuple[list[float], int]:
    """Seconds of each key, and the peak memory."""
    pauses = random.Random(1)
    seconds = []
    with start([APP, str(text)], home) as terminal:
        terminal.wait_for("● untrained")
        terminal.type(" ")
        terminal.wait_for("● training")
        terminal.type(scene.first)
        terminal.wait_for(lambda shown: re.search(scene.ready, shown) is not None)
        keys = [(key, shown_by(terminal, key, words)) for key, words in scene[:2]]
        for number in range(KEYS):
            read_for(pauses.uniform(0.05, 0.25), terminal)
            key, shown = keys[number % 2]
            seconds.append(seconds_to_paint(terminal, key, shown))
        memory = peak_memory(terminal.process.pid)
        quit_from(terminal)
    return seconds, memory


def shown_by(terminal: Terminal, key: str, words: str) -> bytes:
    """What a key brings on the screen, by a regular expression."""
    if "(" not in words:
        return words.encode()
    before = re.search(words, terminal.text())
    assert before is not None, "it is there once the keys act"
    terminal.type(key)
    now = terminal.wait_for(lambda text: re.findall(words, text) not in ([], [before[1]]))
    return re.findall(words, now)[0].encode()


def speed_in_app(text: Path, home: Path) -> float:
    """Tokens a second of training in the app, as its run recorded them."""
    with start([APP, str(text), *PAIRED], home) as terminal:
        terminal.wait_for("● untrained")
        terminal.type(" ")
        while b"saved as" not in terminal.raw:
            terminal.read(1, emulate=False)
        quit_from(terminal)
    return recorded_speed(home)


def screen_cpu(text: Path, home: Path, keys: str, size: tuple[int, int]) -> float:
    """Seconds of CPU time a second of the thread that draws, from a moment after these keys on."""
    with start([APP, str(text), *PAIRED[1:]], home, size) as terminal:
        terminal.wait_for("● untrained")
        terminal.type(" ")
        terminal.wait_for("● training")
        terminal.type(keys)
        read_for(3, terminal)  # the view is opened
        before = cpu_time(terminal.process.pid)
        read_for(CPU_SECONDS, terminal)
        taken = cpu_time(terminal.process.pid) - before
        quit_from(terminal)
        return taken / CPU_SECONDS


def read_for(seconds: float, terminal: Terminal) -> None:
    end = perf_counter() + seconds
    while (left := end - perf_counter()) > 0:
        terminal.read(left, emulate=False)


def cpu_time(process: int) -> float:
    """Seconds of CPU time of the first thread of a process (Linux)."""
    return int(Path(f"/proc/{process}/task/{process}/schedstat").read_text().split()[0]) / 1e9


def speed_headless(text: Path, home: Path) -> float:
    """The same without the screen."""
    command = [APP, "train", str(text), *PAIRED, "--json"]
    subprocess.run(command, check=True, capture_output=True, env=environment(home))
    return recorded_speed(home)


def evaluation_times(text: Path, home: Path, keys: str) -> list[float]:
    """When the run was evaluated, in seconds of training with all that is done meanwhile. After
    every second evaluation these keys are pressed, after the others the one for the first view."""
    steps = INTERVAL * (2 * PAIRS + 1)
    same = "--set=train.context_warmup=0"  # steps that all cost the same
    command = [APP, str(text), *PAIRED, same, f"--steps={steps}"]
    with start(command, home) as terminal:
        terminal.wait_for("● untrained")
        terminal.type(" ")
        terminal.wait_for("● training")
        seen = 0
        while b"saved as" not in terminal.raw:
            terminal.read(0.2, emulate=False)
            if len(evaluations(home)) != seen:
                seen = len(evaluations(home))
                terminal.type("1" if seen % 2 else keys)
        quit_from(terminal)
    return evaluations(home)


def evaluations(home: Path) -> list[float]:
    """The times of those that the history has, the one before the first step included."""
    found = []
    for history in home.glob("runs/*/metrics.jsonl"):  # none before the first step
        *lines, _ = history.read_text().split("\n")
        events = map(json.loads, (line for line in lines if '"Evaluated"' in line))
        found += [event["elapsed"] for event in events]
    return found


def recorded_speed(home: Path) -> float:
    (history,) = home.glob("runs/*/metrics.jsonl")
    events = [json.loads(line) for line in history.read_text().splitlines()]
    steps = [e for e in events if e["type"] == "StepDone" and e["step"] > SKIPPED_STEPS]
    return sum(e["tokens"] for e in steps[1:]) / (steps[-1]["elapsed"] - steps[0]["elapsed"])


def start(command: list[str], home: Path, size: tuple[int, int] = SIZES[-1]) -> Terminal:
    columns, lines = size
    cwd, env = str(Path.cwd()), environment(home)
    return Terminal(command, columns=columns, lines=lines, cwd=cwd, env=env)


def environment(home: Path) -> dict[str, str]:
    """As a user has it: with compiled modules kept."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "", "TINYGPT_HOME": str(home)}


def quit_from(terminal: Terminal) -> None:
    terminal.type("q")
    assert terminal.wait_for_end() == 0
