"""How the cost grows: with the model's width, depth and context, and with the text's length."""

import subprocess
import sys
from pathlib import Path

import pytest
from building import config_of, tokens_per_second, trainer_of
from figures import Table
from pytest_benchmark.fixture import BenchmarkFixture

MEGABYTES = (10, 30, 100)

SHAPES = [
    *({"n_embd": width} for width in (64, 128, 256, 512)),
    *({"n_layer": layers} for layers in (2, 4, 8, 16)),
    *({"context_length": context} for context in (64, 128, 256, 512, 1024)),
]


@pytest.mark.parametrize(
    "shape", SHAPES, ids=lambda shape: "{}={}".format(*next(iter(shape.items())))
)
def test_scale(
    shape: dict[str, int], benchmark: BenchmarkFixture, text: Path, table: Table
) -> None:
    """Tokens a second of the small preset at a context of 128, with one thing changed; 2,048
    characters a step."""
    (name, value), *_ = shape.items()
    context = shape.get("context_length", 128)
    trainer = trainer_of(
        config_of(
            text,
            f"model.context_length={context}",
            f"train.batch_size={2048 // context}",
            f"model.{name}={value}",
        )
    )
    tokens_per_second(trainer, 2)
    speed = benchmark.pedantic(lambda: max(tokens_per_second(trainer, 3) for _ in range(3)))
    trainer.workers.close()
    table.row(f"{name} {value}", f"{speed:,.0f} tokens/s, {1e6 / speed:,.0f} µs a token")


@pytest.mark.parametrize("megabytes", MEGABYTES)
def test_a_large_file(
    megabytes: int, benchmark: BenchmarkFixture, text: Path, table: Table, tmp_path: Path
) -> None:
    """From the command to open a file until the run is open, with torch loaded before."""
    large = tmp_path / "large.txt"
    once = text.read_bytes()
    size = megabytes * 1_000_000
    large.write_bytes((once * (size // len(once) + 1))[:size])
    command = [sys.executable, str(Path(__file__).with_name("opening_a_file.py")), str(large)]
    output = benchmark.pedantic(lambda: subprocess.check_output(command, text=True))
    seconds, memory = output.split()
    table.row(
        f"a file of {megabytes} MB opens",
        f"{float(seconds):.1f} s, memory {float(memory):.1f} times its size",
        "5 s, 6 times" if megabytes == 100 else "",
    )
