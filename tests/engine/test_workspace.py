"""Memory that sublayers use again: nothing in it is read before it is written, nothing is mixed up."""

import gc
import weakref

import pytest
import torch

from engine.model import workspace
from engine.model.workspace import Buffer, Memory, MLPScratch, Workspace
from engine.training.replica import Replica
from tests.engine.shaping import awake, shape, some_ids

BATCH, TIME, VOCABULARY = 3, 300, 11  # three blocks of positions


def batch(seed: int, time: int = TIME) -> tuple[torch.Tensor, torch.Tensor]:
    window = some_ids(BATCH, time + 1, VOCABULARY, seed)
    return window[:, :-1], window[:, 1:]


@pytest.fixture
def replica() -> Replica:
    return Replica(awake(shape(context_length=TIME + 20), VOCABULARY), torch.float32)


@pytest.fixture
def _new_memory_is_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    class NaNBuffer(Buffer):
        def __init__(self, *args: int, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[arg-type]
            self.tensor.fill_(torch.nan)

    monkeypatch.setattr(workspace, "Buffer", NaNBuffer)


@pytest.mark.usefixtures("_new_memory_is_nan")
@pytest.mark.parametrize("time", [7, 128, TIME])
def test_nothing_is_read_before_it_is_written(replica: Replica, time: int) -> None:
    loss, grads = replica.loss_and_grad(*batch(1, time), BATCH * time, None)
    assert torch.tensor(loss).isfinite()
    assert all(grad.isfinite().all() for grad in grads)


def test_what_came_before_makes_no_difference(replica: Replica) -> None:
    """Other batches, lengths and evaluations go through the same memory."""
    expected = Replica(replica.model, torch.float32).loss_and_grad(*batch(1), BATCH * TIME, None)
    for time in (TIME, 9, TIME):
        replica.loss_and_grad(*batch(2, time), BATCH * time, None)
        replica.evaluate(*batch(3, time))
        with torch.enable_grad(), replica.workspace:
            replica.model(batch(4)[0])  # its graph is dropped without a backward pass
    loss, grads = replica.loss_and_grad(*batch(1), BATCH * TIME, None)
    assert loss == expected[0]
    assert all(map(torch.equal, grads, expected[1]))


def test_two_graphs_at_once_have_memory_of_their_own(replica: Replica) -> None:
    """A second forward pass before the first one's backward pass leaves its activations alone."""
    model, weights = replica.model, replica.parameters
    with torch.enable_grad(), replica.workspace:
        alone = torch.autograd.grad(model(batch(1)[0]).square().sum(), weights)
        first = model(batch(1)[0]).square().sum()
        second = model(batch(2)[0]).square().sum()
        torch.autograd.grad(second, weights)
        found = torch.autograd.grad(first, weights)
    assert all(map(torch.equal, found, alone))


def test_memory_is_used_again_while_its_sizes_stay() -> None:
    space = Workspace()
    sizes = (4, 8, 32, torch.float32)
    memory = space.take(MLPScratch, *sizes)
    assert space.take(MLPScratch, *sizes) is not memory
    space.give_back(memory)
    assert space.take(MLPScratch, *sizes) is memory
    other = space.take(MLPScratch, 5, 8, 32, torch.float32)
    space.give_back(memory)  # of a size that is no longer asked for
    assert other.y.tensor.shape == (5, 8)
    assert space.take(MLPScratch, *sizes) is not memory


def test_an_evaluation_and_a_step_leave_no_memory_behind(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time, nothing is allocated."""
    made: list[Memory] = []
    original = Memory.__init__

    def counted(self: Memory, *sizes: object) -> None:
        made.append(self)
        original(self, *sizes)

    for _ in range(2):
        replica.evaluate(*batch(1))
        replica.loss_and_grad(*batch(1), BATCH * TIME, None)
        monkeypatch.setattr(Memory, "__init__", counted)
    assert made == []


def test_the_memory_is_freed_with_its_replica() -> None:
    """At once, by its last reference: nothing is collected while a run is opened, and what is garbage
    then stays for good (`tui.engine_app`)."""
    gc.disable()
    try:
        replica = Replica(awake(shape(context_length=TIME), VOCABULARY), torch.float32)
        replica.loss_and_grad(*batch(1), BATCH * TIME, None)
        space = weakref.ref(replica.workspace)
        del replica
        assert space() is None
    finally:
        gc.enable()


def test_a_workspace_is_of_one_thread_and_only_meanwhile() -> None:
    space = Workspace()
    assert Workspace.current() is not Workspace.current()
    with space:
        assert Workspace.current() is space
    assert Workspace.current() is not space
