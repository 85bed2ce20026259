"""What of an answer is copied from the training text, as a user sees it."""

import msgspec
import pytest
from looking import Desk, Opener
from recording import PROMPT, RecordedEngine, opening, state_after, untrained, written
from rich.segment import Segment
from textual.filter import Monochrome

from engine.protocol import (
    CopiesFound,
    Event,
    Excerpt,
    FindCopies,
    Piece,
    SampleDone,
    SampleStarted,
    TextSampled,
)
from tui import copy_actions
from tui.copies import Copies
from tui.drawing.wrapping import Wrapping, line_starts
from tui.panes.prompt import PromptInput, WrittenText
from tui.panes.samples import SamplesPane
from tui.panes.scrolling import ScrollingLines, lines_of, with_copies
from tui.writing import TEXT_KEPT

COPY = "what light through yonder window"
TEXT = f"\nBut soft, {COPY} brakes?"


def found(request: int = 1) -> CopiesFound:
    return CopiesFound(
        request=request,
        pieces=(Piece("\nBut soft, ", 0), Piece(COPY, 1_204), Piece(" brakes?", 0)),
        shortest=20,
        longest=len(COPY),
        line=1_204,
        before="ROMEO:\nBut, soft! ",
        copied=COPY,
        after=" breaks?\nIt is the east, and Juliet is the sun.",
    )


def nothing(text: str = TEXT) -> CopiesFound:
    return CopiesFound(1, (Piece(text, 0),), 20)


def said(desk: Desk) -> list[str]:
    """The messages so far."""
    return [notification.message for notification in desk.app._notifications]


ANSWERED: tuple[Event, ...] = (*untrained(), *written(TEXT), found())


def marked(desk: Desk, kind: type[ScrollingLines] = WrittenText, *, no_color: bool = False) -> str:
    """What of the answer or the samples is drawn as copied, also when colours are taken away."""
    pane = desk.app.query_one(kind)
    parts: list[Segment] = []
    for row in range(pane.size.height):
        strip = pane.render_line(row)
        if no_color:
            strip = strip.apply_filter(Monochrome(), pane.styles.background)
        parts += strip
    return "".join(p.text for p in parts if p.style and p.style.underline and p.style.bold)


@pytest.mark.parametrize("no_color", [False, True])
async def test_the_copied_part_stands_apart_with_and_without_colours(
    desk: Opener, no_color: bool
) -> None:
    async with desk(*ANSWERED) as it:
        await it.sees("But soft, what light")
        assert marked(it, no_color=no_color) == COPY


async def test_the_line_of_facts_tells_the_longest_copy(desk: Opener) -> None:
    async with desk(*ANSWERED) as it:
        await it.sees("length reached · longest copy: 32 characters, line 1,204 · ^o shows it")


async def test_it_says_that_nothing_is_copied(desk: Opener) -> None:
    async with desk(*untrained(), *written(TEXT), nothing()) as it:
        await it.sees("length reached · nothing of 20 characters or more is copied")
        assert marked(it) == ""


async def test_a_small_window_leaves_out_other_facts_instead(desk: Opener) -> None:
    async with desk(*ANSWERED, size=(80, 24)) as it:
        await it.sees("by step 0 · 51 characters · longest copy: 32 characters, line 1,204")
        await it.play(*written(TEXT, sample_id=2), nothing())
        await it.sees("by step 0 · 51 characters · nothing of 20 characters or more is copied")


async def test_why_a_text_is_not_searched_is_said(desk: Opener) -> None:
    refused = CopiesFound(1, (), 20, refused="copies are searched for in shorter texts")
    async with desk(*untrained(), *written(TEXT), refused) as it:
        await it.sees("· copies are searched for in shorter texts")
        await it.press("C")
        assert said(it) == ["Copies are searched for in shorter texts."]


async def test_a_key_shows_the_place_in_the_training_text(desk: Opener) -> None:
    async with desk(*ANSWERED) as it:
        await it.press("C")
        await it.sees(
            "copied from line 1,204",
            "The model wrote 32 characters exactly as they stand",
            f"But, soft! {COPY} breaks?",
            "It is the east",
        )
        await it.press("escape")
        await it.until(lambda: len(it.app.screen_stack) == 1)


async def test_the_page_names_the_lines_of_the_other_copies(desk: Opener) -> None:
    pieces = tuple(Piece(character, line) for line, character in enumerate(TEXT, start=1_001))
    several = CopiesFound(1, pieces, 20, 21, 1_003, "", "abc", "")
    async with desk(*untrained(), *written(TEXT), several) as it:
        await it.press("C")
        await it.sees("The copies in this text", "1,001, 1,002,", " more.")


async def test_the_key_says_why_it_can_show_nothing(desk: Opener) -> None:
    async with desk(*opening()) as it:
        await it.press("C")
        await it.play(*written(TEXT))
        await it.press("C")
        await it.play(nothing())
        await it.press("C")
        assert said(it) == [
            "Nothing is written yet that could be copied: p, then Enter.",
            "It is not known yet what of this text is copied.",
            "Nothing of 20 characters or more is copied.",
        ]


# When it is asked for.


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(copy_actions, "monotonic", lambda: self.now)


def questions(engine: RecordedEngine) -> list[tuple[int, str]]:
    return [(question.request, question.text) for question in engine.sent(FindCopies)]


async def test_it_asks_about_once_a_second_and_at_the_end(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    async with desk(*opening()) as it:
        await it.play(SampleStarted(1, 0, PROMPT, "", 0))
        for length, now in ((1, 101.0), (2, 101.5), (3, 102.0), (4, 104.0)):
            clock.now = now
            await it.play(TextSampled(1, "abcd"[length - 1], length, 0.1))
            if length < 3:
                await it.play(nothing("abcd"[:length]))
        # The question about "abc" is not answered, so there is none about "abcd" before the end.
        assert questions(it.engine) == [(1, "a"), (1, "abc")]
        await it.play(SampleDone(1, 4, 0.1, "length"))
        assert questions(it.engine)[2:] == [(1, "abcd")]


async def test_it_asks_about_what_the_model_has_written_as_it_was(desk: Opener) -> None:
    """Not about the prompt, also when the text is written on, nor about pictures of characters."""
    async with desk(*opening()) as it:
        await it.play(*written("abc\tdef", prompt="What"))
        await it.play(*written(" ghi", sample_id=2, prompt="Whatabc\tdef"))
        assert questions(it.engine)[-1] == (2, "abc\tdef ghi")
        await it.play(*written("xyz", sample_id=3, prompt="Now"))
        assert questions(it.engine)[-1] == (3, "xyz")


# The samples.


IN_LINES = COPY.replace(" yonder", "\n\nyonder")
SAMPLE = Excerpt(250, PROMPT, f"But\tsoft, {IN_LINES} brakes?")


def copied_sample() -> CopiesFound:
    before, copy, after = SAMPLE.text.partition(IN_LINES)
    pieces = (Piece(before, 0), Piece(copy, 1_204), Piece(after, 0))
    return msgspec.structs.replace(found(0), pieces=pieces)


def asked_about(desk: Desk) -> list[str]:
    return [question.text for question in desk.engine.sent(FindCopies)]


async def test_what_is_copied_in_a_sample_is_marked_and_shown(desk: Opener) -> None:
    async with desk(*untrained(), SAMPLE) as it:
        assert asked_about(it) == [SAMPLE.text]
        await it.play(copied_sample())
        assert marked(it, SamplesPane) == COPY.replace(" yonder", " / yonder")
        await it.sees("longest copy: 32 characters, line 1,204 · a click shows it")
        pane = it.app.query_one(SamplesPane)
        row, text = next((y, t) for y, t in enumerate(pane.plain.splitlines()) if "yonder" in t)
        await it.pilot.click(pane, offset=(text.index("yonder") + 1, row + 1))
        await it.sees("copied from line 1,204", f"But, soft! {COPY} breaks?")
        await it.press("escape", "escape", "C")
        await it.sees("copied from line 1,204")


async def test_samples_are_asked_about_once_each_while_they_are_in_sight(desk: Opener) -> None:
    samples = [Excerpt(step, PROMPT, f"sample {step} " * 12) for step in range(60)]
    async with desk(*opening(), *samples) as it:
        pane = it.app.query_one(SamplesPane)

        async def answer_all() -> list[str]:
            answered = 0
            while answered < len(texts := asked_about(it)):
                answered = len(texts)
                await it.play(CopiesFound(0, (Piece(texts[-1], 0),), 20))
            return texts

        first = await answer_all()
        assert first[:2] == [samples[-1].text, samples[-2].text]
        assert len(first) == len(pane.in_sight) < 10
        pane.scroll_home(animate=False)
        await it.until(lambda: len(asked_about(it)) > len(first))
        every = await answer_all()
        assert {samples[0].text, samples[1].text} < {*every}
        assert len(every) == len({*every}) <= 2 * len(first) + 1


async def test_a_sample_waits_for_the_answer_to_the_prompt(desk: Opener) -> None:
    async with desk(*opening()) as it:
        await it.play(*written("abc"), SAMPLE)
        assert {*asked_about(it)} == {"abc"}
        await it.play(nothing("abc"))
        assert asked_about(it)[-1] == SAMPLE.text
        await it.play(*written("def", sample_id=2))
        assert asked_about(it)[-1] == "def", "it takes the place of the one about the sample"
        await it.play(nothing("def"))
        assert asked_about(it)[-1] == SAMPLE.text


async def test_a_key_shows_the_copy_from_the_prompt_too(desk: Opener) -> None:
    async with desk(*opening()) as it:
        await it.press("p")
        await it.play(*written(TEXT), found())
        await it.press("C")
        assert it.app.query_one(PromptInput).value == "C"
        await it.press("ctrl+o")
        await it.sees("copied from line 1,204")
        await it.press("ctrl+o")
        await it.until(lambda: len(it.app.screen_stack) == 1)


# The state.


def copies_after(*events: Event) -> Copies | None:
    writing = state_after(*untrained(), *events).writing
    assert writing is not None
    return writing.copies


def test_an_answer_about_another_text_is_ignored() -> None:
    assert state_after(*untrained(), found()).writing is None
    assert copies_after(*written("another"), found()) is None
    assert copies_after(*written(TEXT), found(), *written(TEXT, sample_id=2)) is None


def test_an_answer_holds_while_the_text_goes_on() -> None:
    copies = copies_after(
        *written(TEXT), found(), *written("more", sample_id=2, prompt=PROMPT + TEXT)
    )
    assert copies is not None
    assert copies.spans == ((11, 11 + len(COPY)),)


def test_where_characters_are_not_drawn_the_copied_part_is_still_right() -> None:
    """A variation selector takes no place on the screen."""
    text = f"\u2764\ufe0f\u2764\ufe0f {COPY}\t."
    pieces = (Piece(text[:5], 0), Piece(text[5:-1], 7), Piece(".", 0))
    state = state_after(*untrained(), *written(text), CopiesFound(1, pieces, 20, 33, 7))
    assert state.writing is not None
    assert state.writing.copies is not None
    ((start, end),) = state.writing.copies.spans
    assert state.writing.text[start:end] == f"{COPY}␉"


def test_of_a_text_that_is_too_long_to_be_kept_no_part_is_marked() -> None:
    more = TextSampled(1, "x" * TEXT_KEPT, TEXT_KEPT, 1.0)
    assert copies_after(*written(TEXT, end=False), found(), more) is None


@pytest.mark.parametrize("width", range(8, 40))
def test_the_copied_part_is_marked_in_every_line_of_it(width: int) -> None:
    text = f"{PROMPT}{TEXT}\n\n  {COPY}{'x' * 50} {COPY}"
    wrapping = Wrapping(width)
    wrapping.append(text)
    spans = ((17, 17 + len(COPY)), (len(text) - len(COPY), len(text)))

    lines = with_copies(lines_of(wrapping.lines, len(PROMPT)), text, spans, "")

    copied = ["".join(line.text[start:end] for start, end in line.copied) for line in lines]
    assert "".join("".join(copied).split()) == "".join((COPY + COPY).split())


def test_lines_begin_where_they_stand_in_the_text() -> None:
    text = "one two\n\nthree   four"
    assert line_starts(text, ["one", "two", "", "three", "four"]) == [0, 4, 7, 9, 17]
