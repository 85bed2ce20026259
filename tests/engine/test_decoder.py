"""A decoder reads one id after another, and its logits are those of the model."""

import pytest
import torch
from shaping import CONTEXT, OPTIONS, VOCABULARY, awake, named, shape, some_ids
from torch import Tensor

from engine.config import ModelConfig
from engine.model.decoder import CompiledDecoder, Decoder, PlainDecoder, decoder_for
from engine.model.gpt import GPT

SHAPES = [
    shape(),
    shape(n_embd=48, n_head=3),
    shape(n_embd=32, n_head=1, n_layer=1),
    shape(n_embd=16, n_head=8, n_layer=3, context_length=9),
]
KINDS = (CompiledDecoder, PlainDecoder)
Kind = type[CompiledDecoder] | type[PlainDecoder]
COMBINATIONS: tuple[dict[str, object], ...] = (
    {"activation": "swiglu", "norm": "layernorm", "positions": "learned", "tied_head": True},
    {"qk_norm": False, "residual": False, "activation": "gelu"},
    {"attention": False, "positions": "learned", "norm": "none"},
    {"mlp": False, "qk_norm": False, "positions": "none", "tied_head": True},
)
"""GPT-2's and others that differ in several options at once."""


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


def decoder_of(model: GPT, kind: Kind, context_length: int = 0) -> Decoder:
    decoder = kind(model.config, model.embedding.num_embeddings)
    decoder.load_weights(model, context_length or model.config.context_length)
    return decoder


def read(decoder: Decoder, ids: Tensor) -> Tensor:
    """The (V,) logits after all of (T) ids."""
    for id_ in ids.tolist():
        logits = decoder.read(id_)
    return torch.from_numpy(logits.copy())


def read_each(decoder: Decoder, ids: Tensor) -> Tensor:
    """The (T, V) logits after each of (T) ids."""
    return torch.stack([read(decoder, id_[None]) for id_ in ids])


def assert_near(found: Tensor, expected: Tensor) -> None:
    assert expected.abs().max() > 0.01  # without norms, logits may be smaller than the tolerance
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", SHAPES)
@torch.no_grad()
def test_its_logits_are_those_of_the_full_context(config: ModelConfig, kind: Kind) -> None:
    model = awake(config)
    (ids,) = some_ids(1, config.context_length)
    assert_near(read_each(decoder_of(model, kind), ids), model(ids[None])[0])


@pytest.mark.parametrize("option", OPTIONS, ids=named)
@torch.no_grad()
def test_every_option_is_decoded(option: tuple[str, object]) -> None:
    name, value = option
    model = awake(shape(**{name: value}))
    (ids,) = some_ids(1, CONTEXT)
    expected = model(ids[None])[0]
    assert_near(read_each(decoder_of(model, PlainDecoder), ids), expected)
    chosen = decoder_for(model.config, VOCABULARY)
    chosen.load_weights(model, CONTEXT)
    assert_near(read_each(chosen, ids), expected)


@pytest.mark.parametrize("options", COMBINATIONS)
@torch.no_grad()
def test_options_are_decoded_together(options: dict[str, object]) -> None:
    model = awake(shape(**options))
    (ids,) = some_ids(1, CONTEXT)
    assert_near(read_each(decoder_of(model, PlainDecoder), ids), model(ids[None])[0])


@pytest.mark.parametrize("prompt", [1, 5, CONTEXT])
@torch.no_grad()
def test_a_prompt_is_read_like_all_that_follows(prompt: int, kind: Kind) -> None:
    model = awake(shape())
    (ids,) = some_ids(1, CONTEXT)
    decoder = decoder_of(model, kind)
    found = [read(decoder, ids[:prompt])]
    found += [read(decoder, id_[None]) for id_ in ids[prompt:]]
    assert_near(torch.stack(found), model(ids[None])[0, prompt - 1 :])


@pytest.mark.parametrize("vocabulary", [2, 300])
@pytest.mark.parametrize("tied", [False, True])
@torch.no_grad()
def test_a_vocabulary_of_any_size(vocabulary: int, tied: bool, kind: Kind) -> None:
    model = awake(shape(tied_head=tied), vocabulary)
    (ids,) = some_ids(1, CONTEXT, vocabulary)
    assert_near(read_each(decoder_of(model, kind), ids), model(ids[None])[0])


# Past the context length.


@pytest.mark.parametrize("start", [0, 10_000_000])
@torch.no_grad()
def test_past_the_context_it_sees_exactly_the_last_c_characters(start: int, kind: Kind) -> None:
    """With one block a key depends on its own character alone, so the ring must give the logits of
    a fresh reading of the last C characters, at any distance from the start."""
    model = awake(shape(n_layer=1))
    (ids,) = some_ids(1, 5 * CONTEXT + 3)
    decoder = decoder_of(model, kind)
    if isinstance(decoder, CompiledDecoder):
        decoder.position = start
    else:
        assert isinstance(decoder, PlainDecoder)
        decoder._cache.position = start
    found = read_each(decoder, ids)
    for end in range(CONTEXT, len(ids) + 1):
        assert_near(found[end - 1], model(ids[None, end - CONTEXT : end])[0, -1])


PAST_THE_CONTEXT: tuple[dict[str, object], ...] = (
    {},
    {"norm": "layernorm", "activation": "swiglu"},
    {"positions": "none"},
    {"qk_norm": False, "residual": False},
    {"tied_head": True},
    {"mlp": False},
)


@pytest.mark.parametrize("options", PAST_THE_CONTEXT)
@pytest.mark.parametrize("context_length", [1, 5, CONTEXT])
@torch.no_grad()
def test_past_the_context_the_model_itself_sees_the_last_c_characters(
    options: dict[str, object], context_length: int
) -> None:
    model = awake(shape(n_layer=1, **options))
    (ids,) = some_ids(1, 3 * CONTEXT + 3)
    found = read_each(decoder_of(model, PlainDecoder, context_length), ids)
    for end in range(context_length, len(ids) + 1):
        fresh = model(ids[None, end - context_length : end])[0, -1]
        assert_near(found[end - 1], fresh)


@pytest.mark.parametrize("context_length", [1, 5, 8, CONTEXT])
@pytest.mark.parametrize("layers", [1, 3])
@torch.no_grad()
def test_with_learned_positions_the_window_moves_on_by_half_of_the_context(
    context_length: int, layers: int
) -> None:
    """There is no embedding for a position behind the last: when the window is full, its newer
    half becomes the first half of the next, and is read again."""
    model = awake(shape(n_layer=layers, positions="learned"))
    (ids,) = some_ids(1, 4 * CONTEXT + 3)
    found = read_each(decoder_of(model, PlainDecoder, context_length), ids)
    start = 0
    for end in range(1, len(ids) + 1):
        if end - start > context_length:
            start = end - 1 - context_length // 2
        assert end - start <= context_length
        assert_near(found[end - 1], model(ids[None, start:end])[0, -1])


@torch.no_grad()
def test_a_context_shorter_than_that_of_the_model_is_all_it_sees(kind: Kind) -> None:
    model = awake(shape(n_layer=1))
    (ids,) = some_ids(1, 3 * CONTEXT)
    found = read_each(decoder_of(model, kind, 5), ids)
    for end in range(5, len(ids) + 1):
        assert_near(found[end - 1], model(ids[None, end - 5 : end])[0, -1])


@pytest.mark.parametrize("context_length", [3, 0])
@pytest.mark.parametrize("config", [*SHAPES, shape(n_layer=3), shape(n_layer=3, tied_head=True)])
def test_both_kinds_give_the_same_logits_far_past_the_context(
    config: ModelConfig, context_length: int
) -> None:
    """Deep models too, whose cache remembers more than a fresh reading would show."""
    model = awake(config)
    (ids,) = some_ids(1, 8 * CONTEXT)
    found = [read_each(decoder_of(model, kind, context_length), ids) for kind in KINDS]
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-4)


def test_past_the_context_deep_models_stay_sane(kind: Kind) -> None:
    decoder = decoder_of(awake(shape(n_layer=3)), kind)
    found = read_each(decoder, some_ids(1, 20 * CONTEXT)[0])
    assert found.isfinite().all()
    if isinstance(decoder, CompiledDecoder):
        assert decoder.position == 20 * CONTEXT
    # No drift: the logits at the end are as large as those inside the context.
    assert 0.5 < float(found[-CONTEXT:].std() / found[:CONTEXT].std()) < 2


# Weights.


@pytest.mark.parametrize(
    ("kind", "options"),
    [(CompiledDecoder, {}), (PlainDecoder, {}), (PlainDecoder, {"positions": "learned"})],
)
def test_loading_weights_empties_the_cache(kind: Kind, options: dict[str, object]) -> None:
    model = awake(shape(**options))
    first, second = some_ids(2, CONTEXT)
    decoder = decoder_of(model, kind)
    read_each(decoder, first)
    remembering = read_each(decoder, second)
    decoder.load_weights(model, model.config.context_length)
    if isinstance(decoder, CompiledDecoder):
        assert decoder.position == 0
    fresh = read_each(decoder, second)
    assert torch.equal(fresh, read_each(decoder_of(model, kind), second))
    assert not torch.allclose(fresh, remembering, atol=0.01)


@pytest.mark.parametrize(
    "name",
    [
        "embedding.weight",
        "blocks.0.attention.qkv.weight",
        "blocks.1.attention.output.weight",
        "blocks.0.mlp.up.weight",
        "blocks.1.mlp.output.weight",
        "head.weight",
    ],
)
@torch.no_grad()
def test_it_keeps_a_copy_of_the_weights_until_it_loads_others(name: str, kind: Kind) -> None:
    model, unchanged = awake(shape()), awake(shape())
    (ids,) = some_ids(1, CONTEXT)
    decoder = decoder_of(model, kind)
    before = read_each(decoder, ids[: CONTEXT // 2])
    model.get_parameter(name).mul_(torch.linspace(0.5, 1.5, model.get_parameter(name).shape[1]))
    kept = read_each(decoder, ids[CONTEXT // 2 :])
    assert torch.equal(torch.cat([before, kept]), read_each(decoder_of(unchanged, kind), ids))
    decoder.load_weights(model, model.config.context_length)
    after = read_each(decoder, ids)
    assert_near(after, model(ids[None])[0])
    assert (after[: CONTEXT // 2] - before).abs().max() > 0.01


@torch.no_grad()
def test_a_tied_head_is_copied_with_the_embedding(kind: Kind) -> None:
    model = awake(shape(tied_head=True))
    (ids,) = some_ids(1, CONTEXT)
    decoder = decoder_of(model, kind)
    before = read_each(decoder, ids)
    model.embedding.weight.mul_(torch.linspace(0.5, 1.5, 16))
    decoder.load_weights(model, CONTEXT)
    after = read_each(decoder, ids)
    assert_near(after, model(ids[None])[0])
    assert (after - before).abs().max() > 0.01


def test_the_context_grows_when_weights_are_loaded(kind: Kind) -> None:
    model = awake(shape())
    (ids,) = some_ids(1, 2 * CONTEXT)
    decoder = decoder_of(model, kind, 5)
    assert decoder.context_length == 5
    read_each(decoder, ids)
    decoder.load_weights(model, CONTEXT)
    assert decoder.context_length == CONTEXT
    assert torch.equal(read_each(decoder, ids), read_each(decoder_of(model, kind), ids))


def test_reading_leaves_the_model_and_its_gradients_alone(kind: Kind) -> None:
    model = awake(shape())
    weights = [p.clone() for p in model.parameters()]
    read_each(decoder_of(model, kind), some_ids(1, 3 * CONTEXT)[0])
    assert all(map(torch.equal, model.parameters(), weights))
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


# Which kind is taken.


@pytest.mark.parametrize(
    "options", [{}, {"tied_head": True}, {"rope_base": 200.0}, {"dropout": 0.2}]
)
def test_the_default_architecture_is_decoded_by_the_compiled_loop(
    options: dict[str, object],
) -> None:
    assert isinstance(decoder_for(shape(**options), VOCABULARY), CompiledDecoder)


@pytest.mark.parametrize(
    "option", [o for o in OPTIONS if o[0] not in ("tied_head", "rope_base")], ids=named
)
def test_every_other_option_is_decoded_by_the_model_itself(option: tuple[str, object]) -> None:
    name, value = option
    assert isinstance(decoder_for(shape(**{name: value}), VOCABULARY), PlainDecoder)
