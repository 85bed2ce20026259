"""The view that reads along with the model: one selected character drives every pane."""

import pytest
from looking import Opener
from reading_along import CONTEXT, PASSAGE, Reader
from recording import STEPS, evaluated, step_done, trained, untrained, written
from test_hostile_everywhere import FLOODS, HOSTILE, WIDE, assert_nothing_wrong, borders
from textual import events
from textual.filter import Monochrome

from engine.protocol import AskWhenLearned, Failed, Inspect, InspectPlace, PhaseChanged, Sample
from tui.read.passage import PassagePane

DONE = (*untrained(), *trained(STEPS))
SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24)])
SHORT_FLOODS = [flood[:40] for flood in FLOODS]


@SIZES
async def test_it_shows_a_passage_and_what_was_expected_at_the_selected_character(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*DONE, size=size) as it:
        reader = Reader(it)
        await reader.press("2")
        where = "held-out text from character 0" if size == (120, 40) else "held-out 0"
        await it.sees("Now my charms are all o'erthrown", "2.21 bits a character", f"{where} ·")
        await it.sees("surprise in bits", "entropy 2.4", "probability", "through the layers")
        assert it.app.state.insight.cursor == len(PASSAGE) // 2
        place = it.app.state.insight.selected
        assert place is not None
        await it.sees("att   mlp" if size == (120, 40) else "attention", f"{place.added[-1]:.2f}")


async def test_nothing_is_asked_while_the_view_is_not_shown(desk: Opener) -> None:
    async with desk(*untrained()) as it:
        await it.play(PhaseChanged("training", 0), evaluated(1, 3.0))
        assert it.engine.sent(Inspect) == []
        await Reader(it).press("2", "1")
        number = len(it.engine.sent(Inspect))
        await it.play(evaluated(2, 3.0))
        assert len(it.engine.sent(Inspect)) == number == 1


async def test_arrows_and_mouse_select_a_character_for_every_pane(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await reader.press("2", "pageup", "home", "right", "right")
        await it.sees("next, after “PR”", "O◂", "emb ")
        await reader.press("down")
        await it.sees("next, after “PROSPERO:␊No”", "w◂")
        await reader.press("end")
        await it.sees("␊◂")
        pane = it.app.query_one(PassagePane)
        await it.pilot.click(pane, offset=(2 + 4, 1 + 1))
        await reader.answer()
        await it.sees("next, after “OSPERO:␊Now ”", "m◂")
        await reader.press("pagedown", "end")
        await it.sees("after the end")
        await reader.press("pageup", "home")
        await it.sees("Nothing comes before it")
        assert {place.text for place in it.engine.sent(InspectPlace)} >= {"PR", "PROSPERO:\nNo"}


async def test_it_reads_again_at_each_evaluation_and_each_step_that_is_taken_alone(
    desk: Opener,
) -> None:
    async with desk(*untrained()) as it:
        reader = Reader(it)
        await reader.press("2")
        await it.play(PhaseChanged("training", 0), step_done(1))
        assert reader.open == []
        reader.step = 250
        await it.play(evaluated(250, 2.0))
        asked = {type(question) for question in reader.open}
        assert asked == {Inspect, InspectPlace, AskWhenLearned}
        await reader.answer()
        await it.sees("· step 250 ")
        await it.play(step_done(251), PhaseChanged("paused", 251))
        assert {type(question) for question in reader.open} == asked


async def test_there_is_one_unanswered_question_about_a_place(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await reader.press("2")
        await it.press("right", "right", "right", "h", "h")
        assert len([one for one in reader.open if isinstance(one, InspectPlace)]) == 1
        await reader.answer()
        await it.sees(f"from character {CONTEXT}")


async def test_a_newer_passage_is_asked_for_at_once_and_a_newer_step_waits(desk: Opener) -> None:
    """Otherwise an answer that takes longer than the next evaluation would never come."""
    async with desk(*untrained()) as it:
        reader = Reader(it)
        await reader.press("2")
        await it.play(PhaseChanged("training", 0), step_done(1))
        await it.press("h")
        await it.play(evaluated(250, 2.0))
        await it.press("H")
        assert [one.start for one in reader.open if isinstance(one, Inspect)] == [CONTEXT, 0]


@SIZES
async def test_the_next_passage_and_the_one_before(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(*DONE, size=size) as it:
        reader = Reader(it)
        await reader.press("2", "h", "h", "H")
        where = "held-out text from character" if size == (120, 40) else "held-out"
        await it.sees(f"{where} {CONTEXT} ·")
        await reader.press("H", "H")
        await it.sees(f"{where} 0 ·")


async def test_a_text_of_ones_own_is_typed_or_pasted(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await reader.press("2", "i")
        it.app.post_message(events.Paste("To be\nor not"))
        await it.press("enter")
        await reader.answer()
        assert it.engine.sent(Inspect)[-1].text == "To be\nor not"
        await it.sees("your text", "or not")
        it.app.post_message(events.Paste("pasted\r\nat once"))
        await it.until(lambda: reader.open)
        await reader.answer()
        await it.sees("at once")
        await reader.press("h")
        await it.sees("held-out text from character 0")


async def test_the_last_written_text_is_read(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await reader.press("2", "y")
        assert any("Nothing was written yet" in toast.message for toast in it.app._notifications)
        await it.play(*written("\nO night"))
        await reader.press("y")
        await it.sees("your text", "O night")


async def test_a_text_without_a_known_character_gets_a_sentence(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await reader.press("2")
        it.app.post_message(events.Paste("ж"))
        await it.until(lambda: reader.open)
        (question,) = reader.open
        await it.play(
            Failed("The model knows none of these characters.", "inspect", question.request)
        )
        await it.sees("The model knows none of these characters.")
        assert it.rows[1].strip().startswith("Held-out loss")
        await reader.press("h")
        await it.sees("PROSPERO:")


async def test_sampling_keys_change_the_bars(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await reader.press("2")
        await it.press("]")
        assert [question.config.temperature for question in reader.open] == [0.9]


@SIZES
async def test_a_key_shows_the_next_head_and_the_next_panel(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*DONE, size=size) as it:
        reader = Reader(it)
        await reader.press("2")
        if size == (80, 24):
            await it.sees("through the layers")
            await it.press("v")
        head = "1.head.1" if size == (120, 40) else "block 1 head 1"
        await it.sees(f"{head}: where it looked, not why", "   1 back")
        await it.press("k", "k")
        await it.sees("2.head.1:" if size == (120, 40) else "block 2 head 1:")
        await it.press("K")
        await it.sees("1.head.2:" if size == (120, 40) else "block 1 head 2:")
        if size == (80, 24):
            await it.press("v")
            await it.sees("when it learned this")


async def test_what_is_switched_off_tells_what_it_costs(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await reader.press("2", "k", "d")
        await it.sees("off: 1.head.2 costs +0.10 bits", "This head is switched off.")
        await reader.press("D", "m")
        await it.sees("off: 1.attention, 1.head.2, 1.mlp", "2.51 bits a character (+0.30")
        await reader.press("d", "D", "m")
        assert it.engine.sent(Inspect)[-1].off == ()
        await it.sees(" 2.21 bits a character")


async def test_the_palette_offers_its_keys_while_it_is_shown(desk: Opener) -> None:
    async with desk(*DONE) as it:

        def titles() -> list[str]:
            commands = it.app.get_system_commands(it.app.screen_stack[0])
            return [command.title for command in commands]

        assert "Read the next passage" not in titles()
        await it.press("2")
        assert {"Read the next passage", "Look at the next head"} < set(titles())
        commands = it.app.get_system_commands(it.app.screen_stack[0])
        (read_on,) = [c.callback for c in commands if c.title == "Read a text of your own…"]
        await read_on()
        await it.sees("A text to read along with the model")


async def test_another_run_is_read_from_the_beginning(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await reader.press("2", "h")
        await it.play(*untrained())
        assert it.engine.sent(Inspect)[-1].start == 0
        await reader.answer()
        await it.sees("from character 0")


async def test_surprise_is_seen_without_colours(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with desk(*DONE) as it:
        assert any(isinstance(line_filter, Monochrome) for line_filter in it.app._filters)
        await Reader(it).press("2")
        pane = it.app.query_one(PassagePane)
        drawn = {
            (segment.text[:1], segment.style.bold, segment.style.underline)
            for strip in pane.render_lines(pane.size.region)
            for segment in strip
            if segment.style
        }
        assert ("N", True, True) in drawn  # the first letter of a line surprises
        assert any(not bold and underline for _, bold, underline in drawn)


async def test_it_can_be_read_in_ascii(desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    async with desk(*DONE) as it:
        await Reader(it).press("2")
        await it.sees(">2 Read", "Now my charms", "surprise in bits")
        assert "\n".join(it.rows).isascii()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *((text, (120, 40)) for text in (*WIDE, *SHORT_FLOODS, HOSTILE)),
        *((text, (80, 24)) for text in (WIDE[1], SHORT_FLOODS[0], HOSTILE)),
    ],
)
async def test_hostile_characters_are_text(desk: Opener, text: str, size: tuple[int, int]) -> None:
    """In the passage, in the bars, and in each panel."""
    async with desk(*DONE, size=size) as it:
        reader = Reader(it, text)
        await reader.press("2", "home", "right", "v")
        await it.settled()
        before = borders(it)
        for _ in range(3):
            await reader.press(*(4 * ["right"]), "v")
            assert_nothing_wrong(it, it.app.state.insight.cursor)
            assert borders(it) == before


async def test_another_character_is_chosen_and_written_on_with(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await reader.press("2", "pageup", "home", "right", "right", "enter")
        assert any(
            "Choose another character first" in toast.message for toast in it.app._notifications
        )
        await reader.press(".", ".", ".", ",", ".")
        chosen = it.app.state.insight.begun_with(2)
        assert chosen[:2] == "PR"
        await it.sees(f"▸ {chosen[2]}")
        await reader.press("enter")
        (asked,) = it.engine.sent(Sample)
        assert (asked.prompt, asked.config.characters) == (chosen, 200)
        await it.play(*written(" written on", prompt=chosen, sample_id=asked.sample_id))
        await reader.answer()
        await it.sees(f"{chosen} written on", "written on, 1 fork (u: back)")
        assert it.engine.sent(Inspect)[-1].text == f"{chosen} written on"
        assert it.app.state.insight.cursor == 2
        await it.sees("1.head.1: where it looked, not why")

        await reader.press("u")
        await it.sees("Now my charms", "held-out text from character 0", f"+ {chosen[2]}")
        await reader.press(".", ".", ".", "enter")
        await it.sees(f"{chosen} written on")
        assert len(it.engine.sent(Sample)) == 1, "the branch was kept"
        await reader.press("u", "u")
        await it.until(
            lambda: any("was not written on" in t.message for t in it.app._notifications)
        )


async def test_a_branch_that_comes_late_changes_nothing(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await reader.press("2", ".", "enter", "h")
        (asked,) = it.engine.sent(Sample)
        await it.play(*written("late", prompt=asked.prompt, sample_id=asked.sample_id))
        await reader.answer()
        await it.sees(f"held-out text from character {CONTEXT}")


async def test_keys_that_come_at_once_each_move_the_cursor(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await Reader(it).press("2", "pageup", "home")
        for _ in range(5):
            it._send("right")
        it._send(".")
        await it.until(lambda: it.app.state.insight.marked == 0)
        assert it.app.state.insight.cursor == 5
