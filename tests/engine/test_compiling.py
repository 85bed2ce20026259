"""torch.compile where it pays, gradient accumulation, and the GPU; what needs one is skipped without."""

import importlib.util
from typing import Any

import pytest
import torch
from driving import tiny
from test_trainer import TEXT, VOCABULARY, evaluation_of, make_trainer, step_of

from engine.config import medium, override, small
from engine.device import Hardware
from engine.model import fused
from engine.model.gpt import GPT
from engine.training import compiling
from engine.training.compiling import is_compiled
from engine.training.cost import estimate_memory
from engine.training.dataset import Dataset
from engine.training.replica import Replica
from engine.training.trainer import Trainer
from engine.training.workers import WorkerPool

CUDA = torch.device("cuda")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
compiler_may_warn = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore:The .grad:UserWarning"
)  # torch's own


@pytest.fixture
def _triton(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where torch has been installed for an NVIDIA GPU."""
    found = importlib.util.find_spec("torch")
    monkeypatch.setattr(compiling, "find_spec", lambda name: found)


@pytest.mark.usefixtures("_triton")
def test_a_long_run_on_a_gpu_is_compiled_and_a_short_one_is_not() -> None:
    long = ["train.steps=2000"]
    assert is_compiled(override(medium("a"), long), 65, CUDA)
    assert not is_compiled(medium("a"), 65, CUDA)
    assert not is_compiled(small("a"), 65, CUDA)
    assert is_compiled(override(small("a"), ["train.compile=on"]), 65, CUDA)
    assert is_compiled(override(small("a"), ["train.minutes=5"]), 65, CUDA)
    assert not is_compiled(override(medium("a"), [*long, "train.compile=off"]), 65, CUDA)
    assert not is_compiled(override(medium("a"), long), 65, torch.device("cpu"))


def test_what_cannot_be_compiled_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    config = override(small("a"), ["train.compile=on"])
    with pytest.raises(ValueError, match=r"train.compile=on is for NVIDIA GPUs"):
        is_compiled(config, 65, torch.device("cpu"))
    monkeypatch.setattr(compiling, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"train.compile=on needs the package triton"):
        is_compiled(config, 65, CUDA)
    assert not is_compiled(override(medium("a"), ["train.minutes=5"]), 65, CUDA)


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_a_batch_in_parts_is_the_whole_batch(parts: int) -> None:
    whole, divided = (
        make_trainer("train.batch_size=8", f"train.accumulation={n}") for n in (1, parts)
    )
    for step in range(4):
        one, other = (step_of(trainer, step / 4) for trainer in (whole, divided))
        assert other.loss == pytest.approx(one.loss, rel=1e-5)
        assert other.gradient_norm == pytest.approx(one.gradient_norm, rel=1e-3)
    slices = list(divided.slices(1.0, divided.config.model.context_length))
    assert len(slices) == -(-8 // -(-8 // parts))  # of which the last is the result


def test_a_batch_in_parts_needs_less_memory_on_a_gpu() -> None:
    whole, divided = (override(medium("a"), [f"train.accumulation={n}"]) for n in (1, 8))
    assert estimate_memory(divided, 65, CUDA, 1) < estimate_memory(whole, 65, CUDA, 1) / 3


@pytest.mark.thorough
@pytest.mark.timeout(400)  # the compiler of the CPU takes most of a minute
@compiler_may_warn
def test_a_compiled_step_is_that_of_plain_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "supports", lambda config, x: False)
    monkeypatch.setattr(fused, "on_cpu", lambda x: False)
    config = tiny("a", "model.dropout=0.2").model
    model = GPT(config, 65).init_weights(torch.Generator().manual_seed(0))
    ids = torch.arange(64).view(4, 16)

    def outcome(*, compiled: bool) -> tuple[Any, list[torch.Tensor]]:
        generator = torch.Generator().manual_seed(7)
        replica = Replica(model, torch.float32, compiled=compiled)
        return replica.loss_and_grad(ids, ids.roll(1), ids.numel(), generator)

    (loss, grads), (again, same), (plain, expected) = (
        outcome(compiled=compiled) for compiled in (True, True, False)
    )
    assert loss == again
    assert all(map(torch.equal, grads, same))
    assert loss == pytest.approx(plain, rel=1e-5)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(grads, expected, strict=True))


def on_cuda(*assignments: str, precision: torch.dtype = torch.float32) -> Trainer:
    config = tiny("a", *assignments)
    ids = VOCABULARY.encode_corpus(TEXT)
    train = config.train
    dataset = Dataset(ids, config.model.context_length, train.val_fraction, train.seed)
    hardware = Hardware(CUDA, 1, precision, "for a test")
    return Trainer(config, len(VOCABULARY), dataset, hardware, WorkerPool(1))


@needs_cuda
@compiler_may_warn
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("setting", ["train.compile=off", "train.compile=on"])
def test_a_gpu_takes_the_steps_of_a_cpu(setting: str, precision: torch.dtype) -> None:
    cpu, gpu = make_trainer(), on_cuda(setting, precision=precision)
    for step in range(5):
        here, there = step_of(cpu, step / 5), step_of(gpu, step / 5)
        assert there.loss == pytest.approx(here.loss, rel=0.02)
    assert evaluation_of(gpu).loss == pytest.approx(evaluation_of(cpu).loss, rel=0.02)


@needs_cuda
@compiler_may_warn
def test_a_compiled_batch_in_parts_is_the_whole_batch() -> None:
    parts = ("train.batch_size=9", "train.accumulation=2")  # of five rows, and of four
    whole, divided = on_cuda("train.batch_size=9"), on_cuda("train.compile=on", *parts)
    for step in range(4):
        one, other = (step_of(trainer, step / 4) for trainer in (whole, divided))
        assert other.loss == pytest.approx(one.loss, rel=1e-3)
        assert other.gradient_norm == pytest.approx(one.gradient_norm, rel=1e-2)


@needs_cuda
@compiler_may_warn
@pytest.mark.parametrize("setting", ["train.compile=off", "train.compile=on"])
def test_a_gpu_continues_a_run_as_if_it_had_not_stopped(setting: str) -> None:
    """Graphs are recorded anew in the second half, and dropout still follows from the step."""
    settings = (setting, "model.dropout=0.2", "train.optimizer=normuon")
    through, first, second = (on_cuda(*settings, precision=torch.bfloat16) for _ in range(3))
    expected = [step_of(through, step / 6).loss for step in range(6)]
    losses = [step_of(first, step / 6).loss for step in range(3)]
    second.load_state_dict(first.state_dict(), 3)
    losses += [step_of(second, step / 6).loss for step in range(3, 6)]
    assert losses == expected


@needs_cuda
@pytest.mark.filterwarnings("ignore:Synchronization debug mode:UserWarning")  # it is a prototype
def test_a_gpu_is_waited_for_once_in_a_step() -> None:
    trainer = on_cuda("train.batch_size=8", "train.accumulation=4")
    step_of(trainer, 0.0)
    slices = trainer.slices(1.0, trainer.config.model.context_length)
    try:
        torch.cuda.set_sync_debug_mode("error")
        for _ in range(3):  # all micro-batches but the last
            next(slices)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(list(slices)) == 1
