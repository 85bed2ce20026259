"""Reading one character after another answers like the model, and past the context goes on."""

import pytest
import torch
from shaping import CONTEXT, awake, shape, some_ids
from torch import Tensor

from engine.config import ModelConfig
from engine.model.decoder import Decoder
from engine.model.gpt import GPT

SHAPES = [
    shape(),
    shape(n_embd=48, n_head=3),
    shape(n_embd=32, n_head=1, n_layer=1),
    shape(n_embd=16, n_head=8, n_layer=3, context_length=9),
]


def decoder_of(model: GPT) -> Decoder:
    decoder = Decoder(model.config, model.head.out_features)
    decoder.take(model, model.config.context_length)
    return decoder


def answer(decoder: Decoder, ids: Tensor) -> Tensor:
    for id_ in ids.tolist():
        decoder.read(id_)
    return torch.from_numpy(decoder.logits.copy())


def answers(decoder: Decoder, ids: Tensor) -> Tensor:
    """The (T, V) logits after each of (T) ids, read one at a time."""
    return torch.stack([answer(decoder, id_[None]) for id_ in ids])


@pytest.mark.parametrize("config", SHAPES)
@torch.no_grad()
def test_it_answers_like_the_full_context(config: ModelConfig) -> None:
    model = awake(config)
    (ids,) = some_ids(1, config.context_length)
    expected = model(ids[None])[0]
    torch.testing.assert_close(answers(decoder_of(model), ids), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("prompt", [1, 5, CONTEXT])
@torch.no_grad()
def test_a_prompt_is_read_at_once(prompt: int) -> None:
    model = awake(shape())
    (ids,) = some_ids(1, CONTEXT)
    decoder = decoder_of(model)
    read = [answer(decoder, ids[:prompt])]
    read += [answer(decoder, id_[None]) for id_ in ids[prompt:]]
    expected = model(ids[None])[0, prompt - 1 :]
    torch.testing.assert_close(torch.stack(read), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("vocabulary", [2, 300])
@torch.no_grad()
def test_every_vocabulary_is_answered(vocabulary: int) -> None:
    model = awake(shape(), vocabulary)
    (ids,) = some_ids(1, CONTEXT, vocabulary)
    expected = model(ids[None])[0]
    torch.testing.assert_close(answers(decoder_of(model), ids), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("start", [0, 10_000_000])
@torch.no_grad()
def test_past_the_context_it_sees_exactly_the_last_c_characters(start: int) -> None:
    """With one block a key depends on its own character alone, so the ring must answer like a
    fresh reading of the last C characters, at any distance from the start."""
    model = awake(shape(n_layer=1))
    (ids,) = some_ids(1, 5 * CONTEXT + 3)
    decoder = decoder_of(model)
    decoder.position = start
    read = answers(decoder, ids)
    for end in range(CONTEXT, len(ids) + 1):
        fresh = model(ids[None, end - CONTEXT : end])[0, -1]
        torch.testing.assert_close(read[end - 1], fresh, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_it_sees_no_further_than_it_may() -> None:
    model = awake(shape(n_layer=1))
    (ids,) = some_ids(1, 3 * CONTEXT)
    decoder = Decoder(model.config, model.head.out_features)
    decoder.take(model, 5)
    read = answers(decoder, ids)
    for end in range(5, len(ids) + 1):
        fresh = model(ids[None, end - 5 : end])[0, -1]
        torch.testing.assert_close(read[end - 1], fresh, rtol=1e-4, atol=1e-5)


def test_past_the_context_deep_models_stay_sane() -> None:
    decoder = decoder_of(awake(shape(n_layer=3)))
    read = answers(decoder, some_ids(1, 20 * CONTEXT)[0])
    assert read.isfinite().all()
    assert decoder.position == 20 * CONTEXT
    # No drift: the answers at the end are as large as those inside the context.
    assert 0.5 < float(read[-CONTEXT:].std() / read[:CONTEXT].std()) < 2


def test_what_was_read_is_forgotten_when_weights_are_taken() -> None:
    model = awake(shape())
    first, second = some_ids(2, CONTEXT)
    decoder = decoder_of(model)
    answers(decoder, first)
    remembering = answers(decoder, second)
    decoder.take(model, model.config.context_length)
    assert decoder.position == 0
    forgetful = answers(decoder, second)
    assert torch.equal(forgetful, answers(decoder_of(model), second))
    assert not torch.allclose(forgetful, remembering, atol=0.01)


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
def test_weights_are_taken_as_they_are_now(name: str) -> None:
    model = awake(shape())
    (ids,) = some_ids(1, CONTEXT)
    decoder = decoder_of(model)
    before = answer(decoder, ids)
    model.get_parameter(name).mul_(torch.linspace(0.5, 1.5, model.get_parameter(name).shape[1]))
    decoder.position = 0
    assert torch.equal(answer(decoder, ids), before)  # it keeps its own until it takes these
    decoder.take(model, model.config.context_length)
    after = answer(decoder, ids)
    torch.testing.assert_close(after, model(ids[None])[0, -1], rtol=1e-4, atol=1e-5)
    assert (after - before).abs().max() > 0.01
