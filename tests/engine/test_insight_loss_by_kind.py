"""Where the loss lives: each character is of one kind, and every mean is that of a plain sum."""

import math
from collections import defaultdict
from pathlib import Path

import pytest
import torch
from driving import Driver, FakeClock, is_a, losses, of, only, run_to_end, tiny
from plain_gpt import plain_log_probs, plain_pass
from shaping import CONTEXT, awake, shape

from data.character_kinds import KINDS, kind_at
from engine.insight.loss_by_kind import LossByKind
from engine.model.gpt import GPT
from engine.model.tokenizer import Vocabulary
from engine.protocol import (
    Close,
    CorpusLoaded,
    DivideLoss,
    Evaluated,
    Failed,
    LossDivided,
    LossPart,
    Open,
    Opened,
    OpenRun,
    Saved,
    StepDone,
    StepProgress,
    Train,
)
from engine.storage.saved_run import load_run

pytestmark = pytest.mark.timeout(30)

SIGNS = dict(zip("ifcd_/.?", KINDS, strict=True))
"""A sign for each kind, so that kinds can be written under a text."""


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (".The owl", "cii_fii"),
        (".ROMEO:\nI am", "ccccc./c_fi"),
        (". don't say 'the' o’er", "_fii.i_fii_.fii._f.ii"),
        (". a-b c' d x.y", "_f.f_f._f_f.f"),
        (".3rd 1,000 ½", "dii_d.ddd_d"),
        (".a\r\n\tb\u2028c\xa0d", "f//_f/f_f"),
        (".Это дом. Ёлка", "cii_fii._ciii"),
        (".ὁ λόγος", "f_fiiii"),
        (".天地 玄黄，宇", "fi_fi.f"),
        (".นี้ก", "fiii"),  # with marks on the first letter
        (".e\u0301te\u0301 \u0301", "fiiii_f"),
        (".می\u200cخواهم", "fi?iiiii"),  # a joiner inside a word
        (".a+b $5 😀 \x00", "f?f_?d_?_?"),
        (".Džǅ", "cic"),
    ],
)
def test_each_character_is_of_one_kind(text: str, kinds: str) -> None:
    vocabulary = Vocabulary(text)
    ids = vocabulary.encode_corpus(text).long()[None]
    model = GPT(shape(context_length=64), len(vocabulary)).init_weights(
        torch.Generator().manual_seed(1)
    )
    found = ""
    for end in range(2, len(text) + 1):  # one prediction more each time
        tally = LossByKind(vocabulary.characters, 64)
        tally.add(model, ids[:, : end - 1], ids[:, 1:end])
        counts = {part.name: round(part.share * tally.characters) for part in tally.kinds()}
        for sign, name in SIGNS.items():
            if counts.get(name, 0) > found.count(sign):
                found += sign
                break
    assert found == kinds
    names = {name: sign for sign, name in SIGNS.items()}
    alone = [names[KINDS[kind_at(text, index)]] for index in range(1, len(text))]
    assert "".join(alone) == kinds


def brute_force(
    model: GPT, characters: str, rows: list[list[int]]
) -> tuple[dict[str, list[float]], dict[int, list[float]]]:
    """The bits of every prediction of these rows of ids, by the kind of the predicted character and
    by how many are seen."""
    by_kind, by_position = defaultdict(list), defaultdict(list)
    for row in rows:
        plain = plain_pass(model, torch.tensor(row[:-1]))
        log_probs = plain_log_probs(model, plain.streams[-1])
        text = "".join(characters[i] for i in row)
        for seen in range(1, len(row)):
            bits = -log_probs[seen - 1, row[seen]] / math.log(2)
            by_kind[plain_kind(text[:seen], text[seen])].append(bits)
            by_position[seen].append(bits)
    return by_kind, by_position


def plain_kind(before: str, character: str) -> str:
    """For texts of ASCII."""
    if character == "\n":
        return "line end"
    if character == " ":
        return "space"
    if character in "0123456789":
        return "digit"
    if "A" <= character <= "Z":
        return "capital"
    if "a" <= character <= "z":
        word = before[:-1] if before.endswith("'") else before
        return "inside a word" if word[-1:].isalnum() else "first letter"
    return "other" if character in "+$" else "punctuation"


def check_part(part: LossPart, bits: list[float], characters: int) -> None:
    assert part.bits == pytest.approx(sum(bits) / len(bits), rel=1e-4)
    assert part.share == pytest.approx(len(bits) / characters)


@pytest.mark.parametrize("context", [CONTEXT, 13])
def test_the_means_are_those_of_a_plain_sum(context: int) -> None:
    characters = "".join(sorted("\n '+,.05AZabcz"))
    model = awake(shape(), len(characters))
    generator = torch.Generator().manual_seed(3)
    rows = torch.randint(len(characters), (30, context + 1), generator=generator)
    tally = LossByKind(characters, context)
    for first in (0, 7, 14, 21, 28):
        tally.add(model, rows[first : first + 7, :-1], rows[first : first + 7, 1:])
    tally.add(model, rows[:1, :4], rows[:1, 1:5])  # the rest of a text
    by_kind, by_position = brute_force(model, characters, [*rows.tolist(), rows[0, :5].tolist()])
    total = 30 * context + 4
    assert tally.characters == total
    assert [part.name for part in tally.kinds()] == [*KINDS]
    for part in tally.kinds():
        check_part(part, by_kind[part.name], total)
    names = ["1", "2", "3-4", "5-8", f"9-{context}"]
    assert [part.name for part in tally.positions()] == names
    for part, (first, last) in zip(
        tally.positions(), [(1, 1), (2, 2), (3, 4), (5, 8), (9, context)], strict=True
    ):
        bits = [one for seen in range(first, last + 1) for one in by_position[seen]]
        check_part(part, bits, total)
    for parts in (tally.kinds(), tally.positions()):
        assert sum(part.share for part in parts) == pytest.approx(1)
        assert sum(part.share * part.bits for part in parts) == pytest.approx(tally.bits)


def test_kinds_that_do_not_occur_are_left_out() -> None:
    tally = LossByKind("ab", CONTEXT)
    model = awake(shape(), 2)
    tally.add(model, torch.tensor([[0, 1]]), torch.tensor([[1, 0]]))
    assert [part.name for part in tally.kinds()] == ["inside a word"]
    assert [part.name for part in tally.positions()] == ["1", "2"]


def test_the_whole_of_a_short_validation_part_has_the_loss_of_its_evaluation(
    verse_file: Path,
) -> None:
    driver = Driver().when(is_a(Saved), DivideLoss(5)).when(is_a(LossDivided), Close())
    events = driver.run(Open(tiny(verse_file)), Train())
    divided, evaluated = only(events, LossDivided), of(events, Evaluated)[-1]
    assert (divided.request, divided.step, divided.context_length) == (5, 20, 16)
    assert divided.characters == evaluated.characters == 163
    assert divided.bits == pytest.approx(evaluated.bits_per_char, rel=1e-5)
    saved = load_run(only(events, Opened).run)
    vocabulary = Vocabulary(saved.info.corpus.characters)
    model = GPT(saved.info.config.model, len(vocabulary))
    model.load_state_dict(saved.state["model"])
    validation = vocabulary.encode_corpus(saved.text)[-164:].tolist()
    rows = [validation[first : first + 17] for first in range(0, 163, 16)]
    by_kind, _ = brute_force(model, vocabulary.characters, rows)
    assert {part.name for part in divided.kinds} == {*by_kind}
    for part in divided.kinds:
        check_part(part, by_kind[part.name], 163)


def test_of_a_long_validation_part_a_sample_is_read_in_slices(tmp_path: Path) -> None:
    corpus = tmp_path / "long.txt"
    corpus.write_text("".join(f"{n} owls say: {n * n % 977}.\n" for n in range(9_000)))
    driver = Driver(FakeClock()).when(is_a(LossDivided), Close())
    events = driver.run(Open(tiny(corpus, "train.steps=1000")), DivideLoss(1), Train())
    divided = only(events, LossDivided)
    assert (divided.step, divided.characters) == (0, 8_192)
    assert sum(part.share for part in divided.kinds) == pytest.approx(1)
    assert of(events, StepDone), "training goes on meanwhile"
    assert divided.bits == pytest.approx(math.log2(only(events, CorpusLoaded).vocabulary)), (
        "by the weights at the time of the question"
    )


@pytest.mark.parametrize("dropout", ["0", "0.2"])
def test_the_question_changes_no_bit_of_training(verse_file: Path, dropout: str) -> None:
    config = tiny(verse_file, f"model.dropout={dropout}", "train.batch_size=160")
    quiet = run_to_end(Open(config), Train())
    driver = Driver(FakeClock(tick=1.0)).when(is_a(StepProgress, step=5), DivideLoss(1))
    driver.when(is_a(StepDone, step=9), DivideLoss(2)).when(is_a(Saved), Close())
    asked = driver.run(Open(config), Train())
    assert [event.step for event in of(asked, LossDivided)] == [4, 9]
    assert losses(asked) == losses(quiet)


def test_weights_that_are_not_kept_are_named(verse_file: Path) -> None:
    name = only(run_to_end(Open(tiny(verse_file)), Train()), Opened).run
    driver = Driver().when(is_a(LossDivided, request=2), Close())
    events = driver.run(OpenRun(name), DivideLoss(1, step=17), DivideLoss(2, step=0))
    assert only(events, Failed).during == "inspect"
    assert only(events, Failed).message.startswith("The weights of step 17 are not kept")
    assert only(events, LossDivided).step == 0
