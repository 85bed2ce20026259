"""What is said where ranks cannot train together, and what is known from one start to the next."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from test_trainer import evaluation_of, make_trainer
from torch import Tensor
from torch.distributed import HashStore

from engine.config import TrainConfig
from engine.device import Machine
from engine.launch import Launch, launched
from engine.storage.launch_file import LaunchFile
from engine.training.process_group import Member, ProcessGroup
from engine.training.rank_messages import decoded
from engine.training.rank_trainer import LeadTrainer, check_ranks

LAUNCH = Launch(
    rank=0,
    world=4,
    local_rank=0,
    local_world=4,
    restarts=0,
    run_id="none",
    address="127.0.0.1:29500",
)
MEMBER = Member(
    host="here",
    pid=1,
    processor="AVX2",
    torch="2.13",
    program="1.0",
    command=("train", "a.txt"),
)
ENVIRONMENT = {
    "RANK": "1",
    "WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "9",
}


def group_of(*members: Member) -> ProcessGroup:
    group = ProcessGroup(LAUNCH, HashStore())
    group.members = list(members)
    return group


def test_a_process_knows_from_its_environment_that_it_is_a_rank() -> None:
    launch = launched(ENVIRONMENT)
    assert launch is not None
    assert (launch.rank, launch.world, launch.restarts) == (1, 2, 0)
    assert launched({"WORLD_SIZE": "2"}) is None


@pytest.mark.parametrize("change", [{"RANK": "2"}, {"RANK": "one"}, {"MASTER_PORT": "70000"}])
def test_an_environment_that_makes_no_sense_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"RANK.*WORLD_SIZE.*MASTER_PORT"):
        launched(ENVIRONMENT | change)


def test_a_rank_that_nobody_answers_says_where_it_has_looked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    launch = launched()
    assert launch is not None
    with pytest.raises(ValueError, match=r"Rank 1 of 2 has not met .* at 127\.0\.0\.1:9 within"):
        ProcessGroup.join(launch, "1.0", (), timedelta(seconds=0.2))


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ({"torch": "2.9"}, "Rank 1 (there) has torch 2.9, and rank 0 (here) has 2.13"),
        ({"program": "2.0"}, "Rank 1 (there) has tinygpt-tui 2.0, and rank 0 (here) has 1.0"),
        ({"command": ("train", "b.txt")}, "Rank 1 (there) was started with other options"),
    ],
)
def test_ranks_that_do_not_do_the_same_are_refused(member: dict[str, object], words: str) -> None:
    other = msgspec.structs.replace(MEMBER, host="there", **member)
    assert group_of(MEMBER, MEMBER).mismatch == ""
    assert words in group_of(MEMBER, other).mismatch


def test_more_ranks_than_a_batch_has_windows_are_refused() -> None:
    group = group_of(MEMBER)
    assert check_ranks(TrainConfig(batch_size=4, device="cpu"), group).threads == 1
    with pytest.raises(ValueError, match=r"4 ranks are more than the 3 windows .*--nproc-per-node"):
        check_ranks(TrainConfig(batch_size=3, device="cpu"), group)
    with pytest.raises(ValueError, match="4 ranks with 2 threads each"):
        check_ranks(TrainConfig(batch_size=4, threads=2, device="cpu"), group)


def test_where_ranks_add_as_threads_do_nothing_differs() -> None:
    def machine(world: int, threads: int) -> Machine:
        return Machine("cpu", threads, "float32", "2.13", "avx2", world)

    assert machine(1, 4).differences(machine(4, 1)) == ""
    assert machine(1, 2).differences(machine(4, 1)) == "threads 2 → 1, world 1 → 4"
    assert machine(2, 2).differences(machine(4, 1)) == "threads 2 → 1, world 2 → 4"


def test_ranks_that_start_again_go_on_with_their_run_and_a_new_launch_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGPT_HOME", str(tmp_path))
    for name in ("amber-otter", "brave-bear"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    command = ("train", "a.txt")
    LaunchFile(LAUNCH, command).keep("brave-bear")
    again = replace(LAUNCH, restarts=1)
    assert LaunchFile(again, command).run() == "brave-bear"
    assert LaunchFile(again, ("train", "b.txt")).run() == ""
    assert LaunchFile(LAUNCH, command).run() == ""


class Recording(ProcessGroup):
    """A group of one rank that keeps what is sent; the processors may differ."""

    def __init__(self, *, differs: bool) -> None:
        super().__init__(replace(LAUNCH, world=1), HashStore())
        self.members = [MEMBER, msgspec.structs.replace(MEMBER, processor="AVX512")][: 1 + differs]
        self.sent: list[str] = []

    def send(self, message: bytes) -> None:
        self.sent.append(type(decoded(message)).__name__)

    def broadcast(self, tensor: Tensor) -> None:
        if self.sent[-1] != "weights":
            self.sent.append("weights")

    def gather(self, data: bytes) -> list[bytes]:
        return [data]


@pytest.mark.parametrize("differs", [False, True])
def test_other_processors_get_the_weights_before_each_evaluation(differs: bool) -> None:
    plain = make_trainer()
    group = Recording(differs=differs)
    trainer = LeadTrainer(
        plain.config, plain.vocabulary, plain.dataset, plain.hardware, plain.workers, group
    )
    evaluations = [evaluation_of(trainer) for _ in range(2)]
    again = ["Synchronize", "weights"] if differs else []
    assert group.sent == ["Prepare", "weights", "Evaluate", *again, "Evaluate"]
    assert evaluations == [evaluation_of(plain)] * 2
    assert ("processors differ" in group.note) == differs
