"""Worker threads divide a step: nothing is lost, results keep their order, no thread stays."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from driving import tiny
from torch import Tensor

from engine.device import Hardware
from engine.model.tokenizer import Vocabulary
from engine.training.dataset import Dataset
from engine.training.replica import Replica
from engine.training.trainer import Evaluation, Trainer
from engine.training.workers import WorkerPool

TEXT = "The quick brown fox jumps over a lazy dog's hat.\n" * 20
VOCABULARY = Vocabulary(TEXT)
CONTEXT = tiny("any").model.context_length
TIMEOUT = 10.0


def live() -> list[str]:
    """The names of the worker threads that are alive."""
    return [t.name for t in threading.enumerate() if t.name.startswith("worker_")]


@pytest.fixture(autouse=True)
def _none_stays() -> Iterator[None]:
    assert live() == []
    yield
    assert live() == []


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("total", [1, 2, 3, 7, 8, 9, 100])
def test_a_split_covers_everything_once_and_nearly_evenly(count: int, total: int) -> None:
    with WorkerPool(count) as workers:
        parts = [range(total)[part] for part in workers.split(total)]
    assert [i for part in parts for i in part] == list(range(total))
    assert len(parts) == min(count, total)
    sizes = [len(part) for part in parts]
    assert 1 <= min(sizes) <= max(sizes) <= min(sizes) + 1


def test_results_come_in_the_order_of_the_parts() -> None:
    """Even where the first part finishes last."""
    second_done = threading.Event()

    def work(part: int) -> tuple[int, bool]:
        in_time = part != 0 or second_done.wait(TIMEOUT)
        if part == 1:
            second_done.set()
        return part, in_time

    with WorkerPool(2) as workers:
        assert workers.map(work, range(2)) == [(0, True), (1, True)]
        assert workers.map(str, range(7)) == list("0123456")


def test_parts_are_worked_on_in_parallel() -> None:
    barrier = threading.Barrier(3)
    with WorkerPool(3) as workers:
        # Each waits for the two others; a wait that times out breaks the barrier and raises.
        assert sorted(workers.map(lambda _: barrier.wait(TIMEOUT), range(3))) == [0, 1, 2]


def test_a_single_part_is_worked_on_as_well() -> None:
    with WorkerPool(2) as workers:
        assert workers.map(str, [7]) == ["7"]


@pytest.mark.usefixtures("_two_torch_threads")
def test_each_thread_computes_alone() -> None:
    barrier = threading.Barrier(3)

    def count(_: int) -> int:
        barrier.wait(TIMEOUT)
        return torch.get_num_threads()

    with WorkerPool(3) as workers:
        assert workers.map(count, range(3)) == [torch.get_num_threads(), 1, 1]


def test_a_number_too_small_to_compute_with_quickly_is_zero() -> None:
    """In every thread while it works, and in the caller's not after that."""
    small = torch.full((64,), 1e-20)

    def product(_: object) -> float:
        return float((small * small).sum())

    with WorkerPool(2) as pool:
        assert pool.map(product, range(2)) == [0, 0]
    assert product(0) == pytest.approx(64e-40, rel=1e-3)


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_an_error_is_raised_and_the_next_work_is_done(bad: int) -> None:
    def work(part: int) -> int:
        if part == bad:
            raise ArithmeticError(f"part {part} is bad")
        return part

    with WorkerPool(2) as workers:
        with pytest.raises(ArithmeticError, match=f"part {bad} is bad"):
            workers.map(work, range(3))
        assert workers.map(abs, [-1, -2]) == [1, 2]


def test_after_close_no_thread_is_alive() -> None:
    workers = WorkerPool(2)
    workers.map(abs, range(2))
    assert live() != []
    workers.close()
    assert live() == []
    workers.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes the worker pools of a test."""
    with ExitStack() as stack:
        yield stack


def make_trainer(stack: ExitStack, count: int, *assignments: str) -> Trainer:
    config = tiny("any", *assignments)
    ids = VOCABULARY.encode_corpus(TEXT)
    dataset = Dataset(ids, config.model.context_length, 0.3, config.train.seed)
    hardware = Hardware(torch.device("cpu"), count, torch.float32, "for a test")
    workers = stack.enter_context(WorkerPool(count))
    return Trainer(config, len(VOCABULARY), dataset, hardware, workers)


def train(trainer: Trainer, steps: int = 12) -> list[float]:
    return [trainer.step(step / steps, CONTEXT).loss for step in range(steps)]


def evaluation_of(trainer: Trainer) -> Evaluation:
    *_, last = trainer.evaluate(CONTEXT)
    assert isinstance(last, Evaluation)
    return last


@pytest.mark.parametrize("batch", [1, 2, 4, 5])
@pytest.mark.parametrize("count", [2, 3])
def test_more_threads_learn_the_same(stack: ExitStack, count: int, batch: int) -> None:
    choice = f"train.batch_size={batch}"
    one, many = make_trainer(stack, 1, choice), make_trainer(stack, count, choice)
    losses = train(one)
    assert train(many) == pytest.approx(losses, rel=1e-4)
    assert losses[-1] < 0.99 * losses[0]  # by much more than the tolerance


def test_gradients_of_all_threads_count(stack: ExitStack) -> None:
    one, two = make_trainer(stack, 1), make_trainer(stack, 2)
    train(one, 1)
    train(two, 1)
    first, second = one.step(0.5, CONTEXT), two.step(0.5, CONTEXT)
    assert second.gradient_norm == pytest.approx(first.gradient_norm, rel=1e-4)


@pytest.mark.parametrize("dropout", ["0", "0.2"])
@pytest.mark.parametrize("count", [2, 3])
def test_the_same_number_of_threads_is_the_same_run(
    stack: ExitStack, count: int, dropout: str
) -> None:
    choices = (f"model.dropout={dropout}", "train.batch_size=5")
    first = train(make_trainer(stack, count, *choices))
    assert first == train(make_trainer(stack, count, *choices))
    assert first != train(make_trainer(stack, count, *choices, "train.seed=2"))


def test_each_thread_has_its_own_dropout(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are given the same text: their losses on it differ by what was dropped."""
    trainer = make_trainer(stack, 2, "model.dropout=0.5", "train.batch_size=2")
    train(trainer, 3)
    losses, micro_batch_grads = [], Replica.micro_batch_grads

    def spy(*work: Any) -> tuple[float, tuple[Tensor, ...]]:
        loss, grads = micro_batch_grads(*work)
        losses.append(loss)
        return loss, grads

    same = torch.arange(17) % len(VOCABULARY)
    monkeypatch.setattr(
        trainer.dataset, "batch", lambda *_: (same[:-1].repeat(2, 1), same[1:].repeat(2, 1))
    )
    monkeypatch.setattr(Replica, "micro_batch_grads", spy)
    trainer.step(0.5, CONTEXT)
    assert len(losses) == len(set(losses)) == 2


def test_more_threads_give_the_same_evaluation(stack: ExitStack) -> None:
    one, two = make_trainer(stack, 1), make_trainer(stack, 2)
    train(one)
    two.load_state_dict(one.state_dict(), 12)
    expected, found = evaluation_of(one), evaluation_of(two)
    assert found.loss == pytest.approx(expected.loss, rel=1e-6)
    assert found.accuracy == expected.accuracy
    assert 0 < found.accuracy < 1
