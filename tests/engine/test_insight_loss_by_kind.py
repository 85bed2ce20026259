"""Where the loss lives: each token is of one kind, and every mean is that of a plain sum."""

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from driving import Driver, FakeClock, is_a, losses, of, only, run_to_end, tiny
from plain_gpt import plain_log_probs, plain_pass
from shaping import CONTEXT, awake, shape

from data.character_kinds import KINDS, KINDS_OF_TOKENS, PART, kind_at
from engine.insight.loss_by_kind import LossByKind
from engine.model.byte_level import ByteLevel
from engine.model.gpt import GPT
from engine.model.tokenizer import Tokenizer, Vocabulary
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

SIGNS = dict(zip("ifcd_/.?", KINDS[:PART], strict=True))
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
        tally = LossByKind(vocabulary, 64)
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


Predicted = list[tuple[float, int]]
"""The bits of predictions, and the bytes of what was predicted."""


def brute_force(
    model: GPT, tokens: Sequence[bytes], rows: list[list[int]]
) -> tuple[dict[int, Predicted], dict[int, Predicted]]:
    """Every prediction of these rows of ids, by the kind of the predicted token and by how many are
    seen."""
    by_kind, by_position = defaultdict(list), defaultdict(list)
    for row in rows:
        plain = plain_pass(model, torch.tensor(row[:-1]))
        log_probs = plain_log_probs(model, plain.streams[-1])
        for seen in range(1, len(row)):
            bits = -log_probs[seen - 1, row[seen]] / math.log(2)
            token = tokens[row[seen]]
            predicted = (float(bits), len(token))
            by_kind[plain_kind(b"".join(tokens[i] for i in row[:seen]), token)].append(predicted)
            by_position[seen].append(predicted)
    return by_kind, by_position


def plain_kind(before: bytes, token: bytes) -> int:
    """By the bytes: what follows the blanks of a token is a whole character, or begins one that is
    not whole, or goes on with one."""
    rest = token.lstrip(b" ") or b" "
    size = 1 + (rest[0] >= 0xC0) + (rest[0] >= 0xE0) + (rest[0] >= 0xF0)
    if 0x80 <= rest[0] < 0xC0 or size > len(rest):
        return PART
    character = rest[:size].decode()
    word = (before + token[: len(token) - len(rest)]).decode(errors="replace")
    if character == "\n":
        kind = "line end"
    elif character == " ":
        kind = "space"
    elif character in "0123456789":
        kind = "digit"
    elif character.isupper():
        kind = "capital"
    elif character.isalpha():
        word = word.removesuffix("'")
        kind = "inside a word" if word[-1:].isalnum() else "first letter"
    else:
        kind = "punctuation" if character in ",.:;!?-'" else "other"
    return KINDS.index(kind)


def check_part(part: LossPart, found: Predicted, characters: int) -> None:
    assert part.bits == pytest.approx(sum(bits for bits, _ in found) / len(found), rel=1e-4)
    assert part.share == pytest.approx(len(found) / characters)
    assert part.bytes_each == pytest.approx(sum(size for _, size in found) / len(found))


def bytes_of(tokenizer: Tokenizer) -> Sequence[bytes]:
    """What each token stands for."""
    return (
        tokenizer.tokens
        if isinstance(tokenizer, ByteLevel)
        else [*map(str.encode, tokenizer.pieces)]
    )


@pytest.mark.parametrize("context", [CONTEXT, 13])
def test_the_means_are_those_of_a_plain_sum(context: int) -> None:
    vocabulary = Vocabulary("\n '+,.05AZabcz")
    model = awake(shape(), len(vocabulary))
    generator = torch.Generator().manual_seed(3)
    rows = torch.randint(len(vocabulary), (30, context + 1), generator=generator)
    tally = LossByKind(vocabulary, context)
    for first in (0, 7, 14, 21, 28):
        tally.add(model, rows[first : first + 7, :-1], rows[first : first + 7, 1:])
    tally.add(model, rows[:1, :4], rows[:1, 1:5])  # the rest of a text
    by_kind, by_position = brute_force(
        model, bytes_of(vocabulary), [*rows.tolist(), rows[0, :5].tolist()]
    )
    total = 30 * context + 4
    assert tally.characters == total
    assert [part.name for part in tally.kinds()] == [*KINDS[:PART]]
    for number, part in enumerate(tally.kinds()):
        check_part(part, by_kind[number], total)
    names = ["1", "2", "3-4", "5-8", f"9-{context}"]
    assert [part.name for part in tally.positions()] == names
    for part, (first, last) in zip(
        tally.positions(), [(1, 1), (2, 2), (3, 4), (5, 8), (9, context)], strict=True
    ):
        found = [one for seen in range(first, last + 1) for one in by_position[seen]]
        check_part(part, found, total)
    for parts in (tally.kinds(), tally.positions()):
        assert sum(part.share for part in parts) == pytest.approx(1)
        assert sum(part.share * part.bits for part in parts) == pytest.approx(tally.bits)


def test_kinds_that_do_not_occur_are_left_out() -> None:
    tally = LossByKind(Vocabulary("ab"), CONTEXT)
    model = awake(shape(), 2)
    tally.add(model, torch.tensor([[0, 1]]), torch.tensor([[1, 0]]))
    assert [part.name for part in tally.kinds()] == ["inside a word"]
    assert [part.name for part in tally.positions()] == ["1", "2"]


TEXT = (
    "The owl said: naïve? No.\n\nAn owl's 1,000 nights - 日本語 🦉! And  the 'owls' Élan: été.\n"
    * 20
)
SETTINGS = {
    "characters": (),
    "bytes": ("model.tokenizer=bytes",),
    "bpe": ("model.tokenizer=bpe", "model.vocabulary=300"),
}


@pytest.mark.parametrize("tokens", SETTINGS)
def test_the_whole_of_a_short_validation_part_has_the_loss_of_its_evaluation(
    tmp_path: Path, tokens: str
) -> None:
    corpus = tmp_path / "owls.txt"
    corpus.write_text(TEXT, encoding="utf-8")
    driver = Driver().when(is_a(Saved), DivideLoss(5)).when(is_a(LossDivided), Close())
    events = driver.run(Open(tiny(corpus, *SETTINGS[tokens])), Train())
    divided, evaluated = only(events, LossDivided), of(events, Evaluated)[-1]
    assert (divided.request, divided.step, divided.context_length) == (5, 20, 16)
    number = divided.characters
    assert number == evaluated.characters
    assert divided.bits == pytest.approx(evaluated.loss / math.log(2), rel=1e-5)
    assert evaluated.bits_per_byte is not None
    assert divided.bits_per_byte == pytest.approx(evaluated.bits_per_byte, rel=0.01)
    saved = load_run(only(events, Opened).run)
    made = saved.tokenizer
    model = GPT(saved.info.config.model, len(made))
    model.load_state_dict(saved.state["model"])
    validation = made.encode_corpus(saved.text)[-number - 1 :].tolist()
    rows = [validation[first : first + 17] for first in range(0, number, 16)]
    by_kind, by_position = brute_force(model, bytes_of(made), rows)
    names = KINDS if tokens == "characters" else KINDS_OF_TOKENS
    assert {part.name for part in divided.kinds} == {names[kind] for kind in by_kind}
    assert (PART in by_kind) == (tokens != "characters")
    for part in divided.kinds:
        check_part(part, by_kind[names.index(part.name)], number)
    check_part(divided.positions[0], by_position[1], number)


@pytest.mark.parametrize(
    ("before", "token", "kind"),
    [
        ("The", " owl", "word start"),
        ("The", " Owl", "capital"),
        ("The o", "wl", "inside a word"),
        ("owl'", "s", "inside a word"),
        ("owl", "'s", "punctuation"),
        ("the", " 1", "number"),
        ("the", "  ", "space"),
        ("the", " \n ", "line end"),
        ("the", " \\xE6", "character part"),
        ("", "\\xE6", "character part"),
        ("na", "ïve", "inside a word"),
        ("the ", "日\\xE6", "word start"),
        ("the ", "\\", "punctuation"),
    ],
)
def test_a_token_is_of_the_kind_of_its_first_character_that_is_no_space(
    before: str, token: str, kind: str
) -> None:
    text = before + token.replace("\\xE6", "本")
    assert KINDS_OF_TOKENS[kind_at(text, len(before), token)] == kind
    assert KINDS_OF_TOKENS[kind_at(text, -1, token)] == "character part"


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
