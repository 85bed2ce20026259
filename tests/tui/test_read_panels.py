"""The panels of the view that reads along: when it was learned, where the loss lives, the alphabet."""

from math import sqrt

from looking import Desk, Opener, strips
from msgspec.structs import replace
from reading_along import (
    ALPHABET,
    MOMENTS,
    PASSAGE,
    Reader,
    alphabet_mapped,
    loss_divided,
    when_learned,
)
from recording import STEPS, evaluated, trained, untrained

from engine.protocol import (
    AskWhenLearned,
    DivideLoss,
    Failed,
    LossPart,
    MapAlphabet,
    MomentsKept,
    PhaseChanged,
    Tokens,
    WhenLearned,
)
from tui.context_use import context_words
from tui.read.alphabet import order_words
from tui.read.learned import learned_words

DONE = (*untrained(), *trained(STEPS))
SMALL = (80, 24)


async def show(desk: Desk, title: str, reader: Reader) -> None:
    """Turn the panels over until one of them is shown."""
    for _ in range(5):
        await desk.settled()
        if title in "\n".join(desk.rows):
            return
        await reader.press("v")
    await desk.sees(title)


def reversed_in(desk: Desk) -> set[str]:
    """What is drawn in reverse."""
    return {
        segment.text
        for strip in strips(desk.app.screen)
        for segment in strip
        if segment.style and segment.style.reverse
    }


async def test_only_what_is_shown_is_asked(desk: Opener) -> None:
    """In a small window one panel at a time; each asks again at every evaluation."""
    async with desk(*untrained(), size=SMALL) as it:
        reader = Reader(it)
        kinds = (AskWhenLearned, DivideLoss, MapAlphabet)

        def asked() -> list[int]:
            return [len(it.engine.sent(kind)) for kind in kinds]

        await reader.press("2", "v")
        assert asked() == [0, 0, 0]
        await reader.press("v")
        await it.sees("when it learned this: “")
        assert asked() == [1, 0, 0]
        await reader.press("v")
        await it.sees("where the loss lives")
        await it.play(PhaseChanged("training", 0), evaluated(250, 2.0))
        assert asked() == [1, 2, 0]
        await it.play(evaluated(500, 1.9))
        assert asked() == [1, 2, 0], "one without an answer at a time"
        await reader.answer()
        assert asked() == [1, 3, 0], "and the newest as soon as it is there"
        await reader.press("v")
        assert asked() == [1, 3, 1]
        await reader.press("1")
        await it.play(evaluated(750, 1.8))
        assert asked() == [1, 3, 1]


async def test_when_it_learned_what_is_selected(desk: Opener) -> None:
    async with desk(*DONE, size=SMALL) as it:
        reader = Reader(it)
        await reader.press("2", "pageup", "home", "right", "right")
        await show(it, "when it learned this", reader)
        (asked,) = it.engine.sent(AskWhenLearned)[-1:]
        assert (asked.text, asked.target) == ("PR", "O")
        await it.sees("when it learned this: “O”", "█ 70%", "O◂", "80%", " 500 ", "1,500")
        await it.sees("First right at step 500, sure since")
        await it.press("right")
        await it.sees("reading the kept weights")
        assert "“O”" not in "\n".join(it.rows), "that of another character"
        await reader.answer()
        await it.sees("when it learned this: “S”", "S◂")
        await reader.press("home")
        assert "when it learned this: “" not in "\n".join(it.rows)


async def test_damaged_weights_leave_the_others_and_the_passage(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await reader.press("2")
        await it.press("right")
        question = it.engine.sent(AskWhenLearned)[-1]
        assert question in reader.open
        sentence = "The weights of step 8 cannot be used."
        await it.play(Failed(sentence, "inspect", question.request), when_learned(question))
        await it.sees("The weights of step 8 cannot", "when it learned this: “", "PROSPERO:")
        await reader.answer()
        await reader.press("left")
        assert "cannot" not in "\n".join(it.rows)


async def test_the_moment_that_is_looked_at_is_marked_and_asked(desk: Opener) -> None:
    async with desk(*DONE, MomentsKept(MOMENTS, 58_000_000, 200_000_000), size=SMALL) as it:
        reader = Reader(it)
        await reader.press("3", "home", "right", "right", "2")
        await show(it, "where the loss lives", reader)
        assert it.engine.sent(DivideLoss)[-1].step == 2
        await reader.press("v")
        assert it.engine.sent(MapAlphabet)[-1].step == 2
        await show(it, "when it learned this", reader)
        assert "2" in reversed_in(it)


def test_words_for_when_it_was_learned() -> None:
    answer = when_learned(AskWhenLearned(1, "a", "b"))

    def words(first: int, since: int, answer: WhenLearned = answer) -> str:
        return learned_words(replace(answer, first_right=first, sure_since=since))

    assert words(500, 1_250) == "First right at step 500, sure since step 1,250."
    assert words(500, 500) == "Right since step 500."
    assert words(500, -1) == "First right at step 500, but not now."
    assert words(-1, -1) == "Never the likeliest so far."
    alone = when_learned(AskWhenLearned(1, "a", "b"), steps=(20,))
    assert words(20, 20, alone).startswith("At step 20. Nothing earlier is kept")


async def test_where_the_loss_lives(desk: Opener) -> None:
    async with desk(*DONE, size=SMALL) as it:
        reader = Reader(it)
        await reader.press("2")
        await show(it, "where the loss lives", reader)
        await it.sees("inside a word", "1.62     43%", "129", "3.9 3.4 3.0", "· 2.21 bits")
        await it.sees("At least 9 characters of context")
        assert {"inside a word", "65"} <= reversed_in(it)
        await reader.press("pageup", "home", "down")
        assert {"capital", "9"} <= reversed_in(it)


def test_the_context_counts_as_used_only_beyond_chance() -> None:
    answer = loss_divided(DivideLoss(1))
    assert context_words(answer, Tokens()) == (
        "At least 9 characters of context are used: 3.9 bits after one, 2.2 after 129 or more."
    )

    def later(bits: float) -> str:
        first, *others = answer.positions
        parts = (first, *(replace(part, bits=bits) for part in others))
        return context_words(replace(answer, positions=parts), Tokens())

    noise = 2 * 2.5 / sqrt(8_192 / 256)
    assert later(3.9 - 0.9 * noise).startswith("The context is not used yet: 3.1 bits")
    assert later(3.9 - 1.1 * noise).startswith("At least 2 characters of context are used")
    alone = replace(answer, positions=(LossPart("1", 3.0, 1.0),))
    assert context_words(alone, Tokens()) == "There is no context to use."


async def test_the_alphabet_and_what_the_selected_character_is_like(
    desk: Opener,
) -> None:
    async with desk(*DONE, size=SMALL) as it:
        reader = Reader(it)
        await reader.press("2", "pageup", "home", "right", "right")
        await show(it, "the alphabet as it sees it", reader)
        await it.sees("O is like  P 0.60  R 0.50", "Variance explained: 27%")
        await reader.press("right")
        await it.sees("S is like  T 0.60")


def test_an_alphabet_without_order_is_said_to_have_none() -> None:
    command, width = MapAlphabet(1), 128
    early = alphabet_mapped(command, explained=(0.05, 0.04))
    assert (
        order_words(early, width, "character")
        == "Variance explained: 9%, as by chance. No order so far."
    )
    zero = alphabet_mapped(command, explained=(0.0, 0.0))
    assert order_words(zero, width, "character") == "All characters are the same to it so far."
    late = alphabet_mapped(command, explained=(0.2, 0.11))
    assert order_words(late, width, "character") == "Variance explained: 31%; by chance 10%."
    two = alphabet_mapped(command, characters="ab", explained=(1.0, 0.0))
    assert order_words(two, width, "character") == "Variance explained: 100%."


async def test_an_alphabet_of_two_and_a_part_of_a_large_one(desk: Opener) -> None:
    async with desk(*DONE, size=SMALL) as it:
        await Reader(it, "abab").press("2", "v", "v", "v")
        await it.press("v")
        (question,) = it.engine.sent(MapAlphabet)
        two = alphabet_mapped(question, characters="ab", explained=(1.0, 0.0))
        await it.play(two)
        await it.sees("2 characters", "a is like  b 0.60")
        await it.play(evaluated(STEPS + 1, 1.5))
        many = "".join(map(chr, range(0x4E00, 0x4E00 + 200)))
        await it.play(alphabet_mapped(question, characters=many, vocabulary=20_000))
        await it.sees("200 of 20,000 characters", "The selected one is not among")


def test_every_character_of_the_passage_is_on_the_plane() -> None:
    assert set(PASSAGE) <= set(ALPHABET)
