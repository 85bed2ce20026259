"""Each option of the architecture trains, samples, resumes exactly, and does what it is for."""

import json
import math
from pathlib import Path

import msgspec
import pytest
import torch
import torch.nn.functional as F
from driving import Driver, is_a, losses, of, only, run_to_end, tiny
from shaping import CONTEXT, VOCABULARY, awake, plain_operations, some_ids
from stored import digest
from torch import Tensor

from engine.config import ModelConfig, RunConfig, SampleConfig, all_settings
from engine.device import Hardware
from engine.model.decoder import decoder_for
from engine.model.gpt import GPT, activate, norm
from engine.model.size import flops_per_token, parameter_count
from engine.protocol import (
    Close,
    Evaluated,
    Event,
    Excerpt,
    Failed,
    Open,
    Opened,
    OpenRun,
    Sample,
    SampleDone,
    SampleStarted,
    StepDone,
    TextSampled,
    Train,
)
from engine.storage.paths import folder_of
from engine.storage.saved_run import load_run
from engine.training.cost import measure
from engine.training.dataset import Dataset
from engine.training.replica import Replica
from engine.training.trainer import Trainer
from engine.training.workers import WorkerPool

pytestmark = pytest.mark.timeout(30)

OPTIONS = [
    s
    for s in all_settings().values()
    if s.key.startswith("model.") and s.choices and s.key != "model.tokenizer"
]
SINGLE = [
    (f"{option.key}={word}",)
    for option in OPTIONS
    for word in option.choices
    if option.parse(word) != getattr(ModelConfig(), option.key.removeprefix("model."))
]
"""Each option at each value that is not its default."""
GPT2 = (
    "model.activation=gelu",
    "model.norm=layernorm",
    "model.positions=learned",
    "model.qk_norm=off",
    "model.tied_head=on",
    "model.dropout=0.2",
)
LLAMA = ("model.activation=swiglu", "model.qk_norm=off", "model.dropout=0.2")
BARE = (
    "model.norm=none",
    "model.positions=none",
    "model.qk_norm=off",
    "model.residual=off",
)
MODELS = [*SINGLE, GPT2, LLAMA, BARE]
COVERING = [GPT2, LLAMA, BARE, ("model.attention=off",), ("model.mlp=off",)]
"""Few models that have every option together."""
UNSTABLE = ("model.residual=off", "model.norm=none")
"""What training depends on: without it, only that it goes on is certain."""


def name_of(model: tuple[str, ...]) -> str:
    return ",".join(assignment.removeprefix("model.") for assignment in model)


every_model = pytest.mark.parametrize("model", MODELS, ids=name_of)
every_option = pytest.mark.parametrize("model", COVERING, ids=name_of)


def config_of(model: tuple[str, ...], *more: str) -> ModelConfig:
    return tiny("any", "model.n_layer=2", *model, *more).model


def sampled(name: str) -> str:
    """A text that the saved run generates."""
    config = SampleConfig(characters=40)  # more than the context
    driver = Driver().when(is_a(SampleDone), Close())
    events = driver.run(OpenRun(name), Sample(1, "The owl", config))
    assert only(events, SampleDone).characters == 40
    return "".join(event.text for event in of(events, TextSampled))


def test_every_option_is_tried() -> None:
    assert [name_of(model) for model in SINGLE] == [
        "activation=gelu",
        "activation=swiglu",
        "norm=layernorm",
        "norm=none",
        "positions=learned",
        "positions=none",
        "qk_norm=off",
        "residual=off",
        "attention=off",
        "mlp=off",
        "tied_head=on",
    ]
    assert {option for model in COVERING for option in model} >= {option for (option,) in SINGLE}


@every_option
def test_it_trains_samples_and_resumes_exactly(verse_file: Path, model: tuple[str, ...]) -> None:
    config = tiny(verse_file, "model.n_layer=2", *model)
    uninterrupted = run_to_end(Open(config), Train())
    name = only(uninterrupted, Opened).run
    assert [event.step for event in of(uninterrupted, StepDone)] == list(range(1, 21))
    assert of(uninterrupted, Failed) == []
    assert only(uninterrupted, Opened).parameters == numbers_in(name)
    check_losses(uninterrupted, falling=not set(model) & set(UNSTABLE))
    assert all(event.text for event in of(uninterrupted, Excerpt))

    stopped = Driver().when(is_a(StepDone, step=7), Close()).run(Open(config), Train())
    resumed = run_to_end(OpenRun(only(stopped, Opened).run), Train())
    again = only(resumed, Opened)
    assert again.config == config
    assert again.run != name
    assert losses(resumed) == losses(uninterrupted)
    assert digest(again.run) == digest(name)
    assert sampled(again.run) == sampled(name)


def numbers_in(name: str) -> int:
    """Numbers in the saved weights of a run."""
    return sum(tensor.numel() for tensor in load_run(name).state["model"].values())


def check_losses(events: list[Event], *, falling: bool) -> None:
    assert all(math.isfinite(loss) for _, loss in losses(events))
    first, *_, last = of(events, Evaluated)
    if falling:
        assert last.loss < first.loss - 0.1


@every_model
@torch.no_grad()
def test_a_later_character_never_changes_earlier_logits(model: tuple[str, ...]) -> None:
    gpt, ids = awake(config_of(model)), some_ids(2, CONTEXT)
    before = gpt(ids)
    for place in range(CONTEXT):
        changed = ids.clone()
        changed[:, place] = (changed[:, place] + 1) % VOCABULARY
        after = gpt(changed)
        torch.testing.assert_close(after[:, :place], before[:, :place], rtol=0, atol=1e-6)
        # It does change its own, so the comparison above can fail.
        assert (after[:, place] - before[:, place]).abs().max() > 1e-3


@every_model
@torch.no_grad()
def test_sampling_gives_the_logits_of_training(model: tuple[str, ...]) -> None:
    config = config_of(model)
    gpt, ids = awake(config), some_ids(1, CONTEXT)
    expected = gpt(ids)[0]
    decoder = decoder_for(config, VOCABULARY)
    decoder.load_weights(gpt, CONTEXT)
    for position, id_ in enumerate(ids[0].tolist()):
        found = torch.from_numpy(decoder.read(id_).copy())
        torch.testing.assert_close(found, expected[position], rtol=1e-3, atol=1e-4)


@every_model
@torch.no_grad()
def test_a_fresh_model_has_a_loss_of_ln_v(model: tuple[str, ...]) -> None:
    config = config_of(model, "model.dropout=0")
    gpt = GPT(config, VOCABULARY).init_weights(torch.Generator().manual_seed(1))
    ids = some_ids(4, CONTEXT + 1)
    loss = F.cross_entropy(gpt(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    # A tied head cannot be zero: its first logits are only small.
    tolerance = 0.3 if config.tied_head else 5e-4
    assert float(loss) == pytest.approx(math.log(VOCABULARY), abs=tolerance)


@every_model
def test_every_weight_has_a_gradient(model: tuple[str, ...]) -> None:
    gpt, ids = awake(config_of(model)), some_ids(2, CONTEXT)
    _, grads = Replica(gpt, torch.float32).loss_and_grad(ids, ids.roll(1), ids.numel(), None)
    for (name, _), grad in zip(gpt.named_parameters(), grads, strict=True):
        assert grad.isfinite().all(), name
        assert grad.abs().max() > 0, name


@every_model
def test_bfloat16_has_nearly_the_same_loss_and_gradients(model: tuple[str, ...]) -> None:
    gpt, ids = awake(config_of(model)), some_ids(4, CONTEXT)
    exact, rounded = (
        Replica(gpt, precision).loss_and_grad(ids, ids.roll(1), ids.numel(), None)
        for precision in (torch.float32, torch.bfloat16)
    )
    assert rounded[0] == pytest.approx(exact[0], rel=0.05)
    for expected, found in zip(exact[1], rounded[1], strict=True):
        assert found.dtype == torch.float32
        assert F.cosine_similarity(expected.flatten(), found.flatten(), dim=0) > 0.95


def make_trainer(workers: WorkerPool, model: tuple[str, ...], *more: str) -> Trainer:
    config = tiny("any", "model.n_layer=2", *model, "train.batch_size=5", *more)
    dataset = Dataset(some_ids(1, 2_000)[0], CONTEXT, 0.1, 1)
    hardware = Hardware(torch.device("cpu"), workers.count, torch.float32, "for a test")
    return Trainer(config, VOCABULARY, dataset, hardware, workers)


@every_model
def test_a_fresh_model_trains_all_of_its_weights(model: tuple[str, ...]) -> None:
    """Although some of them are zero at first, and with them the gradients of others."""
    with WorkerPool(1) as workers:
        trainer = make_trainer(workers, model, "train.weight_decay=0")
        before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
        for _ in range(5):
            trainer.step(0.1, CONTEXT)
    for name, parameter in trainer.model.named_parameters():
        assert (parameter - before[name]).abs().max() > 1e-4, name


def losses_with(count: int, model: tuple[str, ...]) -> list[float]:
    with WorkerPool(count) as workers:
        trainer = make_trainer(workers, model, "model.dropout=0")
        return [trainer.step(step / 8, CONTEXT).loss for step in range(8)]


@every_option
def test_more_workers_train_the_same(model: tuple[str, ...]) -> None:
    assert losses_with(2, model) == pytest.approx(losses_with(1, model), rel=1e-3)
    assert losses_with(2, model) == losses_with(2, model)


@every_model
def test_the_parameter_count_is_that_of_a_real_model(model: tuple[str, ...]) -> None:
    config = config_of(model)
    real = sum(p.numel() for p in GPT(config, VOCABULARY).parameters())
    assert parameter_count(config, VOCABULARY) == real
    attention = 12 * config.n_layer * config.n_embd * config.context_length
    expected = 6 * real + (attention if config.attention else 0)
    assert flops_per_token(config, VOCABULARY) == expected


@every_model
def test_its_cost_can_be_measured(model: tuple[str, ...]) -> None:
    run = RunConfig("any", model=config_of(model), train=tiny("any").train)
    with WorkerPool(1) as workers:
        cost = measure(
            run, VOCABULARY, Hardware(torch.device("cpu"), 1, torch.float32, ""), workers
        )
    assert cost.step_seconds > 0
    assert cost.memory > 4 * cost.parameters


@pytest.mark.parametrize(
    ("option", "change"),
    [
        ("tied_head=on", -65 * 128),  # the head
        ("positions=learned", 256 * 128),  # a row for each position
        ("attention=off", -4 * 4 * 128 * 128),  # queries, keys, values and output of 4 blocks
        ("mlp=off", -4 * 2 * 4 * 128 * 128),  # up and output projections of 4 blocks
        ("activation=gelu", 0),
        ("norm=layernorm", 0),  # no norm has weights
        ("norm=none", 0),
        ("positions=none", 0),
        ("qk_norm=off", 0),
        ("residual=off", 0),
    ],
)
def test_what_an_option_adds_to_the_default_model(option: str, change: int) -> None:
    name, _, word = option.partition("=")
    config = ModelConfig(**{name: all_settings()[f"model.{name}"].parse(word)})  # type: ignore[arg-type]
    assert parameter_count(config, 65) - parameter_count(ModelConfig(), 65) == change


@pytest.mark.parametrize("width", [64, 128, 384])
def test_swiglu_has_as_many_parameters_as_squared_relu(width: int) -> None:
    config = ModelConfig(n_embd=width)
    gated = msgspec.structs.replace(config, activation="swiglu")
    assert parameter_count(gated, 65) == pytest.approx(parameter_count(config, 65), rel=0.02)


SAME_SHAPES = [
    model
    for model in SINGLE
    if model[0].partition("=")[0] in ("model.norm", "model.qk_norm", "model.residual")
    or model[0] in ("model.activation=gelu", "model.positions=none")
]


@pytest.mark.parametrize("model", SAME_SHAPES, ids=name_of)
@torch.no_grad()
def test_an_option_changes_what_the_same_weights_compute(model: tuple[str, ...]) -> None:
    default, other = awake(config_of(())), awake(config_of(model))
    for ours, theirs in zip(default.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    ids = some_ids(2, CONTEXT)
    assert (default(ids) - other(ids)).abs().max() > 0.01


def test_the_activations_are_those_of_their_papers() -> None:
    x = torch.linspace(-3, 3, 12).view(2, 6)
    gate, up = x[:, :3], x[:, 3:]
    expected = {
        "squared_relu": x.clamp(min=0) ** 2,
        "gelu": x * (1 + torch.erf(x / math.sqrt(2))) / 2,
        "swiglu": gate / (1 + torch.exp(-gate)) * up,
    }
    for activation, result in expected.items():
        config = config_of((f"model.activation={activation}",))
        torch.testing.assert_close(activate(x, config), result)


def test_the_norms_are_those_of_their_papers() -> None:
    x = torch.randn(3, 16, generator=torch.Generator().manual_seed(1)) * 4 + 1
    centered = x - x.mean(1, keepdim=True)
    expected = {
        "rmsnorm": x / (x.square().mean(1, keepdim=True) + 1e-5).sqrt(),
        "layernorm": centered / (centered.square().mean(1, keepdim=True) + 1e-5).sqrt(),
        "none": x,
    }
    for kind, result in expected.items():
        torch.testing.assert_close(norm(x, config_of((f"model.norm={kind}",))), result)


@torch.no_grad()
def test_without_attention_only_the_last_character_counts() -> None:
    gpt = awake(config_of(("model.attention=off",)))
    ids, others = some_ids(2, CONTEXT), some_ids(2, CONTEXT, seed=7)
    others[:, -1] = ids[:, -1]
    torch.testing.assert_close(gpt(ids)[:, -1], gpt(others)[:, -1])


@pytest.mark.parametrize(
    ("positions", "ordered"), [("rotary", True), ("learned", True), ("none", False)]
)
@torch.no_grad()
def test_only_positions_tell_one_block_the_order(positions: str, ordered: bool) -> None:
    # More blocks would learn the order from what each position may see.
    gpt = awake(config_of((f"model.positions={positions}",), "model.n_layer=1"))
    ids = torch.tensor([[1, 2, 3, 4]])
    swapped = torch.tensor([[2, 1, 3, 4]])
    difference = (gpt(ids)[0, -1] - gpt(swapped)[0, -1]).abs().max()
    assert difference > 0.01 if ordered else difference < 1e-5


@torch.no_grad()
def test_a_tied_head_is_the_embedding() -> None:
    gpt = awake(config_of(("model.tied_head=on",)))
    assert gpt.head is None
    assert [name for name, _ in gpt.named_parameters() if "blocks" not in name] == [
        "embedding.weight"
    ]
    assert "head.weight" not in gpt.state_dict()


@torch.no_grad()
def test_without_a_residual_a_sublayer_replaces_its_input() -> None:
    """With output layers of zero nothing is left, whatever was read."""
    for word, same in (("off", True), ("on", False)):
        gpt = awake(config_of((f"model.residual={word}",)))
        for layer in gpt.sublayers():
            layer.output.weight.zero_()
        logits = gpt(some_ids(1, CONTEXT))
        assert bool((logits == logits[0, 0]).all()) is same


def test_the_options_are_saved_with_the_run(verse_file: Path) -> None:
    config = tiny(verse_file, *GPT2)
    events = Driver().when(is_a(StepDone, step=1), Close()).run(Open(config), Train())
    saved = json.loads((folder_of(only(events, Opened).run) / "run.json").read_text())
    options = {option.key.removeprefix("model.") for option in OPTIONS}
    assert {k: v for k, v in saved["config"]["model"].items() if k in options} == {
        "activation": "gelu",
        "norm": "layernorm",
        "positions": "learned",
        "qk_norm": False,
        "residual": True,
        "attention": True,
        "mlp": True,
        "tied_head": True,
    }


@every_model
@torch.no_grad()
def test_fresh_weights_replace_all_that_were_there(model: tuple[str, ...]) -> None:
    fresh, again = (
        GPT(config_of(model), VOCABULARY).init_weights(torch.Generator().manual_seed(1))
        for _ in range(2)
    )
    for parameter in again.parameters():
        parameter.fill_(math.nan)
    again.init_weights(torch.Generator().manual_seed(1))
    assert all(map(torch.equal, again.parameters(), fresh.parameters()))


@every_model
@torch.no_grad()
def test_dropout_is_that_of_plain_operations(model: tuple[str, ...]) -> None:
    gpt = awake(config_of(model, "model.dropout=0.5"))
    ids = some_ids(1, CONTEXT)

    def dropped(seed: int) -> Tensor:
        logits: Tensor = gpt(ids, torch.Generator().manual_seed(seed))
        return logits

    first = dropped(1)
    with plain_operations():
        torch.testing.assert_close(first, dropped(1), rtol=1e-4, atol=1e-4)
    assert torch.equal(dropped(1), first)
    assert not torch.allclose(dropped(2), first)
    assert not torch.allclose(gpt(ids), first)


@pytest.mark.parametrize(("width", "hidden"), [(20, 53), (32, 85), (128, 341)])
@torch.no_grad()
def test_swiglu_of_an_odd_hidden_width_is_causal_and_decoded(width: int, hidden: int) -> None:
    config = config_of(("model.activation=swiglu", "model.n_head=1", f"model.n_embd={width}"))
    gpt = awake(config)
    assert {layer.output.in_features for layer in gpt.sublayers()} == {width, hidden}
    (ids,) = some_ids(1, CONTEXT)
    changed = ids.clone()
    changed[5] = (changed[5] + 1) % VOCABULARY
    before, after = gpt(ids[None])[0], gpt(changed[None])[0]
    torch.testing.assert_close(after[:5], before[:5], rtol=0, atol=1e-5)
    assert (after[5] - before[5]).abs().max() > 0.01
    decoder = decoder_for(config, VOCABULARY)
    decoder.load_weights(gpt, CONTEXT)
    read = torch.stack([torch.from_numpy(decoder.read(id_).copy()) for id_ in ids.tolist()])
    torch.testing.assert_close(read, before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", [("model.positions=learned",), GPT2], ids=name_of)
def test_learned_positions_are_used_only_as_far_as_they_are_trained(
    verse_file: Path, model: tuple[str, ...]
) -> None:
    """While the context grows, later positions are still random."""
    config = tiny(verse_file, *model, "model.context_length=32", "train.context_warmup=1")
    prompt = "The owl was up before the moon"
    driver = Driver().when(is_a(StepDone, step=3), Sample(1, prompt, SampleConfig(characters=60)))
    events = driver.when(is_a(SampleDone), Close()).run(Open(config), Train())
    assert only(events, SampleStarted).unseen == len(prompt) - 8
    assert only(events, SampleDone).characters == 60


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
@pytest.mark.parametrize("model", [(), *MODELS], ids=name_of)
def test_a_gpu_computes_the_same(model: tuple[str, ...]) -> None:
    on_cpu = awake(config_of(model))
    on_gpu = awake(config_of(model)).to("cuda")
    ids = some_ids(2, CONTEXT)
    with torch.no_grad():
        torch.testing.assert_close(on_gpu(ids.cuda()).cpu(), on_cpu(ids), rtol=1e-3, atol=1e-3)
    expected, found = (
        Replica(gpt, torch.float32).loss_and_grad(ids, ids.roll(1), ids.numel(), None)
        for gpt in (on_cpu, on_gpu)
    )
    assert float(found[0]) == pytest.approx(expected[0], rel=1e-3)
    for ours, theirs in zip(expected[1], found[1], strict=True):
        torch.testing.assert_close(theirs.cpu(), ours, rtol=1e-3, atol=1e-3)
