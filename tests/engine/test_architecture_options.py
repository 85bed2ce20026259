"""Every option of the architecture trains, samples, is saved and resumes exactly; none of them lets
a model see the future."""

import hashlib
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from driving import Driver, is_a, losses, of, only, run_to_end, tiny
from shaping import CONTEXT, OPTIONS, VOCABULARY, awake, named, plain_operations, shape, some_ids
from torch import Tensor

from engine.config import ModelConfig, SampleConfig, TrainConfig, override, small
from engine.model.gpt import GPT, MLP, Attention
from engine.model.size import flops_per_token, parameter_count
from engine.protocol import (
    Close,
    Event,
    Evaluated,
    Open,
    Opened,
    OpenRun,
    Sample,
    SampleDone,
    SampleStarted,
    Saved,
    StepDone,
    TextSampled,
    Train,
)
from engine.storage.saved_run import load_run
from engine.training.optimizers import Optimizer
from engine.training.replica import Replica
from engine.training.workers import WorkerPool

pytestmark = pytest.mark.timeout(60)

Options = dict[str, object]

GPT_2: Options = {
    "activation": "gelu",
    "norm": "layernorm",
    "positions": "learned",
    "qk_norm": False,
    "tied_head": True,
}
COMBINATIONS: dict[str, Options] = {
    "GPT-2's": GPT_2,
    "swiglu, a tied head": {"activation": "swiglu", "tied_head": True},
    "swiglu alone": {"activation": "swiglu", "attention": False},
    "learned positions, attention alone": {"positions": "learned", "mlp": False},
    "no residual, layernorm": {"residual": False, "norm": "layernorm"},
    "nothing normalized": {"norm": "none", "qk_norm": False},
}
CHOICES: dict[str, Options] = {
    "default": {},
    **{named(option): dict([option]) for option in OPTIONS},
    **COMBINATIONS,
}
"""The default, each option alone, and some together."""
UNSTABLE = {"residual=off", "norm=none", "no residual, layernorm", "nothing normalized"}
"""What training need not bear well: that these parts matter is what their options show."""


@pytest.fixture(params=CHOICES)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def options(name: str) -> Options:
    return CHOICES[name]


def assignments(options: Options) -> list[str]:
    """The options as a user sets them."""
    return [f"model.{named(option)}" for option in options.items()]


def fresh(options: Options, vocabulary: int = VOCABULARY, seed: int = 1) -> GPT:
    """A model as training begins with it."""
    model = GPT(shape(**options), vocabulary)
    return model.init_weights(torch.Generator().manual_seed(seed))


def digest(name: str) -> str:
    """One hash of all tensors of a run's newest checkpoint."""
    total = hashlib.sha256()
    for group, tensors in sorted(load_run(name).state.items()):
        for key, tensor in sorted(tensors.items()):
            total.update(f"{group}.{key} {tuple(tensor.shape)}".encode())
            total.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def sampled(events: list[Event]) -> str:
    return "".join(event.text for event in of(events, TextSampled))


# A whole run.


def test_it_trains_and_the_loss_falls(verse_file: Path, name: str, options: Options) -> None:
    config = tiny(verse_file, "train.steps=60", "model.n_embd=32", *assignments(options))
    events = Driver().when(is_a(Saved), Close()).run(Open(config), Train())
    assert only(events, Opened).config.model == config.model
    steps = [event.loss for event in of(events, StepDone)]
    assert len(steps) == 60
    assert all(map(math.isfinite, steps))
    if name not in UNSTABLE:
        assert sum(steps[-10:]) / 10 < 0.85 * steps[0]
    evaluations = of(events, Evaluated)
    assert all(math.isfinite(event.loss) for event in evaluations)
    if name not in UNSTABLE:
        assert evaluations[-1].loss < 0.85 * evaluations[0].loss


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_resumes_exactly(verse_file: Path, options: Options, precision: str) -> None:
    config = tiny(verse_file, *assignments(options), f"train.precision={precision}")
    uninterrupted = run_to_end(Open(config), Train())
    driver = Driver().when(is_a(StepDone, step=7), Close())
    first = driver.run(Open(config), Train())
    name = only(first, Opened).run
    second = run_to_end(OpenRun(name), Train())
    assert only(second, Opened).config == config
    assert [event.step for event in of(second, StepDone)] == list(range(1, 21))
    assert losses(uninterrupted) == losses(second)
    assert losses(first) == losses(second)[: len(losses(first))]
    assert digest(only(uninterrupted, Opened).run) == digest(name)


def test_it_samples_and_a_reopened_run_samples_the_same(
    verse_file: Path, options: Options
) -> None:
    """Past the context length too."""
    sample = Sample(1, "The owl", SampleConfig(characters=60, seed=3))
    config = tiny(verse_file, *assignments(options))
    driver = Driver().when(is_a(Saved), sample).when(is_a(SampleDone), Close())
    events = driver.run(Open(config), Train())
    text = sampled(events)
    assert len(text) == 60 > config.model.context_length
    assert set(text) <= set(verse_file.read_text(encoding="utf-8"))
    assert only(events, SampleDone).reason == "length"
    again = (
        Driver()
        .when(is_a(SampleDone), Close())
        .run(OpenRun(only(events, Opened).run), sample)
    )
    assert sampled(again) == text


@pytest.mark.parametrize("name", ["positions=learned", "GPT-2's"])
def test_learned_positions_are_sampled_within_the_context_that_was_trained(
    verse_file: Path, name: str
) -> None:
    """While the context grows, later positions are still random."""
    config = tiny(
        verse_file,
        *assignments(CHOICES[name]),
        "model.context_length=32",
        "train.context_warmup=1",
    )
    sample = Sample(1, "The owl was up before the moon", SampleConfig(characters=60))
    driver = Driver().when(is_a(StepDone, step=3), sample).when(is_a(SampleDone), Close())
    events = driver.run(Open(config), Train())
    assert only(events, SampleStarted).unseen == 30 - 8
    assert len(sampled(events)) == 60


# The model.


def test_a_later_character_changes_no_earlier_logits(options: Options) -> None:
    model = awake(shape(**options))
    ids = some_ids(2, CONTEXT)
    with torch.no_grad():
        before = model(ids)
        for place in (1, CONTEXT // 2, CONTEXT - 1):
            changed = ids.clone()
            changed[:, place] = (changed[:, place] + 1) % VOCABULARY
            for after in both_ways(model, changed):
                torch.testing.assert_close(after[:, :place], before[:, :place], rtol=0, atol=1e-5)
                # It does change its own logits, so the comparison above can fail.
                assert (after[:, place] - before[:, place]).abs().max() > 0.01


def both_ways(model: GPT, ids: Tensor) -> tuple[Tensor, Tensor]:
    """The logits by compiled loops, where they know the options, and by plain operations."""
    with plain_operations():
        plain = model(ids)
    return model(ids), plain


@torch.no_grad()
def test_earlier_characters_count_only_with_attention() -> None:
    for options, count in (({}, True), ({"attention": False}, False)):
        model = awake(shape(**options))
        ids = some_ids(1, CONTEXT)
        changed = ids.clone()
        changed[:, 0] = (changed[:, 0] + 1) % VOCABULARY
        difference = (model(changed)[:, 1:] - model(ids)[:, 1:]).abs().max()
        assert (difference > 0.001) == count


@pytest.mark.parametrize(
    ("positions", "matters"), [("rotary", True), ("learned", True), ("none", False)]
)
@torch.no_grad()
def test_without_positions_one_block_cannot_tell_the_order(positions: str, matters: bool) -> None:
    model = awake(shape(n_layer=1, positions=positions))
    ids, swapped = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[2, 1, 3, 4]])
    difference = (model(ids)[0, -1] - model(swapped)[0, -1]).abs().max()
    assert difference > 0.01 if matters else difference < 1e-5


@torch.no_grad()
def test_the_initial_loss_of_an_untied_model_is_ln_v(options: Options) -> None:
    """The head is zero, so all characters are equally likely; a tied one starts small."""
    model = fresh(options)
    loss = F.cross_entropy(
        model(some_ids(4, CONTEXT)).flatten(0, 1), some_ids(4, CONTEXT, seed=7).flatten()
    )
    tied = options.get("tied_head", False)
    assert float(loss) == pytest.approx(math.log(VOCABULARY), abs=0.3 if tied else 1e-6)


@torch.no_grad()
def test_sublayers_start_at_zero_only_where_there_is_a_residual_connection(
    options: Options,
) -> None:
    model = fresh(options)
    for layer in model.sublayers():
        assert bool(layer.output.weight.any()) == (not options.get("residual", True))


def test_every_weight_has_a_gradient(options: Options) -> None:
    model = awake(shape(**options))
    ids = some_ids(4, CONTEXT + 1)
    _, grads = Replica(model, torch.float32).loss_and_grad(ids[:, :-1], ids[:, 1:], 64, None)
    for (name, _), grad in zip(model.named_parameters(), grads, strict=True):
        assert grad.isfinite().all(), name
        assert grad.any(), name


@torch.no_grad()
def test_init_weights_overwrites_everything(options: Options) -> None:
    model = fresh(options)
    for parameter in model.parameters():
        parameter.fill_(math.nan)
    model.init_weights(torch.Generator().manual_seed(1))
    assert all(map(torch.equal, model.parameters(), fresh(options).parameters()))


@pytest.mark.parametrize("vocabulary", [2, 65])
def test_the_parameter_count_is_that_of_a_real_model(options: Options, vocabulary: int) -> None:
    config = shape(**options)
    real = sum(p.numel() for p in GPT(config, vocabulary).parameters())
    assert parameter_count(config, vocabulary) == real
    attention = 12 * config.n_layer * config.n_embd * config.context_length * config.attention
    assert flops_per_token(config, vocabulary) == 6 * real + attention


@torch.no_grad()
def test_dropout_applies_to_every_option(options: Options) -> None:
    model = awake(shape(dropout=0.5, **options))
    ids = some_ids(1, CONTEXT)

    def dropped(seed: int) -> tuple[Tensor, Tensor]:
        with plain_operations():
            plain = model(ids, torch.Generator().manual_seed(seed))
        return model(ids, torch.Generator().manual_seed(seed)), plain

    first, plain = dropped(1)
    torch.testing.assert_close(first, plain, rtol=1e-4, atol=1e-4)
    assert torch.equal(dropped(1)[0], first)
    assert not torch.allclose(dropped(2)[0], first)
    assert not torch.allclose(model(ids), first)


# What Muon and Adam take.


def optimizer_of(model: GPT) -> Optimizer:
    return Optimizer(model, TrainConfig(), WorkerPool(1))


def test_adam_takes_embeddings_and_head_and_muon_the_rest(options: Options) -> None:
    model = fresh(options)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    expected = ["embedding.weight"]
    expected += ["positions.weight"] if options.get("positions") == "learned" else []
    expected += [] if options.get("tied_head") else ["head.weight"]
    optimizer = optimizer_of(model)
    assert [names[id(parameter)] for parameter in optimizer.adam.parameters] == expected
    rows: dict[str, list[int]] = {}
    for matrix in model.matrices():
        taken = rows.setdefault(names[id(matrix.parameter)], [])
        taken += range(matrix.first, matrix.last)
    inside = {n: p for n, p in model.named_parameters() if n.startswith("blocks.")}
    assert rows == {n: list(range(len(p))) for n, p in inside.items()}
    assert set(inside) | set(expected) == set(names.values())


def test_queries_keys_values_and_a_gate_are_matrices_of_their_own() -> None:
    model = fresh({"activation": "swiglu"})
    attention, mlp, *_ = model.sublayers()
    assert isinstance(attention, Attention)
    assert isinstance(mlp, MLP)
    shapes = [tuple(m.of(m.parameter).shape) for m in attention.matrices()]
    assert shapes == [(16, 16)] * 4
    assert [tuple(m.of(m.parameter).shape) for m in mlp.matrices()] == [(42, 16), (42, 16), (16, 42)]
    plain = [m for layer in fresh({}).sublayers() for m in layer.matrices()]
    assert [tuple(m.of(m.parameter).shape) for m in plain] == 2 * [
        *[(16, 16)] * 4,
        (64, 16),
        (16, 64),
    ]


# The gated MLP.


@pytest.mark.parametrize("n_embd", [16, 18, 20, 32, 64, 96, 128, 384, 2048])
def test_a_gated_mlp_has_about_as_many_parameters(n_embd: int) -> None:
    counts = [
        parameter_count(ModelConfig(n_head=1, n_embd=n_embd, n_layer=1, activation=activation), 65)
        for activation in ("swiglu", "squared_relu")
    ]
    assert counts[0] == pytest.approx(counts[1], rel=0.02)


@pytest.mark.parametrize(("n_embd", "hidden"), [(20, 53), (32, 85), (128, 341)])
@torch.no_grad()
def test_a_gated_mlp_of_odd_width(n_embd: int, hidden: int) -> None:
    model = awake(shape(n_embd=n_embd, n_head=1, activation="swiglu"))
    _, mlp, *_ = model.sublayers()
    assert mlp.output.in_features == hidden
    ids = some_ids(2, CONTEXT)
    before, plain = both_ways(model, ids)
    torch.testing.assert_close(before, plain, rtol=1e-4, atol=1e-5)
    changed = ids.clone()
    changed[:, 5] = (changed[:, 5] + 1) % VOCABULARY
    after = model(changed)
    torch.testing.assert_close(after[:, :5], before[:, :5], rtol=0, atol=1e-5)
    assert (after[:, 5] - before[:, 5]).abs().max() > 0.01


def test_the_gate_comes_first() -> None:
    """SwiGLU: SiLU of the first half times the second (Shazeer 2020)."""
    model = awake(shape(activation="swiglu", attention=False, norm="none", n_layer=1))
    (mlp,) = model.sublayers()
    assert isinstance(mlp, MLP)
    x = torch.randn(1, 3, 16, generator=torch.Generator().manual_seed(2))
    gate, up = mlp.up.weight.split(42)
    hidden = (x @ gate.T) * torch.sigmoid(x @ gate.T) * (x @ up.T)
    torch.testing.assert_close(mlp(x), x + hidden @ mlp.output.weight.T)


# What is refused.


def test_blocks_without_any_sublayer_are_refused() -> None:
    message = r"^model\.attention and model\.mlp cannot both be off: blocks are empty\.$"
    with pytest.raises(ValueError, match=message):
        shape(attention=False, mlp=False)
    with pytest.raises(ValueError, match=message):
        override(small("any"), ["model.attention=off", "model.mlp=off"])


# On a GPU.


@pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no CUDA device here.")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_gpu_trains_and_samples_it(
    verse_file: Path, name: str, options: Options, precision: str
) -> None:
    choices = (*assignments(options), f"train.precision={precision}", "train.steps=60")
    sample = Sample(1, "The owl", SampleConfig(characters=60))
    runs = {}
    for device in ("cpu", "cuda"):
        config = tiny(verse_file, "model.n_embd=32", *choices, f"train.device={device}")
        driver = Driver().when(is_a(Saved), sample).when(is_a(SampleDone), Close())
        runs[device] = driver.run(Open(config), Train())
    assert len(sampled(runs["cuda"])) == 60
    steps = [event.loss for event in of(runs["cuda"], StepDone)]
    assert all(map(math.isfinite, steps))
    if name not in UNSTABLE:
        expected = [event.loss for event in of(runs["cpu"], StepDone)]
        assert sum(steps[-10:]) == pytest.approx(sum(expected[-10:]), rel=0.1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no CUDA device here.")
def test_a_gpu_has_the_loss_and_gradients_of_a_cpu(options: Options) -> None:
    model = awake(shape(**options))
    ids = some_ids(4, CONTEXT + 1)
    loss, grads = Replica(model, torch.float32).loss_and_grad(ids[:, :-1], ids[:, 1:], 64, None)
    gpu = awake(shape(**options)).cuda()
    found_loss, found = Replica(gpu, torch.float32).loss_and_grad(
        ids[:, :-1], ids[:, 1:], 64, None
    )
    assert found_loss == pytest.approx(loss, rel=1e-4)
    for ours, theirs in zip(found, grads, strict=True):
        assert float((ours.cpu() - theirs).norm() / theirs.norm()) < 1e-3
