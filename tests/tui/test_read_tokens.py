"""View 2 for a run whose tokens are not characters."""

from looking import Opener
from msgspec.structs import replace
from reading_along import loss_divided
from recording import opened, opening, state_after, untrained
from trying import step_inspected

from data.character_kinds import KINDS_OF_TOKENS
from engine.config import SampleConfig
from engine.protocol import (
    AlphabetMapped,
    CharacterPoint,
    DivideLoss,
    Inspected,
    LossPart,
    MapAlphabet,
    Place,
    PlaceInspected,
    Tokens,
    WhenLearned,
)
from tui.asking import Answered, Asked
from tui.drawing.passage import PassageLayout
from tui.insight import Insight, Passage, fold_insight
from tui.read.alphabet import AlphabetPane
from tui.read.learned import LearnedPane
from tui.read.loss_parts import LossPartsPane
from tui.read.next_character import NextPane
from tui.read.pane import about_the_place
from tui.safe_struct import Raw
from tui.state import RunState

PIECES = ("Good", " mor", "row", "\n", "\\xE6", "\\x97\\xA5", " owl")
TEXT = "Good morrow\n日 owl"
IDS = (5, 6, 7, 8, 9, 10, 11)
STARTS = (0, 4, 8, 11, 12, -1, 13)
TOKENS = Tokens("bpe", number=1_024, characters_each=2.1, bytes_each=2.2)
NEXT = ((" owl", 0.5), ("\\x97", 0.25), ("e", 0.1))


def inspected() -> Inspected:
    places = tuple(
        Place(piece, 2.0 if number else None, 1, 3.0, NEXT, (), ())
        for number, piece in enumerate(PIECES)
    )
    end = Place("", None, 0, 3.0, NEXT, (), ())
    return Inspected(1, 60, TEXT, "", 0, 900, (*places, end), (), 2.0, (), 2.0, 64, IDS, STARTS)


def looking_at(cursor: int) -> RunState:
    insight = Insight(passage=Passage.of(inspected()), cursor=cursor)
    with_tokens = replace(opened(), tokens=TOKENS)
    return replace(state_after(*opening()), insight=insight, opened=with_tokens)


def test_each_token_stands_in_one_place_and_lines_end_with_their_breaks() -> None:
    passage = Passage.of(inspected())
    assert passage.characters == ("Good", " mor", "row", "␊", "\\xE6", "\\x97\\xA5", " owl")
    layout = PassageLayout(passage.with_end, 40)
    assert layout.rows == [range(4), range(4, 8)]
    assert layout.cell_of(2) == 8
    assert layout.index_at(1, 5) == 5
    narrow = PassageLayout(passage.with_end, 6)
    assert [len(row) for row in narrow.rows] == [1, 1, 2, 1, 1, 2], "none is cut in two"


def test_questions_are_asked_in_tokens() -> None:
    """A text up to a place within a character is no text."""
    config = SampleConfig()
    for cursor in range(1, 8):
        asked = about_the_place(looking_at(cursor), config)["asked_place"]
        assert (asked.text, asked.ids) == ("", IDS[:cursor])
        learned = LearnedPane.questions(looking_at(cursor), config)["learned"]
        assert learned.ids == IDS[:cursor]
        assert learned.target == (*PIECES, "")[cursor]


def test_an_answer_about_tokens_belongs_to_its_place() -> None:
    state = looking_at(5)
    asked = about_the_place(state, SampleConfig())["asked_place"]
    insight = replace(state.insight, asked_place=Asked(4, asked))
    answer = PlaceInspected(4, 60, 0, NEXT, ())
    folded = fold_insight(insight, answer, answer)
    assert folded.looked is not None
    assert folded.looked.index == 5


def test_a_text_goes_on_with_whole_characters_only() -> None:
    insight = looking_at(6).insight
    assert insight.begun_with(0) == "Good morrow\n日 owl"
    assert insight.begun_with(1) == ""
    assert insight.begun_with(2) == "Good morrow\n日e"


def test_tokens_stand_in_columns() -> None:
    state = looking_at(6)
    lines = [line.plain for line in NextPane().draw(state, 40, 8)]
    assert lines[1].startswith("  ␠owl◂")
    assert lines[2].startswith("  \\x97 ")
    assert lines[1].index("%") == lines[2].index("%") == lines[3].index("%")
    rows = tuple((text, (0.0, chance)) for text, chance in NEXT)
    question = LearnedPane.questions(state, SampleConfig())["learned"]
    answer = WhenLearned(0, (0, 60), rows, " owl", 60, 60)
    learned = Answered(question=question, answer=answer, answers=question)
    shown = replace(state, insight=replace(state.insight, learned=learned))
    drawn = [line.plain for line in LearnedPane().draw(shown, 40, 8)]
    assert len({line.index("%") for line in drawn[:3]}) == 1


def test_each_token_is_of_a_kind() -> None:
    passage = Passage.of(inspected())
    names = [KINDS_OF_TOKENS[kind] for at in range(7) if (kind := passage.kind(at)) is not None]
    part = "character part"
    assert names == ["capital", "word start", "inside a word", "line end", part, part, "word start"]
    assert passage.kind(7) is None


def test_where_the_loss_lives_is_told_in_nats_and_in_bits_per_byte() -> None:
    state = looking_at(1)
    answer = replace(
        loss_divided(DivideLoss(1)),
        bits=3.0,
        kinds=(LossPart("word start", 6.0, 0.25, 4.0), LossPart("inside a word", 2.0, 0.75, 2.0)),
    )
    insight = replace(state.insight, divided=Answered(answer=answer))
    shown = replace(state, insight=insight)
    assert LossPartsPane().titles(shown)[1].plain == "2.08 nats · 1.20 bits/byte"
    lines = LossPartsPane().draw(shown, 36, 9)
    drawn = [line.plain for line in lines]
    assert drawn[0].split() == ["nats", "bit/B", "share"]
    assert drawn[1].startswith("word start     ████ 4.16  1.50   50%")
    assert drawn[2].split()[-3:] == ["1.39", "1.00", "50%"]
    assert [span.start for span in lines[1].spans if "reverse" in str(span.style)] == [0]
    assert "At least 9 tokens of context are used: 2.7 nats after" in " ".join(drawn)


def mapped(asked: MapAlphabet, number: int) -> AlphabetMapped:
    """The most frequent of 1,024 tokens in a row, and another one above it if it is asked for."""
    near = ((" mor", 0.9), ("zzz", 0.8))
    points = tuple(CharacterPoint(f" t{n}", n, 0.0, near) for n in range(number))
    one = CharacterPoint(asked.selected, 3.0, 5.0, near) if asked.selected else None
    return AlphabetMapped(1, 60, points, (0.2, 0.1), 1_024, one)


def test_the_selected_token_is_on_the_plane_with_its_neighbours_of_all() -> None:
    state = looking_at(6)
    first = AlphabetPane.questions(state, SampleConfig())["alphabet"]
    answer = mapped(first, 30)
    known = Answered(question=first, raw=Raw(answer), answer=answer)
    waiting = replace(state, insight=replace(state.insight, alphabet=known))
    asked = AlphabetPane.questions(waiting, SampleConfig())["alphabet"]
    assert asked == MapAlphabet(0, selected=" owl")
    answer = mapped(asked, 30)
    known = Answered(question=asked, raw=Raw(answer), answer=answer)
    shown = replace(state, insight=replace(state.insight, alphabet=known))
    assert AlphabetPane().titles(shown)[0].plain == "the tokens as it sees them"
    assert AlphabetPane().titles(shown)[1].plain == "step 60 · 30 of 1,024 tokens"
    for width, height in ((36, 12), (76, 9)):
        drawn = [line.plain for line in AlphabetPane().draw(shown, width, height)]
        assert len(drawn) <= height
        assert "␠owl" in drawn[0]
        text = " ".join(drawn)
        assert "␠owl is like  ␠mor 0.90" in text
        assert "zzz 0.80" in text, "which is not on the plane"
        placed = sum(line.count("␠t") for line in drawn)
        assert placed < 30
        assert f"{placed} of the 30 most frequent." in text


async def test_the_microscope_shows_tokens_in_place_of_characters(desk: Opener) -> None:
    pieces = (*PIECES, *PIECES[1:] * 10)[:65]
    step = step_inspected()
    step = replace(
        step,
        pieces=pieces,
        before=replace(step.before, character=pieces[64], next=((pieces[64], 0.2), *NEXT[1:])),
    )
    async with desk(*untrained(), size=(80, 24)) as it:
        await it.press("m")
        await it.play(step)
        await it.sees("32 rows of 64 tokens", "▸ Good␠morrow␊\\xE6\\x97\\xA5␠owl␠mor")
        await it.press("right")
        await it.sees("The true next token is “\\xE6”", "\\xE6\\x97\\xA5 owl morrow␊")
        await it.press("right")
        await it.sees("The true token “\\xE6” had", "among 5.2 tokens")
        await it.press("right", "right", "right")
        await it.sees("of 64 tokens became likelier", "\\xE6  20%", "\\x97  25%")


def test_the_surprise_of_a_passage_is_also_in_bits_per_byte() -> None:
    read = inspected()
    assert read.noun == "token"
    assert read.bits_per_byte == 6 * 2.0 / len(TEXT[4:].encode())
    begins_within = replace(read, starts=(0, -1, *STARTS[2:]))
    assert begins_within.bits_per_byte == 5 * 2.0 / len(TEXT[8:].encode())
    assert replace(read, starts=(0,), ids=(5,)).bits_per_byte is None
