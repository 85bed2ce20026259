"""Muon and Adam update the weights as their papers say."""

import copy
import math
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from engine.config import ModelConfig, TrainConfig
from engine.model.gpt import GPT
from engine.training.optimizers import Adam, Optimizer, orthogonalizer
from engine.training.workers import WorkerPool

MODEL = ModelConfig(context_length=8, n_layer=2, n_head=2, n_embd=16)


def orthogonalize(matrices: Tensor) -> Tensor:
    return orthogonalizer(matrices) @ matrices


def gaussian(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_orthogonalized_matrices_scale_every_direction_alike(scale: float) -> None:
    stack = gaussian(3, 8, 16) * scale
    for before, after in zip(stack, orthogonalize(stack), strict=True):
        left, stretch, right = torch.linalg.svd(before, full_matrices=False)
        assert float(stretch.max() / stretch.min()) > 2  # they were not alike
        assert torch.all((torch.linalg.svdvals(after) - 1).abs() < 0.9)
        # The directions themselves stay: in their own basis the result is a diagonal.
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
@pytest.mark.parametrize("size", [(4, 16, 16), (4, 16, 64), (3, 5, 40), (1, 48, 192), (2, 1, 9)])
def test_orthogonalizing_takes_the_first_three_steps_of_the_paper(
    size: tuple[int, int, int], scale: float
) -> None:
    stack = gaussian(*size, seed=7) * scale
    updates = orthogonalize(stack)
    for matrix, update in zip(stack, updates, strict=True):
        torch.testing.assert_close(update, reference_polar_express(matrix), rtol=0, atol=5e-3)


@pytest.mark.parametrize("size", [(8, 16), (16, 64), (48, 192)])
def test_oblong_matrices_end_with_singular_values_near_one(size: tuple[int, int]) -> None:
    values = torch.linalg.svdvals(orthogonalize(gaussian(4, *size, seed=8)))
    assert values.min() > 0.15
    assert values.max() < 1.9


def test_a_matrix_of_zeros_is_not_updated() -> None:
    for size in ((2, 8, 8), (2, 8, 32)):
        assert torch.equal(orthogonalize(torch.zeros(size)), torch.zeros(size))


def fresh_model(seed: int = 1) -> GPT:
    return GPT(MODEL, 7).init_weights(torch.Generator().manual_seed(seed))


def optimizer_of(model: GPT, config: TrainConfig) -> Optimizer:
    return Optimizer(model, config, WorkerPool(1))


def give_gradients(model: GPT, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def test_queries_keys_and_values_are_updated_separately() -> None:
    """However small the gradient of the values, their update is as large as that of the queries."""
    model = fresh_model()
    give_gradients(model, 2)
    weight = model.get_parameter("blocks.0.attention.qkv.weight")
    assert weight.grad is not None
    weight.grad[:16] *= 1e3
    weight.grad[32:] *= 1e-3
    before = weight.detach().clone()
    optimizer_of(model, TrainConfig(weight_decay=0)).step(0.01)
    update = (weight.detach() - before) / 0.01
    for part in update.split(16):
        assert 3 < float(part.norm()) < 5  # 16 singular values near 1: a norm near 4


class ReferenceMuon:
    """One matrix, as in Jordan's blog post, with nothing stacked."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix.clone()
        self.momentum = torch.zeros_like(matrix)

    def step(self, gradient: Tensor, learning_rate: float, weight_decay: float) -> None:
        self.momentum = 0.9 * self.momentum + 0.1 * gradient
        ahead = 0.1 * gradient + 0.9 * self.momentum
        rows, columns = ahead.shape
        update = (
            reference_polar_express(ahead.T).T if rows > columns else reference_polar_express(ahead)
        )
        self.matrix *= 1 - learning_rate * weight_decay
        self.matrix -= learning_rate * math.sqrt(max(1, rows / columns)) * update


def matrices(parameter: Tensor) -> tuple[Tensor, ...]:
    """Queries, keys and values of a joint matrix; any other as it is."""
    rows, columns = parameter.shape
    return torch.split(parameter, columns if rows == 3 * columns else rows)


def test_muon_equals_a_plain_reference() -> None:
    model = fresh_model()
    inner = list(model.blocks.parameters())
    references = [[ReferenceMuon(m) for m in matrices(p.detach())] for p in inner]
    optimizer = optimizer_of(model, TrainConfig(weight_decay=0.1))
    for step, rate in enumerate((0.03, 0.02, 0.01)):
        give_gradients(model, step)
        for parameter, group in zip(inner, references, strict=True):
            assert parameter.grad is not None
            for part, reference in zip(matrices(parameter.grad.clone()), group, strict=True):
                reference.step(part, rate, 0.1)
        optimizer.step(rate)
    for parameter, group in zip(inner, references, strict=True):
        expected = torch.cat([reference.matrix for reference in group])
        torch.testing.assert_close(parameter.detach(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_embedding_and_head_follow_the_same_schedule_at_their_own_rate(factor: float) -> None:
    model = fresh_model()
    config = TrainConfig(learning_rate=0.02, adam_learning_rate=0.003)
    give_gradients(model, 3)
    before = [p.detach().clone() for p in (model.embedding.weight, model.head.weight)]
    optimizer_of(model, config).step(0.02 * factor)
    for old, new in zip(before, (model.embedding.weight, model.head.weight), strict=True):
        # Adam's first step changes every number by its rate.
        torch.testing.assert_close(
            (new.detach() - old).abs(), torch.full_like(old, 0.003 * factor), rtol=1e-2, atol=1e-6
        )


def test_the_gradient_norm_is_that_of_all_weights_together() -> None:
    model = fresh_model()
    give_gradients(model, 4)
    everything = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    norm = optimizer_of(model, TrainConfig()).grad_norm()
    assert norm == pytest.approx(float(everything.norm()), rel=1e-5)


def test_training_continues_identically_from_a_saved_state() -> None:
    def advance(model: GPT, optimizer: Optimizer, steps: range) -> None:
        for step in steps:
            give_gradients(model, step)
            optimizer.step(0.02)

    model = fresh_model()
    optimizer = optimizer_of(model, TrainConfig())
    advance(model, optimizer, range(3))
    weights, state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())

    other = fresh_model(seed=99)
    other.load_state_dict(weights)
    restored = optimizer_of(other, TrainConfig())
    restored.load_state_dict(state)
    fresh_state_model = copy.deepcopy(other)
    fresh_state = optimizer_of(fresh_state_model, TrainConfig())

    advance(model, optimizer, range(3, 6))
    advance(other, restored, range(3, 6))
    advance(fresh_state_model, fresh_state, range(3, 6))
    for (name, a), b in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b), name
    for name in ("head.weight", "blocks.0.mlp.up.weight"):
        assert not torch.equal(model.get_parameter(name), fresh_state_model.get_parameter(name))


def test_adam_equals_that_of_torch() -> None:
    ours, theirs = gaussian(5, 3), gaussian(5, 3)
    adam = Adam([ours])
    reference = torch.optim.Adam([theirs], lr=0.01, betas=(0.8, 0.95))
    for step in range(20):
        ours.grad = theirs.grad = gaussian(5, 3, seed=step)
        adam.step(0.01)
        reference.step()
        torch.testing.assert_close(ours, theirs)


def test_neither_training_nor_opening_imports_the_compiler_of_torch() -> None:
    program = (
        "import sys, torch; from engine.training.optimizers import Optimizer; from engine.model.gpt import GPT;"
        "from engine.config import nano; from engine.training.workers import WorkerPool;"
        "from engine.session.context import check_state;"
        "config = nano('verse.txt'); model = GPT(config.model, 7);"
        "optimizer = Optimizer(model, config.train, WorkerPool(1));"
        "state = {'model': model.state_dict(), 'optimizer': optimizer.state_dict()};"
        "check_state(state, config, 7);"
        "print('torch._dynamo' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"
