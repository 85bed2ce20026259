"""Loss and gradient by hand are those of autograd, whatever the shape and however it is split."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from shaping import CONTEXT, awake, shape, some_ids
from torch import Tensor

from engine.config import ModelConfig
from engine.model import fused as by_hand
from engine.model import kernels
from engine.model.fused import ByHand
from engine.model.gpt import GPT
from engine.training.replica import ByTorch


class Case(NamedTuple):
    """A model, a batch for it, and how many characters go through it together."""

    config: ModelConfig
    vocabulary: int = 11
    batch: int = 4
    time: int = CONTEXT
    rows: int = 1024

    def model(self) -> GPT:
        return awake(self.config, self.vocabulary)

    def ids(self, seed: int = 6) -> tuple[Tensor, Tensor]:
        """Inputs and targets, as a dataset gives them: views of one array."""
        window = some_ids(self.batch, self.time + 1, self.vocabulary, seed)
        return window[:, :-1], window[:, 1:]


CASES = {
    "plain": Case(shape()),
    "one block": Case(shape(n_layer=1, n_head=1)),
    "three blocks": Case(shape(n_layer=3, n_embd=48, n_head=3)),
    "narrow heads": Case(shape(n_embd=16, n_head=8)),
    "shortest context": Case(shape(context_length=8), time=8),
    "long context": Case(shape(context_length=64, n_embd=32), time=64, batch=20),
    "few characters": Case(shape(), vocabulary=5),
    "many characters": Case(shape(), vocabulary=300),
    "a rest shorter than the context": Case(shape(), time=5, batch=1),
    "a single character": Case(shape(), time=1, batch=3),
    "parts that divide": Case(shape(), batch=6, rows=2 * CONTEXT),
    "parts with a rest": Case(shape(), batch=7, rows=3 * CONTEXT + 1),
    "parts smaller than a text": Case(shape(n_layer=1), batch=3, rows=5),
}


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    chosen: Case = request.param
    monkeypatch.setattr(by_hand, "ROWS", chosen.rows)
    return chosen


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def copies(gradients: tuple[Tensor, ...]) -> list[Tensor]:
    return [gradient.clone() for gradient in gradients]


def apart(one: Tensor, other: Tensor) -> float:
    """How far two tensors are from each other, for the length of the other."""
    return float((one - other).norm() / other.norm())


def assert_near(
    model: GPT, gradients: tuple[Tensor, ...], expected: tuple[Tensor, ...], tolerance: float
) -> None:
    for (name, parameter), ours, theirs in zip(
        model.named_parameters(), gradients, expected, strict=True
    ):
        assert ours.dtype == torch.float32
        assert ours.shape == parameter.shape, name
        assert ours.isfinite().all(), name
        if parameter.shape[0] == parameter.shape[1] * 3 and not theirs[: parameter.shape[1]].any():
            # Alone, a character can look only at itself: queries and keys change nothing.
            width = parameter.shape[1]
            assert ours[: 2 * width].abs().max() < 1e-6, name
            ours, theirs = ours[2 * width :], theirs[2 * width :]
        assert theirs.norm() > 0, name
        assert apart(ours, theirs) < tolerance, name


def test_loss_and_gradients_are_those_of_autograd(case: Case) -> None:
    model = case.model()
    inputs, targets = case.ids()
    ours, theirs = ByHand(model, torch.float32), ByTorch(model, torch.float32)
    loss = ours.learn(inputs, targets, targets.numel(), None)
    assert loss == pytest.approx(theirs.learn(inputs, targets, targets.numel(), None), rel=1e-5)
    assert_near(model, ours.gradients, theirs.gradients, 1e-5)


def test_the_score_is_that_of_the_model(case: Case) -> None:
    model = case.model()
    inputs, targets = case.ids()
    with torch.no_grad():
        targets = torch.where(targets % 2 == 0, model(inputs).argmax(2), targets)
    loss, guessed = ByHand(model, torch.float32).score(inputs, targets)
    expected, right = ByTorch(model, torch.float32).score(inputs, targets)
    assert loss == pytest.approx(expected, rel=1e-5)
    assert guessed == right > 0


def test_what_was_learned_before_is_not_added() -> None:
    model, case = CASES["plain"].model(), CASES["plain"]
    learner = ByHand(model, torch.float32)
    first = learner.learn(*case.ids(), 64, None)
    gradients = copies(learner.gradients)
    assert learner.learn(*case.ids(7), 64, None) != first
    assert not torch.equal(learner.gradients[0], gradients[0])
    learner.score(*case.ids(8))
    assert learner.learn(*case.ids(), 64, None) == first
    assert all(map(torch.equal, learner.gradients, gradients))


def test_shares_of_a_batch_add_up_to_the_whole() -> None:
    case = CASES["plain"]
    model, (inputs, targets) = case.model(), case.ids()
    whole, first, rest = (ByHand(model, torch.float32) for _ in range(3))
    loss = whole.learn(inputs, targets, 64, None)
    shares = first.learn(inputs[:1], targets[:1], 64, None)
    shares += rest.learn(inputs[1:], targets[1:], 64, None)
    assert shares == pytest.approx(loss, rel=1e-5)
    sums = tuple(a + b for a, b in zip(first.gradients, rest.gradients, strict=True))
    assert_near(model, sums, whole.gradients, 1e-5)


@torch.no_grad()
def test_the_weights_are_followed_as_they_change() -> None:
    model, case = CASES["plain"].model(), CASES["plain"]
    learner = ByHand(model, torch.float32)
    before = learner.learn(*case.ids(), 64, None)
    for parameter in model.parameters():
        parameter.mul_(torch.linspace(0.5, 1.5, parameter.shape[1]))
    model.load_state_dict(model.state_dict())
    fresh = ByHand(model, torch.float32)
    assert learner.learn(*case.ids(), 64, None) == fresh.learn(*case.ids(), 64, None) != before
    assert all(map(torch.equal, learner.gradients, fresh.gradients))


@pytest.mark.parametrize("name", ["plain", "three blocks", "parts with a rest"])
def test_bfloat16_is_near(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    monkeypatch.setattr(by_hand, "ROWS", case.rows)
    model, (inputs, targets) = case.model(), case.ids()
    exact, rough = ByHand(model, torch.float32), ByHand(model, torch.bfloat16)
    loss = exact.learn(inputs, targets, targets.numel(), None)
    rough_loss = rough.learn(inputs, targets, targets.numel(), None)
    assert rough_loss == pytest.approx(loss, rel=0.02)
    assert rough_loss != loss
    assert_near(model, rough.gradients, exact.gradients, 0.05)
    total, _ = exact.score(inputs, targets)
    assert rough.score(inputs, targets)[0] == pytest.approx(total, rel=0.02)


DROPPING = Case(shape(dropout=0.3), batch=6, rows=2 * CONTEXT)


@pytest.fixture
def _in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_hand, "ROWS", DROPPING.rows)


def dropped(learner: ByHand, seed: int | None) -> tuple[float, list[Tensor]]:
    """Loss and gradients of a batch, under the dropout that this seed draws."""
    generator = None if seed is None else seeded(seed)
    loss = learner.learn(*DROPPING.ids(), DROPPING.batch * DROPPING.time, generator)
    return loss, copies(learner.gradients)


@pytest.mark.usefixtures("_in_parts")
def test_the_seed_decides_what_is_dropped() -> None:
    learner = ByHand(DROPPING.model(), torch.float32)
    loss, gradients = dropped(learner, 1)
    whole_loss, _ = dropped(learner, None)
    other_loss, others = dropped(learner, 2)
    again_loss, again = dropped(learner, 1)
    assert again_loss == loss
    assert all(map(torch.equal, again, gradients))
    assert len({loss, other_loss, whole_loss}) == 3
    assert not any(map(torch.equal, others, gradients))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_dropout_is_that_of_the_model(share: float) -> None:
    case = Case(shape(dropout=share))
    model, (inputs, targets) = case.model(), case.ids()
    ours, theirs = ByHand(model, torch.float32), ByTorch(model, torch.float32)
    loss = ours.learn(inputs, targets, 64, seeded(1))
    assert loss == pytest.approx(theirs.learn(inputs, targets, 64, seeded(1)), rel=1e-5)
    assert_near(model, ours.gradients, theirs.gradients, 1e-5)


def test_without_a_share_a_generator_changes_nothing() -> None:
    case = CASES["plain"]
    learner = ByHand(case.model(), torch.float32)
    generator = seeded(1)
    assert learner.learn(*case.ids(), 64, generator) == learner.learn(*case.ids(), 64, None)


def test_a_score_drops_nothing() -> None:
    model, whole = DROPPING.model(), Case(shape()).model()
    learner = ByHand(model, torch.float32)
    dropped(learner, 1)
    score = learner.score(*DROPPING.ids())
    assert score == ByHand(whole, torch.float32).score(*DROPPING.ids())


def test_dropout_changes_the_gradient_little_on_average() -> None:
    """What is kept is made larger, so that the expected sum is that of all."""
    learner = ByHand(awake(shape(dropout=0.05)), torch.float32)
    _, whole = dropped(learner, None)
    sums = [torch.zeros_like(gradient) for gradient in whole]
    single = dropped(learner, 0)[1]
    for seed in range(60):
        torch._foreach_add_(sums, dropped(learner, seed)[1])
    for one, total, exact in zip(single, sums, whole, strict=True):
        mean = total / 60
        assert torch.cosine_similarity(mean.flatten(), exact.flatten(), dim=0) > 0.98
        assert 0.85 < float(mean.norm() / exact.norm()) < 1.15
        assert apart(mean, exact) < 0.5 * apart(one, exact)


@pytest.mark.usefixtures("_in_parts")
@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("place", range(10))
@torch.no_grad()
def test_the_gradient_is_the_slope_of_the_loss(place: int, seed: int | None) -> None:
    """Up and down a random hillside of one weight matrix, under the same dropout each time."""
    model = DROPPING.model()
    learner = ByHand(model, torch.float32)
    _, gradients = dropped(learner, seed)
    weight, gradient = list(model.parameters())[place], gradients[place]
    uphill = torch.rand(gradient.shape, generator=seeded(3)) * gradient.sign()
    uphill /= uphill.norm()
    promised = float((uphill * gradient).sum())
    size = 0.02 * float(weight.norm()) / weight.shape[1] ** 0.5
    weight.add_(uphill, alpha=size)
    above, _ = dropped(learner, seed)
    weight.sub_(uphill, alpha=2 * size)
    below, _ = dropped(learner, seed)
    assert (above - below) / (2 * size) == pytest.approx(promised, rel=1e-2)


def test_powers_are_as_exact_as_float32_allows() -> None:
    """The wider of two neighbouring float32 steps of x is worth 1.2e-7 |x| of e ** x."""
    x = np.linspace(-80, 80, 20_001, dtype=np.float32)[1:-1]
    powers = np.array([kernels.exp(value) for value in x])
    exact = np.exp(x.astype(np.float64))
    assert np.all(np.abs(powers / exact - 1) < 2e-7 + 1.2e-7 * np.abs(x))


@pytest.mark.parametrize("time", [1, 2, 7, 64])
def test_the_causal_softmax_bears_the_widest_scores(time: int) -> None:
    scores = torch.randn(3, time, time, generator=seeded(4))
    scores[1] = torch.where(scores[1] > 0, 46.0, -46.0)
    scores[2] = -46
    future = torch.ones(time, time, dtype=torch.bool).triu(1)
    expected = scores.double().masked_fill(future, -torch.inf).softmax(2)
    kernels.causal_softmax(scores.numpy())
    assert not scores[:, future].any()
    # Below 1e-38 a float32 has fewer digits.
    torch.testing.assert_close(scores.double(), expected, rtol=1e-5, atol=1e-38)


def test_without_a_folder_for_them_loops_are_compiled_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: object) -> object:
        if "cache" in options:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda loop: loop

    monkeypatch.setattr(kernels, "njit", refuse)
    assert kernels.compiled(len) is len
