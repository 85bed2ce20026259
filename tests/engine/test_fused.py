"""Loss and gradients of the compiled sublayers are those of autograd over plain operations,
whatever the shape and however the batch is split."""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest
import torch
from shaping import CONTEXT, OPTIONS, after_one, awake, named, plain_operations, shape, some_ids
from torch import Tensor

from engine.config import ModelConfig
from engine.model import fused, passes
from engine.model.gpt import GPT
from engine.model.products import integer_formats
from engine.model.workspace import Workspace
from engine.training import replica
from engine.training.replica import Replica

INTEGERS = [
    pytest.param(
        precision,
        marks=pytest.mark.skipif(
            precision not in integer_formats(),
            reason=f"this processor cannot compute in {precision}",
        ),
    )
    for precision in (torch.int16, torch.int8)
]
FORMATS = [torch.float32, torch.bfloat16, *INTEGERS]


class Case(NamedTuple):
    """A model, a batch for it, and how many characters are in one micro-batch."""

    config: ModelConfig
    vocabulary: int = 11
    batch: int = 4
    time: int = CONTEXT
    micro_batch: int = 1024

    def model(self) -> GPT:
        return awake(self.config, self.vocabulary)

    def ids(self, seed: int = 6) -> tuple[Tensor, Tensor]:
        """Inputs and targets, as a dataset gives them: views of one array."""
        window = some_ids(self.batch, self.time + 1, self.vocabulary, seed)
        return window[:, :-1], window[:, 1:]


CASES = {
    "default": Case(shape()),
    "one block": Case(shape(n_layer=1, n_head=1)),
    "three blocks": Case(shape(n_layer=3, n_embd=48, n_head=3)),
    "narrow heads": Case(shape(n_embd=16, n_head=8)),
    "shortest context": Case(shape(context_length=8), time=8),
    "long context": Case(shape(context_length=64, n_embd=32), time=64, batch=20),
    "two blocks of positions": Case(shape(context_length=256), time=256, batch=2),
    "three blocks, the last one short": Case(shape(context_length=320), time=300, batch=2),
    "few characters": Case(shape(), vocabulary=5),
    "many characters": Case(shape(), vocabulary=300),
    "shorter than the context": Case(shape(), time=5, batch=1),
    "a single character": Case(shape(), time=1, batch=3),
    "micro-batches of equal size": Case(shape(), batch=6, micro_batch=2 * CONTEXT),
    "a smaller last micro-batch": Case(shape(), batch=7, micro_batch=3 * CONTEXT + 1),
    "micro-batches smaller than a text": Case(shape(n_layer=1), batch=3, micro_batch=5),
    "tied head": Case(shape(tied_head=True)),
    "attention alone": Case(shape(mlp=False)),
    "MLP alone": Case(shape(attention=False)),
}


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    chosen: Case = request.param
    monkeypatch.setattr(replica, "MICRO_BATCH", chosen.micro_batch)
    return chosen


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def distance(one: Tensor, other: Tensor) -> float:
    """How far two tensors are from each other, relative to the length of the other."""
    return float((one - other).norm() / other.norm())


def assert_near(model: GPT, grads: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    for (name, parameter), ours, theirs in zip(
        model.named_parameters(), grads, expected, strict=True
    ):
        assert ours.dtype == torch.float32
        assert ours.shape == parameter.shape, name
        assert ours.isfinite().all(), name
        if parameter.shape[0] == parameter.shape[1] * 3 and not theirs[: parameter.shape[1]].any():
            # A character alone attends to itself only: queries and keys change nothing.
            width = parameter.shape[1]
            assert ours[: 2 * width].abs().max() < 1e-6, name
            ours, theirs = ours[2 * width :], theirs[2 * width :]
        assert theirs.norm() > 0, name
        assert distance(ours, theirs) < tolerance, name


def test_loss_and_gradients_are_those_of_plain_operations(case: Case) -> None:
    model = case.model()
    inputs, targets = case.ids()
    loss, grads = Replica(model, torch.float32).loss_and_grad(
        inputs, targets, targets.numel(), None
    )
    with plain_operations():
        expected_loss, expected = Replica(model, torch.float32).loss_and_grad(
            inputs, targets, targets.numel(), None
        )
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert_near(model, grads, expected, 1e-5)


def test_an_evaluation_is_that_of_the_model(case: Case) -> None:
    model = case.model()
    inputs, targets = case.ids()
    with torch.no_grad():
        targets = torch.where(targets % 2 == 0, model(inputs).argmax(2), targets)
    loss, correct, _ = Replica(model, torch.float32).evaluate(inputs, targets)
    with plain_operations():
        expected, expected_correct, _ = Replica(model, torch.float32).evaluate(inputs, targets)
    assert loss == pytest.approx(expected, rel=1e-5)
    assert correct == expected_correct > 0


def test_an_evaluation_has_the_loss_of_training(case: Case) -> None:
    model, (inputs, targets) = case.model(), case.ids()
    learner = Replica(model, torch.float32)
    loss, _ = learner.loss_and_grad(inputs, targets, 1, None)
    assert learner.evaluate(inputs, targets)[0] == pytest.approx(loss, rel=1e-6)


def test_gradients_of_an_earlier_batch_are_not_added() -> None:
    model, case = CASES["default"].model(), CASES["default"]
    learner = Replica(model, torch.float32)
    first, grads = learner.loss_and_grad(*case.ids(), 64, None)
    grads = [grad.clone() for grad in grads]
    other, other_grads = learner.loss_and_grad(*case.ids(7), 64, None)
    assert other != first
    assert not torch.equal(other_grads[0], grads[0])
    learner.evaluate(*case.ids(8))
    again, again_grads = learner.loss_and_grad(*case.ids(), 64, None)
    assert again == first
    assert all(map(torch.equal, again_grads, grads))


def test_chunks_of_a_batch_add_up_to_the_whole() -> None:
    case = CASES["default"]
    model, (inputs, targets) = case.model(), case.ids()
    whole, first, rest = (Replica(model, torch.float32) for _ in range(3))
    loss, grads = whole.loss_and_grad(inputs, targets, 64, None)
    first_loss, first_grads = first.loss_and_grad(inputs[:1], targets[:1], 64, None)
    rest_loss, rest_grads = rest.loss_and_grad(inputs[1:], targets[1:], 64, None)
    assert first_loss + rest_loss == pytest.approx(loss, rel=1e-5)
    sums = [a + b for a, b in zip(first_grads, rest_grads, strict=True)]
    assert_near(model, sums, grads, 1e-5)


@torch.no_grad()
def test_changed_weights_take_effect_at_once() -> None:
    model, case = CASES["default"].model(), CASES["default"]
    learner = Replica(model, torch.float32)
    before, _ = grads_of(learner, case)
    for parameter in model.parameters():
        parameter.mul_(torch.linspace(0.5, 1.5, parameter.shape[1]))
    model.load_state_dict(model.state_dict())
    loss, grads = grads_of(learner, case)
    fresh_loss, fresh_grads = grads_of(Replica(model, torch.float32), case)
    assert loss == fresh_loss != before
    assert all(map(torch.equal, grads, fresh_grads))


@torch.enable_grad()
def grads_of(
    learner: Replica, case: Case, seed: int | None = None, ids: int = 6
) -> tuple[float, list[Tensor]]:
    """Mean loss and gradients of a batch, under the dropout that this seed draws."""
    generator = None if seed is None else seeded(seed)
    return learner.loss_and_grad(*case.ids(ids), case.batch * case.time, generator)


@pytest.mark.parametrize(
    "name", ["default", "three blocks", "a smaller last micro-batch", "tied head"]
)
def test_bfloat16_is_near(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    monkeypatch.setattr(replica, "MICRO_BATCH", case.micro_batch)
    model, (inputs, targets) = case.model(), case.ids()
    exact, rough = Replica(model, torch.float32), Replica(model, torch.bfloat16)
    loss, grads = grads_of(exact, case)
    rough_loss, rough_grads = grads_of(rough, case)
    assert rough_loss == pytest.approx(loss, rel=0.02)
    assert rough_loss != loss
    assert_near(model, rough_grads, grads, 0.05)
    total, _, _ = exact.evaluate(inputs, targets)
    assert rough.evaluate(inputs, targets)[0] == pytest.approx(total, rel=0.02)
    with plain_operations():
        plain_loss, plain_grads = grads_of(rough, case)
    assert rough_loss == pytest.approx(plain_loss, rel=0.02)
    assert_near(model, rough_grads, plain_grads, 0.05)


DROPPING = Case(shape(dropout=0.3), batch=6, micro_batch=2 * CONTEXT)


@pytest.fixture
def _in_micro_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "MICRO_BATCH", DROPPING.micro_batch)


@pytest.mark.usefixtures("_in_micro_batches")
def test_the_seed_decides_what_is_dropped() -> None:
    learner = Replica(DROPPING.model(), torch.float32)
    loss, grads = grads_of(learner, DROPPING, 1)
    whole_loss, _ = grads_of(learner, DROPPING)
    other_loss, others = grads_of(learner, DROPPING, 2)
    again_loss, again = grads_of(learner, DROPPING, 1)
    assert again_loss == loss
    assert all(map(torch.equal, again, grads))
    assert len({loss, other_loss, whole_loss}) == 3
    assert not any(map(torch.equal, others, grads))


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("micro_batch", [1024, 2 * CONTEXT])
def test_the_same_generator_drops_the_same_in_plain_operations(
    fraction: float, micro_batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "MICRO_BATCH", micro_batch)
    case = Case(shape(dropout=fraction))
    learner = Replica(case.model(), torch.float32)
    loss, grads = grads_of(learner, case, 1)
    with plain_operations():
        expected_loss, expected = grads_of(learner, case, 1)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert_near(learner.model, grads, expected, 1e-5)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("precision", INTEGERS)
def test_whole_numbers_are_near(
    name: str, dropout: float, precision: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    case = case._replace(config=msgspec.structs.replace(case.config, dropout=dropout))
    monkeypatch.setattr(replica, "MICRO_BATCH", case.micro_batch)
    model, (inputs, targets) = case.model(), case.ids()
    exact, whole = Replica(model, torch.float32), Replica(model, precision)
    loss, grads = grads_of(exact, case, 1)
    whole_loss, whole_grads = grads_of(whole, case, 1)
    rel = 1e-3 if precision == torch.int16 else 0.01
    assert whole_loss == pytest.approx(loss, rel=rel)
    assert whole_loss != loss
    tolerance = {torch.int16: 0.01, torch.int8: 0.3 if name == "narrow heads" else 0.15}[precision]
    assert_near(model, whole_grads, grads, tolerance)
    total, _, _ = exact.evaluate(inputs, targets)
    assert whole.evaluate(inputs, targets)[0] == pytest.approx(total, rel=rel)


def test_dropout_in_bfloat16_is_near_that_of_plain_operations() -> None:
    case = Case(shape(dropout=0.3))
    learner = Replica(case.model(), torch.bfloat16)
    loss, grads = grads_of(learner, case, 1)
    with plain_operations():
        expected_loss, expected = grads_of(learner, case, 1)
    assert loss == pytest.approx(expected_loss, rel=0.02)
    assert_near(learner.model, grads, expected, 0.05)


def test_at_a_fraction_of_zero_a_generator_changes_nothing() -> None:
    case = CASES["default"]
    learner = Replica(case.model(), torch.float32)
    loss, grads = grads_of(learner, case, 1)
    whole_loss, whole = grads_of(learner, case)
    assert loss == whole_loss
    assert all(map(torch.equal, grads, whole))


def test_an_evaluation_drops_nothing() -> None:
    model, whole = DROPPING.model(), Case(shape()).model()
    learner = Replica(model, torch.float32)
    grads_of(learner, DROPPING, 1)
    evaluation = learner.evaluate(*DROPPING.ids())
    assert evaluation == Replica(whole, torch.float32).evaluate(*DROPPING.ids())


def test_dropout_changes_the_gradient_little_on_average() -> None:
    """What is kept is made larger, so that the expected sum is that of all."""
    learner = Replica(awake(shape(dropout=0.05)), torch.float32)
    _, whole = grads_of(learner, DROPPING)
    sums = [torch.zeros_like(grad) for grad in whole]
    single = grads_of(learner, DROPPING, 0)[1]
    for seed in range(60):
        torch._foreach_add_(sums, grads_of(learner, DROPPING, seed)[1])
    for one, total, exact in zip(single, sums, whole, strict=True):
        mean = total / 60
        assert torch.cosine_similarity(mean.flatten(), exact.flatten(), dim=0) > 0.98
        assert 0.85 < float(mean.norm() / exact.norm()) < 1.15
        assert distance(mean, exact) < 0.5 * distance(one, exact)


@pytest.mark.usefixtures("_in_micro_batches")
@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("place", range(10))
@torch.no_grad()
def test_the_gradient_is_the_slope_of_the_loss(place: int, seed: int | None) -> None:
    """One weight matrix is moved up and down the slope, under the same dropout each time."""
    model = DROPPING.model()
    learner = Replica(model, torch.float32)
    _, grads = grads_of(learner, DROPPING, seed)
    weight, grad = list(model.parameters())[place], grads[place]
    uphill = torch.rand(grad.shape, generator=seeded(3)) * grad.sign()
    uphill /= uphill.norm()
    promised = float((uphill * grad).sum())
    size = 0.02 * float(weight.norm()) / weight.shape[1] ** 0.5
    weight.add_(uphill, alpha=size)
    above, _ = grads_of(learner, DROPPING, seed)
    weight.sub_(uphill, alpha=2 * size)
    below, _ = grads_of(learner, DROPPING, seed)
    assert (above - below) / (2 * size) == pytest.approx(promised, rel=1e-2)


# Which way is taken.


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The compiled sublayers that were called."""
    seen: list[str] = []

    for name, kind in (("attention", passes.AttentionPass), ("mlp", passes.MLPPass)):
        original = kind.forward

        def call(
            one: Any, x: passes.Rows, name: str = name, forward: Callable[..., None] = original
        ) -> None:
            seen.append(name)
            forward(one, x)

        monkeypatch.setattr(kind, "forward", call)
    return seen


@pytest.mark.parametrize("precision", FORMATS)
def test_the_default_architecture_is_computed_by_compiled_sublayers(
    calls: list[str], precision: torch.dtype
) -> None:
    case = CASES["default"]
    learner = Replica(case.model(), precision)
    grads_of(learner, case)
    assert calls == ["attention", "mlp"] * 2
    learner.evaluate(*case.ids())
    assert calls == ["attention", "mlp"] * 4
    with plain_operations():
        grads_of(learner, case)
    assert calls == ["attention", "mlp"] * 4


BOTH = ["attention", "mlp"]
COMPILED = {"attention": ["mlp"], "mlp": ["attention"], "tied_head": BOTH, "rope_base": BOTH}
"""The options that the compiled sublayers know, and what is left of each block."""


@pytest.mark.parametrize("option", OPTIONS, ids=named)
def test_an_option_without_compiled_loops_takes_plain_operations(
    option: tuple[str, object], calls: list[str]
) -> None:
    name, value = option
    case = Case(shape(**{name: value}))
    grads_of(Replica(case.model(), torch.float32), case)
    assert calls == 2 * COMPILED.get(name, [])


@pytest.mark.parametrize("option", OPTIONS, ids=named)
def test_every_option_has_the_gradients_of_plain_operations(option: tuple[str, object]) -> None:
    """Also where only the norms are compiled."""
    name, value = option
    case = Case(shape(**{name: value}))
    learner = Replica(case.model(), torch.float32)
    loss, grads = grads_of(learner, case)
    with plain_operations():
        expected_loss, expected = grads_of(learner, case)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert_near(learner.model, grads, expected, 1e-5)


def test_other_number_formats_take_plain_operations(calls: list[str]) -> None:
    model = awake(shape())
    ids = some_ids(2, CONTEXT)
    with torch.no_grad():
        expected = model(ids)
        calls.clear()
        found = model.double()(ids)
    assert calls == []
    torch.testing.assert_close(found.float(), expected, rtol=1e-4, atol=1e-5)


# The sublayers add to their input in place.


@torch.no_grad()
def test_evaluating_twice_gives_the_same() -> None:
    model = awake(shape())
    ids = some_ids(2, CONTEXT)
    weights = [p.clone() for p in model.parameters()]
    first = model(ids)
    kept = first.clone()
    assert torch.equal(model(ids), kept)
    assert torch.equal(first, kept)
    assert all(map(torch.equal, model.parameters(), weights))


def test_a_backward_pass_can_be_repeated() -> None:
    model = awake(shape())
    inputs, targets = CASES["default"].ids()
    loss = torch.nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
    first = [
        grad.clone()
        for grad in torch.autograd.grad(loss, list(model.parameters()), retain_graph=True)
    ]
    again = torch.autograd.grad(loss, list(model.parameters()))
    assert all(map(torch.equal, again, first))


@pytest.mark.parametrize("repeated", [False, True])
def test_two_forward_passes_before_two_backward_passes_give_the_same_gradients(
    repeated: bool,
) -> None:
    """In one thread: no pass uses the memory of another, also after a backward pass that was taken
    twice and gave its memory back both times."""
    model = awake(shape())
    weights = list(model.parameters())
    expected = [grads_of(Replica(model, torch.float32), CASES["default"], ids=i)[1] for i in (6, 7)]

    def loss_of(number: int) -> Tensor:
        inputs, targets = CASES["default"].ids(number)
        return torch.nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())

    with Workspace():
        if repeated:
            loss = loss_of(5)
            torch.autograd.grad(loss, weights, retain_graph=True)
            torch.autograd.grad(loss, weights)
        losses = [loss_of(6), loss_of(7)]
        for loss, grads in zip(losses, expected, strict=True):
            assert_near(model, list(torch.autograd.grad(loss, weights)), grads, 1e-5)


@pytest.mark.parametrize("precision", FORMATS)
def test_two_threads_at_once_get_the_gradients_of_one_after_the_other(
    precision: torch.dtype,
) -> None:
    case = Case(shape(dropout=0.2, n_embd=32, context_length=32), batch=8, time=32)
    model = case.model()
    expected = [grads_of(Replica(model, precision), case, i, ids=i) for i in range(2)]
    start = threading.Barrier(2, timeout=10)
    differences: list[str] = []

    def work(number: int) -> None:
        learner = Replica(model, precision)
        loss, grads = expected[number]
        for _ in range(20):
            start.wait()
            found_loss, found = grads_of(learner, case, number, ids=number)
            if found_loss != loss or not all(map(torch.equal, found, grads)):
                differences.append(f"in thread {number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert differences == []


@pytest.mark.parametrize("kind", ["attention", "mlp"])
def test_an_input_that_is_needed_as_it_was_is_not_changed_unseen(kind: str) -> None:
    """torch refuses the backward pass of an operation whose input a sublayer has overwritten."""
    block = awake(shape(n_layer=1)).blocks[0]
    before = torch.randn(1, CONTEXT, 16, generator=seeded(1)).requires_grad_()
    x = before * 2
    squared = x.square()  # its backward pass reads x
    model = awake(shape())
    rope = model.rope(0, CONTEXT)
    after = after_one(getattr(block, kind), x, rope)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        (after + squared).square().sum().backward()


@pytest.mark.parametrize("kind", ["attention", "mlp"])
@pytest.mark.parametrize("use", ["sum", "transposed", "added"])
def test_a_gradient_that_others_receive_too_is_not_changed(kind: str, use: str) -> None:
    """The gradient of a sum is one number seen as many; that of `y + other` goes to both."""
    block, rope = awake(shape(n_layer=1)).blocks[0], awake(shape()).rope(0, CONTEXT)
    other = torch.randn(2, CONTEXT, 16, generator=seeded(2)).requires_grad_()
    leaf = torch.randn(2, CONTEXT, 16, generator=seeded(1)).requires_grad_()

    def grads() -> tuple[Tensor, ...]:
        x = leaf * 1
        y = after_one(getattr(block, kind), x, rope)
        if use == "transposed":
            steep = torch.randn(16, CONTEXT, generator=seeded(3))
            result = (y.transpose(1, 2) * steep).sum() + other.sum()
        else:
            result = y.sum() + other.sum() if use == "sum" else ((y + other) * weights).sum()
        return torch.autograd.grad(result, (leaf, other, *block.parameters()), allow_unused=True)

    weights = torch.arange(16.0)
    found = grads()
    with plain_operations():
        expected = grads()
    for ours, theirs in zip(found, expected, strict=True):
        if theirs is None:
            assert ours is None
        else:
            assert distance(ours, theirs) < 1e-5


def test_a_leaf_is_not_changed_unseen() -> None:
    leaf = torch.randn(1, CONTEXT, 16, generator=seeded(1)).requires_grad_()
    with pytest.raises(RuntimeError, match="leaf"):
        after_one(awake(shape(n_layer=1)).blocks[0].mlp, leaf, None)


@pytest.mark.parametrize("layout", ["contiguous", "transposed", "expanded"])
def test_the_norm_takes_any_layout_of_memory(layout: str) -> None:
    """Queries and keys by head are a transposed view, and so may their gradients be."""
    start = torch.randn(3, 4, 5, 6, generator=seeded(1))
    steep = torch.randn(3, 5, 4, 6, generator=seeded(2)).transpose(1, 2)
    if layout == "expanded":
        start = start[:1]
    results = []
    for norm in (
        lambda x: fused.rms_norm(x, 1e-5),
        lambda x: torch.nn.functional.rms_norm(x, (6,), eps=1e-5),
    ):
        leaf = start.clone().requires_grad_()
        x = leaf.expand(3, 4, 5, 6) if layout == "expanded" else leaf
        y = norm(x.transpose(1, 2) if layout == "transposed" else x)
        y.backward(steep.transpose(1, 2) if layout == "transposed" else steep)
        results.append((y.detach(), leaf.grad))
    (ours, our_grad), (theirs, their_grad) = results
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(our_grad, their_grad)
