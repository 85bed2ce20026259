"""The screen at every size, in every theme, without colours."""

import msgspec
import pytest
from looking import Desk, Opener, engine_of, recorded_app
from recording import (
    CONFIG,
    STEPS,
    VERSE,
    corpus_loaded,
    evaluated,
    opened,
    opening,
    state_after,
    step_done,
    trained,
    untrained,
    written,
)
from textual.color import Color
from textual.filter import Monochrome
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES
from textual.widget import Widget

from engine.protocol import PhaseChanged, StepProgress
from tui.panes.header import HeaderLine, MessageLine
from tui.panes.loss import LossPane
from tui.panes.prompt import PromptPane, SamplingControlsLine
from tui.panes.samples import SamplesPane
from tui.panes.text import TextPane
from tui.panes.training import TrainingPane
from tui.theme import CLASSROOM

ALWAYS = (HeaderLine, MessageLine, LossPane, PromptPane, SamplingControlsLine)
SHARED = (SamplesPane, TextPane, TrainingPane)
DONE = (*untrained(), *trained(STEPS), *written(VERSE, step=STEPS))


def visible(desk: Desk, *kinds: type[Widget]) -> list[Widget]:
    """The panes of these kinds that take part in the layout."""
    found = [desk.app.screen_stack[0].query_one(kind) for kind in kinds]
    return [widget for widget in found if widget.region and widget.is_on_screen]


def assert_nothing_is_cut(desk: Desk) -> None:
    """Every pane lies on the screen, has room for something, and covers no other."""
    panes = visible(desk, HeaderLine, MessageLine, LossPane, PromptPane, *SHARED)
    for pane in panes:
        assert desk.app.screen.region.contains_region(pane.region), pane
        assert pane.size.height > 0, pane
        assert pane.size.width > 0, pane
    covered = sum(pane.outer_size.area for pane in panes)
    width, height = desk.app.size
    assert covered == width * (height - 1), "all but the footer, and nothing twice"


async def test_a_large_window_shows_everything_at_once(desk: Opener) -> None:
    async with desk(*DONE, size=(110, 34)) as it:
        for size in ((110, 34), (120, 40), (200, 60)):
            await it.resize(*size)
            assert len(visible(it, *ALWAYS)) == len(ALWAYS)
            assert len(visible(it, *SHARED)) == len(SHARED)
            assert_nothing_is_cut(it)
            around = it.app.query("#main, #view-1, #body, #left, #right")
            assert [widget.is_on_screen for widget in around] == [False] * 5, "time to paint"
            await it.sees("temperature 0.8", "precision     bfloat16", "it began higher")


async def test_in_a_small_window_three_panes_share_a_place(desk: Opener) -> None:
    async with desk(*DONE, size=(80, 24)) as it:
        for size in ((80, 24), (100, 30), (109, 60), (200, 33)):
            await it.resize(*size)
            for pane, text in (
                (SamplesPane, "Good night, sweet lady"),
                (TextPane, "1,188,624 characters"),
                (TrainingPane, "34,133 char/s"),
            ):
                assert [type(widget) for widget in visible(it, *SHARED)] == [pane]
                assert len(visible(it, *ALWAYS)) == len(ALWAYS)
                assert_nothing_is_cut(it)
                await it.sees(text, "temperature 0.8", "steps")
                await it.press("v")
                await it.settled()


def test_the_text_pane_tells_what_is_trained_on_and_how_often_that_was_seen() -> None:
    loaded = msgspec.structs.replace(
        corpus_loaded(), trained_on="the first 5%, words shuffled", train_characters=50_000
    )
    state = state_after(loaded, opened(), *(step_done(step) for step in range(1, 26)))
    rows = [row.plain.rstrip() for row in TextPane().draw(state, 50, 14)]
    assert "trained on: the first 5%, words shuffled" in rows
    assert any(row.startswith("train 50,000, held out") for row in rows)
    seen = 25 * CONFIG.train.batch_size * CONFIG.model.context_length / 50_000
    assert f"seen {seen:.2f} times" in rows


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_text_pane_tells_how_much_of_the_held_out_text_an_evaluation_reads(
    size: tuple[int, int], desk: Opener
) -> None:
    evaluation = msgspec.structs.replace(evaluated(1_500, 1.6), characters=100_000)
    async with desk(*DONE, evaluation, size=size) as it:
        if size == (80, 24):
            await it.press("v")
        await it.sees("train 1,069,761, held out 118,863", "(evaluated: 100,000)")
        await it.play(msgspec.structs.replace(evaluation, characters=118_862))
        await it.sees("held out 118,863")
        assert "(evaluated" not in "".join(it.rows)


def test_a_long_note_on_the_text_is_whole_where_there_is_room() -> None:
    note = "Left out: " + ", ".join(f"folder-{number}/image-{number}.png" for number in range(7))
    state = state_after(msgspec.structs.replace(corpus_loaded(), note=f"{note}. The end."))
    rows = [row.plain.rstrip() for row in TextPane().draw(state, 36, 24)]
    assert any("The end." in row for row in rows)
    assert any("█" in row for row in rows)


async def test_a_small_window_shows_the_chart_while_the_context_grows(desk: Opener) -> None:
    """A message of two lines would leave the chart no room."""
    step = msgspec.structs.replace(step_done(1_240, 1.6), context_length=64)
    async with desk(*untrained(), PhaseChanged("training", 0), size=(80, 24)) as it:
        await it.play(step)
        await it.sees("characters from the 64 before (later 256).", "a uniform guess 4.14")


async def test_a_small_window_shows_the_chart_beside_a_message_of_two_lines(desk: Opener) -> None:
    async with desk(*untrained(), *trained(STEPS), size=(80, 24)) as it:
        await it.play(evaluated(2_001, 1.6))
        await it.sees("Held-out loss 1.6000; best 1.5532 at step 2,000; saved as", "more steps.")
        await it.sees("2,001 steps", "1.8 ▲", "1.4 ")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_all_styles_are_computed_once_for_the_first_paint(
    desk: Opener, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Textual alone computes them a second time, which changes nothing."""
    again: list[Screen[object]] = []
    compute = Screen.update_node_styles
    monkeypatch.setattr(
        Screen, "update_node_styles", lambda screen, animate=True: again.append(screen)
    )
    async with desk(play=False, size=size) as it:
        assert again == []
        monkeypatch.setattr(Screen, "update_node_styles", compute)
        screen = it.app.screen
        nodes = screen.walk_children(with_self=True)
        first = [node.styles.base.get_rules() for node in nodes]

        screen.update_node_styles(animate=False)

        assert first == [node.styles.base.get_rules() for node in nodes]


async def test_a_window_that_is_too_small_says_so(desk: Opener) -> None:
    async with desk(*DONE, size=(80, 24)) as it:
        for size in ((79, 24), (80, 23), (1, 1)):
            await it.resize(*size)
            assert visible(it, *ALWAYS, *SHARED) == []
            said = " ".join(row.strip() for row in it.rows)
            if size != (1, 1):
                assert f"needs a window of 80 × 24; this one is {size[0]} × {size[1]}." in said

        await it.resize(80, 24)
        await it.sees("step 2,000 / 2,000")


async def test_a_window_may_be_tiny_from_the_start(desk: Opener) -> None:
    async with desk(*DONE, size=(1, 1)) as it:
        assert it.rows != []
        await it.resize(120, 40)
        await it.sees("step 2,000 / 2,000", "palette")


SIZES = (
    *((120, 40), (80, 24), (79, 23), (1, 1), (200, 60), (110, 34), (109, 34), (110, 33)),
    *((80, 60), (220, 24), (2, 100), (100, 2), (81, 25), (40, 40), (120, 40), (119, 39)),
    *((5, 5), (80, 24), (160, 50), (90, 30), (3, 3), (110, 34), (160, 60), (80, 25)),
    *((1, 60), (60, 1), (100, 30), (120, 24), (80, 40), (120, 40)),
)


async def test_a_storm_of_sizes_leaves_the_screen_as_it_was(desk: Opener) -> None:
    assert len(SIZES) == 30
    async with desk(*DONE) as it:
        before = it.rows
        for size in SIZES:
            await it.pilot.resize_terminal(*size)
        await it.settled()

        assert it.rows == before


async def test_a_smaller_window_still_shows_the_newest_lines(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await it.sees("Good night, sweet lady", "A service, and the heart of all my sorrow")
        await it.resize(80, 24)
        await it.sees("Good night, sweet lady", "A service, and the heart of all my sorrow")


async def test_the_footer_follows_the_window(desk: Opener) -> None:
    async with desk() as it:
        await it.pilot.resize_terminal(80, 24)
        await it.until(lambda: " view" in it.rows[-1] and "palette" not in it.rows[-1])
        await it.pilot.resize_terminal(120, 40)
        await it.until(lambda: "palette" in it.rows[-1])


async def test_every_theme_can_be_worn(desk: Opener) -> None:
    async with desk(*DONE, size=(80, 24)) as it:
        assert it.app.theme == CLASSROOM.name
        for name in (*BUILTIN_THEMES, CLASSROOM.name):
            it.app.theme = name
            await it.pilot.pause()
            assert any("● done" in row for row in it.rows)
            primary = it.app.theme_variables["primary"]
            if not primary.startswith("ansi"):
                assert Color.parse(primary) in colours(it)


def colours(desk: Desk) -> set[Color]:
    """The foreground colours of the loss pane."""
    found = set()
    for strip in desk.app.query_one(LossPane).render_lines(desk.app.query_one(LossPane).region):
        for _, style, _ in strip:
            if style is not None and style.color is not None:
                found.add(Color.from_rich_color(style.color))
    return found


async def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = recorded_app()
    async with app.run_test(size=(120, 40)) as pilot:
        desk = Desk(app, pilot)
        await desk.until(lambda: engine_of(app).started)
        await desk.play(*DONE)

        assert any(isinstance(line_filter, Monochrome) for line_filter in app._filters)
        for colour in colours(desk):
            assert colour.r == colour.g == colour.b


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_slow_step_shows_how_far_it_is(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(*opening(), PhaseChanged("training", 0), size=size) as it:
        await it.play(StepProgress(1, 0.43, 6.9))
        await it.sees("● training  step 0 / 2,000, next 43%")
        await it.play(PhaseChanged("paused", 0))
        await it.sees("● paused  step 0 / 2,000, next 43%")
        await it.play(step_done(1))
        await it.sees("step 1 / 2,000")
        assert ", next " not in it.row("step 1 / 2,000")


async def test_a_run_by_minutes_tells_its_time_in_the_header(desk: Opener) -> None:
    train = msgspec.structs.replace(CONFIG.train, minutes=3.0)
    config = msgspec.structs.replace(CONFIG, train=train)
    async with desk(*untrained()[:6], opened(config), step_done(622)) as it:
        await it.sees("step 622, 37s of 3m 00s")
