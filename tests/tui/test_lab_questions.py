"""The ready questions: races that can be run, and sentences that are true in every outcome."""

import json
import re
from importlib.util import module_from_spec, spec_from_file_location
from itertools import combinations
from pathlib import Path

import msgspec
import pytest

from data.reading import Reading
from engine.model.size import parameter_count
from engine.protocol import LABELS, RaceVerdict
from tui.lab.question import NO_DIFFERENCE, Question, outcome
from tui.lab.questions import QUESTIONS, question_of, question_titled

EACH = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
DOCS = Path(__file__).parents[2] / "docs"
VOCABULARIES = (30, 65, 100)


def verdict(
    losses: tuple[float | None, ...], *, noise: float | None = 0.01, seeds: bool = False
) -> RaceVerdict:
    known = sorted((loss, side) for side, loss in enumerate(losses) if loss is not None)
    best, second = (known[0][1], known[1][1]) if len(known) > 1 else (-1, -1)
    difference = known[1][0] - known[0][0] if len(known) > 1 else 0.0
    if not difference:
        best = second = -1
    kind = "seeds" if seeds else "windows"
    return RaceVerdict(
        "characters", 614_400.0, losses, best, second, difference, noise, kind, 1, "A sentence."
    )


@EACH
def test_the_sides_are_valid_differ_and_share_a_start(question: Question) -> None:
    configs = question.configs("tales")
    assert 2 <= len(configs) <= len(LABELS)
    assert all(one != other for one, other in combinations(configs, 2))
    assert len({(c.corpus, c.reading, c.train.seed, c.train.val_fraction) for c in configs}) == 1
    characters = {c.train.steps * c.train.batch_size * c.model.context_length for c in configs}
    assert len(characters) == 1, "all sides are trained on as many characters"


@EACH
def test_parameters_are_equal_where_that_is_said(question: Question) -> None:
    if question.equal_parameters:
        for vocabulary in VOCABULARIES:
            counts = [parameter_count(c.model, vocabulary) for c in question.configs("tales")]
            assert max(counts) < 1.02 * min(counts)


@EACH
def test_the_answer_tells_the_outcome_that_came(question: Question) -> None:
    names = [version.name for version in question.versions]
    for best, version in enumerate(question.versions):
        losses = tuple(2.0 if side == best else 2.4 + side / 10 for side in range(len(names)))
        said = question.answer(verdict(losses))
        assert said.endswith(version.if_best)
        assert f"{names[best]} 2.000" in said
        others = (other.if_best for other in question.versions if other is not version)
        assert not any(other in said for other in others)
    near = question.answer(verdict(tuple(2.0 + side / 100 for side in range(len(names)))))
    assert "does not tell the two apart" in near
    equal = question.answer(verdict(tuple(2.0 for _ in names)))
    assert "equal to the last bit" in equal
    lost = question.answer(verdict((2.0, *(None for _ in names[1:]))))
    assert "came to no number" in lost
    assert lost.endswith("nothing to compare it with.")


def test_a_difference_of_less_than_twice_its_noise_is_none() -> None:
    assert outcome(verdict((2.0, 2.019))) == NO_DIFFERENCE
    assert outcome(verdict((2.021, 2.0))) == "B"
    assert outcome(verdict((2.0, 2.0))) == NO_DIFFERENCE


def test_a_question_is_found_by_its_key_and_its_race_by_its_title() -> None:
    assert len({question.key for question in QUESTIONS}) == len(QUESTIONS)
    for question in QUESTIONS:
        assert question_of(question.key) is question
        assert question_titled(question.title) is question
    with pytest.raises(ValueError, match="the ready ones are attention, positions"):
        question_of("atention")


def test_the_page_about_the_questions_is_of_those_that_there_are() -> None:
    page = (DOCS / "questions.md").read_text(encoding="utf-8")
    sections = {}
    for section in page.split("\n## ")[1:]:
        head, *lines = section.splitlines()
        rows = [line.split(" | ")[:2] for line in lines if re.match(r"\| [A-D] ", line)]
        sections[head] = [(side[4:], settings.strip("` ")) for side, settings in rows]
    assert sections == {
        f"`{question.key}`: {question.title}": [
            (version.name, version.settings) for version in question.versions
        ]
        for question in QUESTIONS
    }
    assert all(question.before in page for question in QUESTIONS)


def test_that_page_is_written_from_what_a_race_prints() -> None:
    spec = spec_from_file_location("questions_page", DOCS / "questions.py")
    assert spec
    assert spec.loader
    writer = module_from_spec(spec)
    spec.loader.exec_module(writer)
    assert writer.EXPECTED.keys() == {question.key for question in QUESTIONS}
    lines = [{"side": side, "loss": 3.0, "seconds": 20.0 + n} for n, side in enumerate("ABAB")]
    told = msgspec.to_builtins(verdict((2.1, 2.0)))
    told |= {"final": True, "verdict": told.pop("sentence"), "race": "calm-heron", "runs": []}
    printed = "\n".join(map(json.dumps, [*lines, told]))
    page = writer.page({"attention": writer.result_in(printed)})
    assert "| without attention | without attention | 0.100 | 10.0 | no: with attention |" in page
    assert "| A with attention |  | 2.100 | 22 |" in page
    assert question_of("attention").versions[1].if_best in page
    assert writer.result_in(printed.rsplit("\n", 1)[0]) is None


def test_a_question_about_another_text_takes_that_as_it_is() -> None:
    question = question_of("tales")
    tales, other = question.configs("my letters.txt")
    assert (tales.corpus, tales.text.train_on) == ("tales", "")
    assert (other.corpus, other.text.train_on) == ("tales", "my letters.txt")
    with pytest.raises(ValueError, match="'tales' takes one text, and reads it as by default"):
        question.configs("letters.txt", Reading(encoding="cp1251"))
