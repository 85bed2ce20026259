"""Batches follow from seed and step alone; an evaluation predicts each character exactly once."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.training.dataset import Dataset

SIZE = 64
"""Characters in one batch of an evaluation."""


def counting(
    length: int,
    context: int = 8,
    validation: float = 0.1,
    seed: int = 1,
    val_characters: int | None = None,
) -> Dataset:
    """A text in which each id is its own position, so that a batch shows where it is from."""
    ids = torch.arange(length, dtype=torch.int32)
    return Dataset(ids, context, validation, seed, val_characters)


def test_a_batch_follows_from_seed_and_step_alone() -> None:
    data = counting(1000)
    first = data.batch(3, 5, 8)
    data.batch(4, 5, 8)
    torch.rand(7)  # other draws do not matter
    for again in (data.batch(3, 5, 8), counting(1000).batch(3, 5, 8)):
        assert torch.equal(first[0], again[0])
        assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], data.batch(4, 5, 8)[0])
    assert not torch.equal(first[0], counting(1000, seed=2).batch(3, 5, 8)[0])


@given(st.integers(0, 2**31 - 1), st.integers(0, 10_000_000))
def test_any_seed_and_step_give_a_batch(seed: int, step: int) -> None:
    inputs, _ = counting(100, seed=seed).batch(step, 2, 8)
    assert inputs.shape == (2, 8)


def test_drawing_a_batch_leaves_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    counting(1000).batch(0, 4, 8)
    assert torch.equal(state, torch.get_rng_state())


def test_each_target_is_the_character_after_its_input() -> None:
    inputs, targets = counting(1000).batch(0, 64, 8)
    assert inputs.dtype == targets.dtype == torch.int64
    assert torch.equal(targets, inputs + 1)
    assert torch.equal(inputs[:, 1:], targets[:, :-1])
    assert int(targets.max()) < 900


def test_every_character_of_the_training_part_is_trained_on() -> None:
    inputs, targets = counting(30).batch(0, 2000, 8)
    assert set(inputs.flatten().tolist()) | set(targets.flatten().tolist()) == set(range(27))


def read_in(data: Dataset, steps: range, size: int) -> list[int]:
    """The ids of some steps, in the order in which they are read."""
    return [
        id_
        for step in steps
        for id_ in data.batch(step, size, data.context_length)[0].flatten().tolist()
    ]


def test_no_window_is_read_again_before_all_were_read() -> None:
    data = counting(1_000, context=10)  # 900 to train on: 89 windows
    once = read_in(data, range(89), 1)
    assert len(set(once)) >= 89 * 10 - 10  # the last window may overlap the one before
    again = read_in(data, range(89, 178), 1)
    assert sorted(once) != once
    assert again != once


def test_batches_may_span_two_epochs() -> None:
    singly = read_in(counting(200, seed=4), range(60), 1)
    assert read_in(counting(200, seed=4), range(12), 5) == singly


@pytest.mark.parametrize("parts", [2, 4])
def test_windows_that_are_cut_are_the_same_text_in_shorter_pieces(parts: int) -> None:
    data = counting(1_000)
    whole, cut = data.batch(3, 5, 8), data.batch(3, 5, 8 // parts)
    assert cut[0].shape == cut[1].shape == (5 * parts, 8 // parts)
    assert torch.equal(cut[0].flatten(), whole[0].flatten())
    assert torch.equal(cut[1], cut[0] + 1)


def test_a_context_that_cannot_be_cut_evenly_loses_its_last_characters() -> None:
    inputs, targets = counting(1_000, context=11).batch(0, 3, 2)
    assert inputs.shape == (15, 2)
    assert torch.equal(targets, inputs + 1)


def test_training_and_validation_divide_the_text() -> None:
    data = counting(1000, validation=0.25)
    assert data.train.tolist() + data.validation.tolist() == list(range(1000))
    assert len(data.validation) == 250


@pytest.mark.parametrize(
    "length",
    [
        200,  # some windows and a remainder
        330,  # 33 for validation: 32 predicted, exactly four windows
        90,  # 9 for validation: exactly one window
        50,  # 5 for validation: less than one window
        8 * SIZE * 30,  # several batches
    ],
)
def test_an_evaluation_predicts_each_validation_character_once(length: int) -> None:
    data = counting(length)
    inputs: list[int] = []
    targets: list[int] = []
    for x, y in data.evaluated.batches(data.context_length, SIZE):
        assert x.shape == y.shape
        assert x.shape[1] <= 8
        assert torch.equal(y, x + 1)
        inputs += x.flatten().tolist()
        targets += y.flatten().tolist()
    validation = data.validation.tolist()
    assert inputs == validation[:-1]
    assert targets == validation[1:]


def test_a_text_that_is_too_short_is_refused_with_a_message() -> None:
    with pytest.raises(ValueError, match=r"^The text has 9 tokens, too few for a context of 8"):
        counting(9)


@given(st.integers(0, 40), st.integers(1, 12), st.floats(0.01, 0.5))
def test_every_length_is_refused_or_usable(length: int, context: int, validation: float) -> None:
    try:
        data = counting(length, context, validation)
    except ValueError:
        return
    inputs, targets = data.batch(0, 3, context)
    assert inputs.shape == targets.shape == (3, context)
    assert (
        sum(y.numel() for _, y in data.evaluated.batches(data.context_length, SIZE))
        == len(data.validation) - 1
        > 0
    )


@given(
    st.integers(30, 5_000),
    st.integers(1, 12),
    st.floats(0.1, 0.5),
    st.integers(1, 3_000),
    st.data(),
)
def test_a_sample_is_spread_over_the_validation_part_and_each_of_its_characters_predicted_once(
    length: int, context: int, validation: float, characters: int, data: st.DataObject
) -> None:
    text = counting(length, context, validation, val_characters=characters)
    part, window = text.validation.tolist(), data.draw(st.integers(1, context))
    batches = list(text.evaluated.batches(window, SIZE))
    targets = torch.cat([y.flatten() for _, y in batches])
    assert all(torch.equal(y, x + 1) for x, y in batches)
    assert len(targets) == len(set(targets.tolist())) == text.evaluated.predicted(window) > 0
    assert set(targets.tolist()) <= set(part[1:])
    if characters >= len(part) - 1:
        assert len(targets) == len(part) - 1
        return
    assert len(targets) <= max(characters, context)
    if window == context:
        starts = targets[::context]
        assert int(starts[0]) == part[1]
        if len(starts) > 1:
            assert int(targets[-1]) == part[-1]
            assert int(starts.diff().max() - starts.diff().min()) <= 1


def test_a_sample_is_the_same_text_each_time_whatever_the_windows() -> None:
    text = counting(10_000, val_characters=200)

    def targets(window: int) -> list[int]:
        batches = text.evaluated.batches(window, SIZE)
        return [id_ for _, y in batches for id_ in y.flatten().tolist()]

    assert targets(8) == targets(8) == targets(4) == targets(2)
    assert targets(8)[0] == 9_001
    assert targets(8)[-1] == 9_999
