"""The prompt pane: what is prompt, what was written, where it ended, and how it goes on."""

import pytest
from looking import Desk, Opener
from recording import PROMPT, STEPS, VERSE, trained, untrained, written
from textual.filter import Monochrome

from engine.config import SampleConfig
from engine.protocol import Event, Sample, SampleStarted
from tui.panes.prompt import PromptPane, WrittenText

ANSWERED = (*untrained(), *written("abc"))


def underlined(desk: Desk) -> str:
    """What of the answer's first line is drawn as the prompt, when colours are taken away."""
    pane = desk.app.query_one(WrittenText)
    background = pane.styles.background
    strip = pane.render_line(0).apply_filter(Monochrome(), background)
    return "".join(part.text for part in strip if part.style and part.style.underline)


@pytest.mark.parametrize("no_color", [False, True])
async def test_the_prompt_stands_apart_with_and_without_colours(
    desk: Opener, monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    async with desk(*ANSWERED) as it:
        await it.sees("ROMEO:abc")
        assert underlined(it) == PROMPT


async def test_the_end_is_marked(desk: Opener) -> None:
    async with desk(*untrained(), *written("abc", end=False)) as it:
        await it.sees("ROMEO:abc▌")
        await it.play(written("abc")[-1])
        await it.sees("ROMEO:abc■", "3 characters · 810 char/s · length reached")


async def test_the_length_can_be_set(desk: Opener) -> None:
    async with desk() as it:
        await it.sees("length 500 ( )")
        await it.press(")", ")", "w", "(", "(", "(", "w")

        lengths = [sample.config.characters for sample in it.engine.sent(Sample)]
        assert lengths == [2_000, 200]
        await it.sees("length 200")


async def test_enter_on_an_empty_line_writes_on(desk: Opener) -> None:
    async with desk() as it:
        await it.press("p", *"What", "enter")
        await it.play(*written("abc\tdef", prompt="What"))
        await it.press("ctrl+u", "enter")

        assert it.engine.sent(Sample)[-1] == Sample(2, "Whatabc\tdef", SampleConfig())
        await it.play(*written(" ghi", sample_id=2, step=9, prompt="Whatabc\tdef"))
        await it.sees("Whatabc␉def ghi■", "by step 9 · 11 characters · 810 char/s")
        assert underlined(it) == "What"

        await it.press("enter")
        assert it.engine.sent(Sample)[-1].prompt == "Whatabc\tdef ghi"


async def test_enter_does_not_extend_an_unfinished_answer(desk: Opener) -> None:
    async with desk(*untrained(), *written("abc", end=False)) as it:
        await it.press("p", "enter")

        assert it.engine.sent(Sample) == []


async def test_a_prompt_that_happens_to_end_the_text_is_a_prompt(desk: Opener) -> None:
    async with desk(*ANSWERED, SampleStarted(2, 0, "abc", "", 0)) as it:
        await it.sees("│ abc▌")
        assert underlined(it) == "abc"


async def test_a_setting_that_is_turned_can_write_again_at_once(desk: Opener) -> None:
    async with desk() as it:
        await it.press("]")  # nothing is written that could be written again
        assert it.engine.sent(Sample) == []

        await it.press("p", "a", "enter")
        await it.play(*written("bc", prompt="a"))
        await it.press("escape", "]")
        await it.sees("w writes it again with this setting, W does so at every change")
        await it.press("W", "[", ")")

        again = it.engine.sent(Sample)[1:]
        assert [sample.prompt for sample in again] == ["a", "a"]
        assert [sample.config for sample in again] == [
            SampleConfig(temperature=0.9),
            SampleConfig(temperature=0.9, characters=1_000),
        ]
        await it.press("W", "]")
        assert len(it.engine.sent(Sample)) == 3


DONE: tuple[Event, ...] = (*untrained(), *trained(STEPS), *written(VERSE * 12, step=STEPS))


async def test_with_room_it_grows(desk: Opener) -> None:
    async with desk(*DONE) as it:
        heights = []
        for size in ((80, 24), (80, 60), (120, 40), (300, 100)):
            await it.resize(*size)
            heights.append(it.app.query_one(PromptPane).outer_size.height)
        assert heights == [8, 15, 11, 25]


async def test_all_settings_fit_the_smallest_window(desk: Opener) -> None:
    async with desk(size=(80, 24)) as it:
        await it.press(*")))))---====={{{{{{")
        await it.sees("length 5,000 ( ) seed 1 S s")
