"""A run that does not fit is refused before it starts, and the user is told if memory runs out
all the same."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import torch
from driving import Driver, is_a, of, only, tiny
from shaping import after_one
from torch import Tensor

from engine.config import ModelConfig, RunConfig, small
from engine.device import Hardware
from engine.model.gpt import GPT, MLP, Attention
from engine.model.size import parameter_count
from engine.model.workspace import Buffer, Kind, Memory, Workspace
from engine.protocol import (
    Close,
    Failed,
    Measure,
    Measured,
    Open,
    Opened,
    OpenRun,
    StepDone,
    Train,
)
from engine.training import cost
from engine.training.replica import MICRO_BATCH
from engine.training.trainer import Trainer
from engine.training.workers import WorkerPool

pytestmark = pytest.mark.timeout(30)

GIANT = ("model.n_embd=2048", "model.n_layer=48", "train.batch_size=4096")


def test_a_giant_is_refused_before_anything_is_built(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "_free", lambda _: 8_000_000_000)
    events = Driver().run(Open(tiny(verse_file, *GIANT)), Close())
    message = only(events, Failed).message
    assert message.startswith("This run would need about 58.1 GB")
    assert message.endswith(
        "GB of memory, and 8.0 GB are free: take a smaller preset, width, context or batch."
    )


def test_the_cost_of_a_giant_is_not_measured_either(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "_free", lambda _: 8_000_000_000)
    giant = tiny(verse_file, *GIANT)
    events = Driver().run(
        Open(tiny(verse_file)), Measure(giant, 30), Measure(tiny(verse_file), 30), Close()
    )
    assert "of memory, and 8.0 GB are free" in only(events, Failed).message
    assert only(events, Failed).during == "measure"
    assert only(events, Measured)


def test_enough_memory_is_free_here_for_a_small_run() -> None:
    assert cost._free(torch.device("cpu")) > 1e8


@pytest.mark.parametrize(
    "error",
    [RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), MemoryError()],
    ids=["torch", "python"],
)
def test_memory_that_runs_out_in_a_step_is_reported_and_the_run_can_be_opened_again(
    error: Exception, verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Trainer.slices

    def slices(trainer: Trainer, progress: float, context_length: int) -> object:
        if trainer.step_number == 13:
            raise error
        return original(trainer, progress, context_length)

    monkeypatch.setattr(Trainer, "slices", slices)
    driver = Driver().when(is_a(Failed), Train(), Close())
    events = driver.run(Open(tiny(verse_file)), Train())
    failed = only(events, Failed)
    assert failed.during == "engine"
    assert failed.message.startswith("The memory ran out.")

    monkeypatch.setattr(Trainer, "slices", original)
    name = only(events, Opened).run
    again = Driver().when(is_a(StepDone, step=20), Close()).run(OpenRun(name), Train())
    assert [event.step for event in of(again, StepDone)] == list(range(1, 21))


MODEL = ModelConfig(context_length=64, n_layer=2, n_head=2, n_embd=64)
BATCH = 3
CPU = torch.device("cpu")


class RecordingWorkspace(Workspace):
    """Remembers the memory that was taken and not given back."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Memory] = []

    def take(self, kind: type[Kind], *sizes: Any) -> Kind:
        memory = super().take(kind, *sizes)
        self.held.append(memory)
        return memory

    def give_back(self, memory: Memory) -> None:
        self.held.remove(memory)

    def tensors(self) -> Iterator[Tensor]:
        for memory in self.held:
            for value in vars(memory).values():
                if isinstance(value, Buffer):
                    yield value.tensor


def kept_numbers(config: ModelConfig, work: Callable[[], Tensor], model: GPT) -> float:
    """What is kept for the backward pass after `work`, by autograd or in a workspace, apart from
    weights: float32 numbers for each position."""
    weights = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
    saved: dict[int, Tensor] = {}  # holds them, so that no memory is used twice

    def pack(tensor: Tensor) -> Tensor:
        address = tensor.untyped_storage().data_ptr()
        if address not in weights:
            saved[address] = tensor
        return tensor

    workspace = RecordingWorkspace()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), workspace:
        output = work()
    for tensor in workspace.tensors():
        pack(tensor)
    assert output.requires_grad
    size = sum(tensor.untyped_storage().nbytes() for tensor in saved.values()) / 4
    return size / (BATCH * config.context_length)


@pytest.mark.parametrize(
    ("changes", "most"),
    [
        # The default kind is computed by fused functions, which keep less than plain ones.
        ({}, 2.5),
        ({"dropout": 0.2}, 2.5),
        ({"context_length": 8}, 2.5),
        ({"context_length": 256, "n_head": 8}, 2.5),
        ({"context_length": 256, "n_embd": 128}, 2.5),
        ({"activation": "gelu"}, 2),
        ({"activation": "gelu", "dropout": 0.2}, 2),
        ({"activation": "swiglu"}, 2),
        ({"norm": "layernorm"}, 2),
        ({"norm": "none"}, 2),
        ({"positions": "learned"}, 2),
        ({"positions": "none"}, 2),
        ({"qk_norm": False}, 2),
        ({"residual": False}, 2),
    ],
    ids=str,
)
def test_what_a_sublayer_keeps_for_the_backward_pass(changes: dict[str, Any], most: float) -> None:
    config = msgspec.structs.replace(MODEL, **changes)
    time = config.context_length
    model = GPT(config, 11).init_weights(torch.Generator().manual_seed(1))
    rope = model.rope(0, time) if config.positions == "rotary" else None
    x = torch.randn(BATCH, time, config.n_embd, requires_grad=True)
    generator = torch.Generator()

    def work(layer: Attention | MLP) -> Tensor:
        # The fused functions overwrite their input, which a leaf of the graph does not allow.
        return after_one(layer, x * 1, rope, generator)

    for layer in list(model.sublayers())[:2]:
        kept = kept_numbers(config, lambda layer=layer: work(layer), model)  # type: ignore[misc]
        assert 0.9 <= layer.activations(time) / kept <= most, type(layer)


@pytest.mark.parametrize(
    "changes",
    [{}, {"activation": "swiglu"}, {"norm": "layernorm"}, {"attention": False}, {"mlp": False}],
    ids=str,
)
def test_the_estimate_covers_what_a_forward_pass_keeps(changes: dict[str, Any]) -> None:
    model_config = msgspec.structs.replace(MODEL, **changes)
    config = RunConfig("any", model=model_config, train=tiny("any").train)
    config = msgspec.structs.replace(
        config, train=msgspec.structs.replace(config.train, batch_size=BATCH)
    )
    model = GPT(model_config, 11).init_weights(torch.Generator().manual_seed(1))
    ids = torch.zeros(BATCH, model_config.context_length, dtype=torch.int64)
    kept = kept_numbers(model_config, lambda: model(ids), model) * ids.numel()
    weights = (4 + 2) * parameter_count(model_config, 11)
    estimate = cost.estimate_memory(config, 11, CPU, 1) / 4 - weights
    assert kept <= estimate <= 4 * kept


def test_on_a_cpu_the_estimate_counts_what_the_workers_hold_at_once() -> None:
    config = small("any")  # 8 windows of 256 characters
    numbers = parameter_count(config.model, 65)
    one, two, four = (cost.estimate_memory(config, 65, CPU, threads) for threads in (1, 2, 4))
    gpu = cost.estimate_memory(config, 65, torch.device("meta"), 1)
    rows = 8 * 256
    assert rows == 2 * MICRO_BATCH
    # With two workers the whole batch is in work; a further one has its own gradients only, the sum
    # and those of a micro-batch.
    assert four - two == 2 * 4 * 2 * numbers
    assert two - one > 2 * 4 * numbers
    assert gpu == two - 2 * 4 * numbers


def test_a_measured_step_takes_time_and_leaves_the_workers_usable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = psutil.Process().memory_info()
    monkeypatch.setattr(psutil.Process, "memory_info", lambda process: taken)
    hardware = Hardware(CPU, 1, torch.float32, "for a test")
    config = tiny("any")
    with WorkerPool(1) as workers:
        assert cost.measure_step(config, 11, hardware, workers) > 0
        measured = cost.measure(config, 11, hardware, workers)
        assert workers.map(abs, [-1]) == [1]
    assert measured.config == config
    assert measured.parameters == parameter_count(config.model, 11)
    estimate = cost.estimate_memory(config, 11, CPU, 1)
    assert measured.memory - estimate == taken.rss
    assert measured.step_seconds > 0


@pytest.mark.parametrize("enough", [True, False])
def test_a_run_is_checked_against_the_memory_that_is_free(
    enough: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny("any")
    needed = cost.estimate_memory(config, 11, CPU, 1)
    monkeypatch.setattr(cost, "_free", lambda _: needed - (not enough))
    if enough:
        cost.check_memory(config, 11, CPU, 1)
        return
    with pytest.raises(ValueError, match=r"^This run would need about .* are free: .*\.$"):
        cost.check_memory(config, 11, CPU, 1)
