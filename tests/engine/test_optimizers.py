"""Muon updates each matrix as its paper states, and Adam everything else."""

import copy
import math
import subprocess
import sys
from typing import Any, Literal

import msgspec
import pytest
import torch
from torch import Tensor

from engine.config import ModelConfig, TrainConfig
from engine.model.gpt import GPT
from engine.model.matrix import Matrix, matrices_in
from engine.session.context import load_loops
from engine.training import muon_kernels
from engine.training.muon import Muon, as_wide
from engine.training.optimizers import Adam, Optimizer
from engine.training.orthogonalize import Orthogonalizer
from engine.training.workers import WorkerPool

MODEL = ModelConfig(context_length=8, n_layer=2, n_head=2, n_embd=16)
SWIGLU = msgspec.structs.replace(MODEL, activation="swiglu")


def gaussian(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def orthogonalized(stack: Tensor) -> Tensor:
    return Orthogonalizer(stack)(stack.clone())


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_orthogonalized_matrices_scale_every_direction_alike(scale: float) -> None:
    stack = gaussian(3, 8, 16) * scale
    for before, after in zip(stack, orthogonalized(stack), strict=True):
        left, singular, right = torch.linalg.svd(before, full_matrices=False)
        assert float(singular.max() / singular.min()) > 2  # they were not alike
        assert torch.all((torch.linalg.svdvals(after) - 1).abs() < 0.9)
        # The directions themselves stay: in their own basis the result is diagonal.
        inside = left.T @ after @ right.T
        torch.testing.assert_close(inside, inside.diag().diag(), rtol=0, atol=1e-4)


def reference_polar_express(matrix: Tensor) -> Tensor:
    x = matrix / (1.01 * matrix.norm())
    for a, b, c in (
        (8.28721201814563, -23.595886519098837, 17.300387312530933),
        (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
        (3.9486908534822946, -2.908902115951949, 0.5518191394370137),
    ):
        y = x / 1.01
        gram = y @ y.T
        x = a * y + b * gram @ y + c * gram @ gram @ y
    return x


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize(
    "size", [(4, 16, 16), (4, 16, 64), (4, 64, 16), (3, 5, 40), (1, 48, 192), (2, 1, 9)]
)
def test_orthogonalizing_takes_the_first_three_steps_of_the_paper(
    size: tuple[int, int, int], scale: float
) -> None:
    stack = gaussian(*size, seed=7) * scale
    updates = orthogonalized(stack)
    for matrix, update in zip(stack, updates, strict=True):
        torch.testing.assert_close(update, reference_polar_express(matrix), rtol=0, atol=5e-3)


@pytest.mark.parametrize("size", [(8, 16), (16, 64), (48, 192)])
def test_oblong_matrices_end_with_singular_values_near_one(size: tuple[int, int]) -> None:
    singular = torch.linalg.svdvals(orthogonalized(gaussian(4, *size, seed=8)))
    assert singular.min() > 0.15
    assert singular.max() < 1.9


def test_a_zero_gradient_gives_no_update() -> None:
    for size in ((2, 8, 8), (2, 8, 32)):
        assert torch.equal(orthogonalized(torch.zeros(size)), torch.zeros(size))


def fresh_model(seed: int = 1, config: ModelConfig = MODEL) -> GPT:
    return GPT(config, 7).init_weights(torch.Generator().manual_seed(seed))


def optimizer_of(model: GPT, config: TrainConfig) -> Optimizer:
    return Optimizer(model, config, WorkerPool(1))


def set_gradients(model: GPT, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def test_queries_keys_and_values_are_orthogonalized_separately() -> None:
    """However small the gradient of the values, they change as much as the queries do."""
    model = fresh_model()
    set_gradients(model, 2)
    weight = model.get_parameter("blocks.0.attention.qkv.weight")
    assert weight.grad is not None
    weight.grad[:16] *= 1e3
    weight.grad[32:] *= 1e-3
    before = weight.detach().clone()
    optimizer_of(model, TrainConfig(weight_decay=0)).step(0.01)
    update = (weight.detach() - before) / 0.01
    for part in update.split(16):
        assert 3 < float(part.norm()) < 5  # 16 singular values near 1: a norm near 4


def test_the_gate_of_swiglu_is_orthogonalized_separately() -> None:
    """However small the gradient of the gate, it changes as much as the up projection does."""
    model = fresh_model(config=SWIGLU)
    set_gradients(model, 2)
    weight = model.get_parameter("blocks.0.mlp.up.weight")
    assert weight.grad is not None
    rows, columns = weight.shape[0] // 2, weight.shape[1]
    weight.grad[:rows] *= 1e-3
    before = weight.detach().clone()
    optimizer_of(model, TrainConfig(weight_decay=0)).step(0.01)
    update = (weight.detach() - before) / 0.01
    expected = math.sqrt(rows)  # 16 singular values near 1, times the scale of a tall matrix
    assert columns == 16
    for part in update.split(rows):
        assert 0.75 * expected < float(part.norm()) < 1.5 * expected


def test_which_rows_are_matrices() -> None:
    model = fresh_model(config=SWIGLU)
    names = {id(p): name for name, p in model.named_parameters()}
    found = [(names[id(m.parameter)], m.first, m.last) for m in model.matrices()]
    hidden = 8 * 16 // 3
    expected = [
        (f"blocks.{layer}.{name}", first, last)
        for layer in range(2)
        for name, first, last in (
            ("attention.qkv.weight", 0, 16),
            ("attention.qkv.weight", 16, 32),
            ("attention.qkv.weight", 32, 48),
            ("attention.output.weight", 0, 16),
            ("mlp.up.weight", 0, hidden),
            ("mlp.up.weight", hidden, 2 * hidden),
            ("mlp.output.weight", 0, 16),
        )
    ]
    assert found == expected


def test_a_matrix_is_a_view_of_its_rows() -> None:
    parameter = gaussian(6, 4)
    stacked = matrices_in(parameter, 3)
    assert stacked == [Matrix(parameter, 0, 2), Matrix(parameter, 2, 4), Matrix(parameter, 4, 6)]
    gradient = gaussian(6, 4, seed=1)
    assert torch.equal(torch.cat([matrix.of(gradient) for matrix in stacked]), gradient)
    stacked[1].of(parameter).zero_()
    assert torch.equal(parameter[2:4], torch.zeros(2, 4))


@pytest.mark.parametrize("size", [(4, 4), (4, 9), (9, 4)])
def test_tall_matrices_are_transposed(size: tuple[int, int]) -> None:
    matrix = gaussian(*size)
    wide = as_wide(matrix)
    assert wide.shape == (4, max(size))
    assert torch.equal(wide, matrix.T if size == (9, 4) else matrix)


@pytest.mark.parametrize(
    ("changes", "outside"),
    [
        ({}, ["embedding.weight", "head.weight"]),
        ({"tied_head": True}, ["embedding.weight"]),
        (
            {"positions": "learned"},
            ["embedding.weight", "positions.weight", "head.weight"],
        ),
        ({"positions": "learned", "tied_head": True}, ["embedding.weight", "positions.weight"]),
        ({"attention": False}, ["embedding.weight", "head.weight"]),
        ({"activation": "swiglu"}, ["embedding.weight", "head.weight"]),
    ],
)
def test_adam_has_exactly_what_is_outside_the_blocks(
    changes: dict[str, Any], outside: list[str]
) -> None:
    model = fresh_model(config=msgspec.structs.replace(MODEL, **changes))
    names = {id(p): name for name, p in model.named_parameters()}
    optimizer = optimizer_of(model, TrainConfig())
    assert [names[id(p)] for p in optimizer.adam.parameters] == outside
    covered = {names[id(matrix.parameter)] for matrix in model.matrices()}
    assert covered == set(names.values()) - set(outside)
    # No row of them is left out, and none is taken twice.
    rows = sum(matrix.last - matrix.first for matrix in model.matrices())
    assert rows == sum(p.shape[0] for p in model.blocks.parameters())


def test_a_step_follows_the_sum_of_the_gradients_of_all_workers() -> None:
    model = fresh_model()
    optimizer = optimizer_of(model, TrainConfig())
    shapes = [p.shape for p in model.parameters()]
    grads = [[gaussian(*shape, seed=seed) for shape in shapes] for seed in range(3)]
    expected = [sum(each[1:], each[0].clone()) for each in zip(*grads, strict=True)]
    optimizer.set_grads(grads)
    for p, total in zip(model.parameters(), expected, strict=True):
        assert p.grad is not None
        torch.testing.assert_close(p.grad, total)
    optimizer.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_a_step_drops_the_gradients() -> None:
    model = fresh_model()
    set_gradients(model, 1)
    optimizer_of(model, TrainConfig()).step(0.01)
    assert all(p.grad is None for p in model.parameters())


class ReferenceMuon:
    """One matrix, as in Jordan's blog post, with nothing stacked; `by_neuron` as in NorMuon's
    paper."""

    def __init__(self, matrix: Tensor, by_neuron: bool, share: float) -> None:
        self.matrix = matrix.clone()
        self.momentum = torch.zeros_like(matrix)
        self.by_neuron, self.share = by_neuron, share
        self.squares = torch.zeros(len(matrix), 1)

    def step(self, gradient: Tensor, learning_rate: float, weight_decay: float) -> None:
        self.momentum = 0.9 * self.momentum + 0.1 * gradient
        mixed = (1 - self.share) * gradient + self.share * self.momentum
        rows, columns = mixed.shape
        update = (
            reference_polar_express(mixed.T).T if rows > columns else reference_polar_express(mixed)
        )
        if self.by_neuron:
            norm = update.norm()
            self.squares = 0.95 * self.squares + 0.05 * (update**2).mean(1, keepdim=True)
            update = update / self.squares.sqrt()
            update = update * norm / update.norm()
        self.matrix *= 1 - learning_rate * weight_decay
        self.matrix -= learning_rate * math.sqrt(max(1, rows / columns)) * update


def parts_of(name: str, tensor: Tensor, swiglu: bool) -> tuple[Tensor, ...]:
    """Queries, keys and values; gate and up projection; any other matrix as it is."""
    count = 3 if "qkv" in name else 2 if swiglu and "up" in name else 1
    return torch.split(tensor, tensor.shape[0] // count)


@pytest.mark.parametrize("activation", ["squared_relu", "swiglu"])
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("by_neuron", [False, True])
@pytest.mark.parametrize("share", [0.9, 0.7])
@pytest.mark.parametrize("at_once", [0, 3, 1000], ids="{} at once".format)
def test_muon_equals_a_plain_reference(
    workers: int,
    activation: str,
    by_neuron: bool,
    share: float,
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the loops for a CPU, some matrices or all of them at once, as with the operations for
    all devices (0)."""
    monkeypatch.setattr("engine.training.muon.fused.on_cpu", lambda _: at_once > 0)
    monkeypatch.setattr("engine.training.muon.AT_ONCE", at_once * 16 * 16)
    swiglu = activation == "swiglu"
    model = fresh_model(config=SWIGLU if swiglu else MODEL)
    inner = dict(model.blocks.named_parameters())
    references = {
        name: [ReferenceMuon(part, by_neuron, share) for part in parts_of(name, p.detach(), swiglu)]
        for name, p in inner.items()
    }
    with WorkerPool(workers) as pool:
        muon = Muon(model.matrices(), 0.1, pool, by_neuron=by_neuron, momentum_share=share)
        for step, rate in enumerate((0.03, 0.02, 0.01)):
            set_gradients(model, step)
            for name, group in references.items():
                gradient = inner[name].grad
                assert gradient is not None
                parts = parts_of(name, gradient.clone(), swiglu)
                for part, reference in zip(parts, group, strict=True):
                    reference.step(part, rate, 0.1)
            muon.step(rate)
    for name, group in references.items():
        expected = torch.cat([reference.matrix for reference in group])
        torch.testing.assert_close(inner[name].detach(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_embedding_and_head_follow_the_same_schedule_at_their_own_rate(share: float) -> None:
    model = fresh_model()
    config = TrainConfig(learning_rate=0.02, adam_learning_rate=0.003)
    set_gradients(model, 3)
    assert model.head is not None
    before = [p.detach().clone() for p in (model.embedding.weight, model.head.weight)]
    optimizer_of(model, config).step(0.02 * share)
    for old, new in zip(before, (model.embedding.weight, model.head.weight), strict=True):
        # Adam's first step changes every number by its learning rate.
        torch.testing.assert_close(
            (new.detach() - old).abs(), torch.full_like(old, 0.003 * share), rtol=1e-2, atol=1e-6
        )


def test_the_gradient_norm_is_that_of_all_weights_together() -> None:
    model = fresh_model()
    set_gradients(model, 4)
    everything = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    norm = optimizer_of(model, TrainConfig()).grad_norm()
    assert norm == pytest.approx(float(everything.norm()), rel=1e-5)


@pytest.mark.parametrize("rows", [96, 192])
def test_an_orthogonalization_in_bfloat16_is_that_in_float32_but_for_rounding(rows: int) -> None:
    changes = []
    for precision in (torch.float32, torch.bfloat16):
        weight = torch.nn.Parameter(torch.zeros(rows, 96))
        weight.grad = gaussian(rows, 96, seed=1)
        Muon([Matrix(weight, 0, rows)], 0.0, WorkerPool(1), precision=precision).step(0.01)
        assert weight.dtype == torch.float32
        changes.append(weight.detach())
    exact, rounded = changes
    assert not torch.equal(exact, rounded)
    assert (exact - rounded).norm() < 0.1 * exact.norm()


def test_the_gradient_may_have_any_layout_of_memory() -> None:
    changed = []
    for grad in (gaussian(16, 8).T, gaussian(16, 8).T.contiguous()):
        weight = torch.nn.Parameter(torch.ones(8, 16))
        weight.grad = grad
        Muon([Matrix(weight, 0, 8)], 0.0, WorkerPool(1)).step(0.01)
        changed.append(weight.detach())
    assert torch.equal(*changed)


def test_the_number_of_workers_may_change_between_two_steps() -> None:
    models = fresh_model(), fresh_model()
    with WorkerPool(1) as one, WorkerPool(3) as three:
        optimizers = [Muon(model.matrices(), 0.1, one, by_neuron=True) for model in models]
        for step in range(3):
            for model, optimizer in zip(models, optimizers, strict=True):
                set_gradients(model, step)
                optimizer.step(0.02)
            optimizers[0].use_workers(three)
    for ours, theirs in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_autograd_refuses_a_backward_pass_over_weights_that_a_step_has_changed() -> None:
    model = fresh_model()
    loss = model(torch.zeros(1, 8, dtype=torch.int64)).sum()
    set_gradients(model, 1)
    Muon(model.matrices(), 0.1, WorkerPool(1)).step(0.01)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(loss, list(model.parameters()))


def test_by_neurons_a_row_without_gradient_rests() -> None:
    weight = torch.nn.Parameter(torch.ones(8, 16))
    muon = Muon([Matrix(weight, 0, 8)], 0.0, WorkerPool(1), by_neuron=True)
    for seed in range(3):
        weight.grad = gaussian(8, 16, seed=seed)
        weight.grad[5] = 0
        muon.step(0.01)
    assert torch.equal(weight[5], torch.ones(16))
    assert (weight[:5] != 1).all()


def test_a_saved_state_has_the_names_and_shapes_of_older_checkpoints() -> None:
    model = fresh_model()
    set_gradients(model, 1)
    up = model.get_parameter("blocks.0.mlp.up.weight")
    assert up.grad is not None
    grad, muon = up.grad, optimizer_of(model, TrainConfig(optimizer="normuon")).muon
    muon.step(0.01)
    state = muon.state_dict()
    torch.testing.assert_close(state["muon.1"][0], 0.1 * grad.T)
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == {
        "muon.0": (8, 16, 16),  # queries, keys, values and output of two blocks
        "muon.1": (4, 16, 64),  # both of the MLP of each
        **{f"muon.square.{i}": (16,) for i in range(8)},
        **{f"muon.square.{8 + i}": (16 if i % 2 else 64,) for i in range(4)},
    }
    restored = optimizer_of(fresh_model(), TrainConfig(optimizer="normuon")).muon
    restored.load_state_dict(state)
    again = restored.state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in state.items())


@pytest.mark.parametrize("name", ["muon", "normuon"])
def test_a_saved_state_continues_identically(name: Literal["muon", "normuon"]) -> None:
    config = TrainConfig(optimizer=name)

    def advance(model: GPT, optimizer: Optimizer, steps: range) -> None:
        for step in steps:
            set_gradients(model, step)
            optimizer.step(0.02)

    model = fresh_model()
    optimizer = optimizer_of(model, config)
    advance(model, optimizer, range(3))
    weights, state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())

    other = fresh_model(seed=99)
    other.load_state_dict(weights)
    restored = optimizer_of(other, config)
    restored.load_state_dict(state)
    forgetful_model = copy.deepcopy(other)
    forgetful = optimizer_of(forgetful_model, config)

    advance(model, optimizer, range(3, 6))
    advance(other, restored, range(3, 6))
    advance(forgetful_model, forgetful, range(3, 6))
    for (key, a), b in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b), key
    for key in ("head.weight", "blocks.0.mlp.up.weight"):
        assert not torch.equal(model.get_parameter(key), forgetful_model.get_parameter(key))


def test_adam_is_that_of_torch() -> None:
    ours, theirs = gaussian(5, 3), gaussian(5, 3)
    adam = Adam([ours])
    reference = torch.optim.Adam([theirs], lr=0.01, betas=(0.8, 0.95))
    for step in range(20):
        ours.grad = theirs.grad = gaussian(5, 3, seed=step)
        adam.step(0.01)
        reference.step()
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", ["muon", "normuon"])
def test_a_first_step_has_nothing_to_compile(name: Literal["muon", "normuon"]) -> None:
    """Commands would wait for it, and a run by the clock would lose it."""
    load_loops()
    loops = muon_kernels.update_momentum, muon_kernels.change, muon_kernels.change_by_neuron
    compiled = [len(loop.signatures) for loop in loops]
    model = fresh_model()
    set_gradients(model, 1)
    optimizer_of(model, TrainConfig(optimizer=name)).step(0.01)
    assert compiled == [1, 1, 1]
    assert [len(loop.signatures) for loop in loops] == compiled


def test_neither_training_nor_opening_imports_the_compiler_of_torch() -> None:
    program = (
        "import sys, torch; from engine.training.optimizers import Optimizer; from engine.model.gpt import GPT;"
        "from engine.config import nano; from engine.training.workers import WorkerPool;"
        "from engine.session.context import check_state;"
        "config = nano('verse.txt'); model = GPT(config.model, 7).init_weights(torch.Generator());"
        "optimizer = Optimizer(model, config.train, WorkerPool(1));"
        "state = {'model': model.state_dict(), 'optimizer': optimizer.state_dict()};"
        "check_state(state, config, 7);"
        "print('torch._dynamo' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"
