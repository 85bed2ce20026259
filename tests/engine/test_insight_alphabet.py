"""The alphabet as the model sees it: against an eigen-decomposition of the covariance."""

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from driving import Driver, ask, is_a, losses, of, only, run_to_end, tiny

from engine.insight.alphabet import NEIGHBOURS, Alphabet, map_alphabet
from engine.protocol import (
    AlphabetMapped,
    Close,
    Failed,
    MapAlphabet,
    Open,
    Opened,
    OpenRun,
    Saved,
    StepDone,
    Train,
)
from engine.storage.saved_run import load_run

pytestmark = pytest.mark.timeout(30)


def embeddings(characters: int, width: int, seed: int = 1) -> torch.Tensor:
    """Of different variance along each axis of the space."""
    x = torch.randn(characters, width, generator=torch.Generator().manual_seed(seed))
    return x * torch.linspace(2, 0.5, width)


def mapped(x: torch.Tensor, earlier: torch.Tensor | None = None) -> Alphabet:
    """All of them."""
    return map_alphabet(x, range(len(x)), (), earlier)


@pytest.mark.parametrize(("characters", "width"), [(30, 8), (8, 30), (65, 128), (200, 16)])
def test_the_plane_is_that_of_the_covariance(characters: int, width: int) -> None:
    x = embeddings(characters, width)
    alphabet = mapped(x)
    centred = x.double().numpy() - x.double().numpy().mean(0)
    variances, axes = np.linalg.eigh(np.cov(centred.T))
    for axis in (0, 1):
        expected = centred @ axes[:, -1 - axis]
        found = alphabet.plane[:, axis].numpy()
        np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-6)
        assert abs(found @ expected) == pytest.approx(found @ found)
        assert alphabet.explained[axis] == pytest.approx(variances[-1 - axis] / variances.sum())
        assert found[np.abs(found).argmax()] > 0
    assert 1 >= alphabet.explained[0] >= alphabet.explained[1] > 0


def test_the_nearest_are_those_of_the_largest_cosine() -> None:
    x = embeddings(30, 8)
    alphabet = mapped(x)
    for i, (near, found) in enumerate(
        zip(alphabet.nearest.tolist(), alphabet.similarity.tolist(), strict=True)
    ):
        cosines = {
            j: float(x[i] @ x[j]) / math.sqrt(float(x[i] @ x[i]) * float(x[j] @ x[j]))
            for j in range(30)
            if j != i
        }
        assert near == sorted(cosines, key=lambda j: -cosines[j])[:NEIGHBOURS]
        assert found == pytest.approx([cosines[j] for j in near], rel=1e-4)


def test_the_picture_does_not_flip_from_one_moment_to_the_next() -> None:
    x = embeddings(30, 8)
    plane = mapped(x).plane
    for step in range(20):
        x = x + 0.05 * embeddings(30, 8, seed=step)
        after = mapped(x, plane).plane
        assert (after - plane).norm() < (after + plane).norm()
        for axis in (0, 1):
            assert after[:, axis] @ plane[:, axis] > 0
        plane = after
    for signs in ([1, -1], [-1, 1], [-1, -1]):
        turned = plane * torch.tensor(signs)
        assert (mapped(x, turned).plane - turned).abs().max() < 1e-9


@pytest.mark.parametrize("characters", [1, 2, 3])
def test_few_characters(characters: int) -> None:
    alphabet = mapped(embeddings(characters, 8))
    assert alphabet.plane.shape == (characters, 2)
    assert alphabet.nearest.shape == (characters, characters - 1)
    assert alphabet.plane.isfinite().all()
    # One has no variance, two differ along a line, three along a plane.
    assert sum(alphabet.explained) == pytest.approx(float(characters > 1))
    assert alphabet.explained[1] == pytest.approx(0, abs=1e-9) or characters == 3


def test_characters_that_are_all_alike_are_in_one_place() -> None:
    alphabet = mapped(torch.ones(5, 8))
    assert alphabet.plane.abs().max() < 1e-6
    assert alphabet.explained == pytest.approx((0, 0))
    assert alphabet.similarity.numpy() == pytest.approx(1)


def test_a_run_is_mapped_while_it_trains_and_keeps_its_turn(verse_file: Path) -> None:
    quiet = run_to_end(Open(tiny(verse_file)), Train())
    driver = Driver()
    for step in range(1, 20):
        driver.when(is_a(StepDone, step=step), MapAlphabet(step))
    driver.when(is_a(Saved), MapAlphabet(20), MapAlphabet(21, step=0), Close())
    events = driver.run(Open(tiny(verse_file)), Train())
    assert losses(events) == losses(quiet)
    maps = of(events, AlphabetMapped)
    assert [event.step for event in maps] == [*range(1, 21), 0]
    saved = load_run(of(events, Opened)[-1].run)
    for event in maps:
        assert "".join(point.character for point in event.points) == saved.info.corpus.characters
        assert event.vocabulary == len(event.points) == 35
        assert {len(point.neighbours) for point in event.points} == {NEIGHBOURS}
    last = maps[-2]
    expected = mapped(saved.state["model"]["head.weight"])
    for axis, name in enumerate("xy"):
        found = np.array([getattr(point, name) for point in last.points])
        np.testing.assert_allclose(np.abs(found), expected.plane[:, axis].abs(), atol=1e-6)
    assert last.explained == pytest.approx(expected.explained)
    untrained = maps.pop()
    assert {(point.x, point.y) for point in untrained.points} == {(0.0, 0.0)}
    assert untrained.explained == (0, 0)
    for before, after in pairwise(maps):
        for name in "xy":
            pairs = zip(before.points, after.points, strict=True)
            assert sum(getattr(one, name) * getattr(two, name) for one, two in pairs) > 0


WORDS = [f"{a}{b}" for a in "aeiou" for b in "bcdfghklmnprstvz"]
"""Of which the tokens are learned."""


@pytest.mark.parametrize("tokens", ["characters", "bpe"])
def test_of_a_large_vocabulary_the_most_frequent_are_shown(tmp_path: Path, tokens: str) -> None:
    """The selected one, too; and each with its neighbours of all."""
    text = "".join(chr(0x4E00 + n) * (2 + n * 7 % 300) for n in range(300)) * 2
    if tokens == "bpe":
        text = "".join(f"{WORDS[n % 80]}{WORDS[n * n % 80]} " for n in range(3_000))
    corpus = tmp_path / "many.txt"
    corpus.write_text(text, encoding="utf-8")
    driver = Driver().when(is_a(Saved), MapAlphabet(1)).when(is_a(AlphabetMapped), Close())
    config = tiny(corpus, f"model.tokenizer={tokens}", "model.vocabulary=400")
    events = driver.run(Open(config), Train())
    event = only(events, AlphabetMapped)
    saved = load_run(only(events, Opened).run)
    made = saved.tokenizer
    counts = Counter(made.encode(text[: int(len(text) * 0.9)]))
    ids = [made.pieces.index(point.character) for point in event.points]
    assert (len({*ids}), event.vocabulary) == (min(200, len(counts)), len(made))
    frequencies = [counts[i] for i in ids]
    assert frequencies == sorted(frequencies, reverse=True)
    rest = {*range(len(made))} - {*ids}
    assert min(frequencies) >= max(counts[i] for i in rest)
    other = made.pieces[max(rest)]
    selected = ask(only(events, Opened).run, MapAlphabet(2, selected=other))
    answer = only(selected, AlphabetMapped)
    assert answer.selected is not None
    assert answer.selected.character == other
    x = saved.state["model"]["head.weight"].double().numpy()
    centre = x[ids].mean(0)
    axes = np.linalg.svd(x[ids] - centre)[2][:2]
    for number, point in [*zip(ids, answer.points, strict=True), (max(rest), answer.selected)]:
        place = np.abs((x[number] - centre) @ axes.T)
        np.testing.assert_allclose(np.abs([point.x, point.y]), place, atol=1e-5)
        norms = np.linalg.norm(x, axis=1) * np.linalg.norm(x[number])
        cosines = np.delete(x @ x[number] / norms, number)
        assert [c for _, c in point.neighbours] == pytest.approx(
            sorted(cosines, reverse=True)[:NEIGHBOURS], abs=1e-5
        )
        for piece, cosine in point.neighbours:
            near = made.pieces.index(piece)
            assert float(x[near] @ x[number] / norms[near]) == pytest.approx(cosine, abs=1e-5)


def test_weights_that_are_not_kept_are_named(verse_file: Path) -> None:
    name = only(run_to_end(Open(tiny(verse_file)), Train()), Opened).run
    events = Driver().run(OpenRun(name), MapAlphabet(1, step=17), Close())
    assert only(events, Failed).message.startswith("The weights of step 17 are not kept")
