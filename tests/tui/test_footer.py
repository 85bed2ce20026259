"""The last line of the screen: it says what the keys do now."""

from itertools import pairwise

import pytest
from looking import Desk, Opener
from recording import (
    OPENING,
    STEPS,
    RecordedEngine,
    evaluated,
    opened,
    opening,
    step_done,
    trained,
    untrained,
)

from engine.protocol import (
    Event,
    Failed,
    OpenRun,
    PhaseChanged,
    Rollback,
    Stop,
    Train,
)
from tui.app import TinyGPTApp
from tui.panes.keys import KeysLine

TRAINING = (*untrained(), PhaseChanged("training", 0), step_done(1))
PAUSED = (*TRAINING, PhaseChanged("paused", 1))
FAILED = (*TRAINING, PhaseChanged("failed", 1), Failed("Step 2 is not finite.", "train"))
STOPPED = (*TRAINING, Failed("The engine stopped: KeyError.", "engine"))
DONE = (*untrained(), *trained(STEPS))


def footer(desk: Desk) -> str:
    return desk.rows[-1]


def muted(desk: Desk) -> str:
    """What stands in the footer as doing nothing at present."""
    line = desk.app.query_one(KeysLine)
    items, _ = line._items()
    return " ".join(f"{item.shown} {item.does}" for item in items if not item.acts)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
@pytest.mark.parametrize(
    ("events", "there", "gone", "idle"),
    [
        (untrained(), ("space train", "n step"), ("pause", "b back", "skip"), "x end"),
        (TRAINING, ("space pause", "x end"), ("space train", "b back"), "n step"),
        (PAUSED, ("space train", "n step", "x end"), ("pause", "b back"), ""),
        (FAILED, ("space skip", "b back", "n step", "x end"), ("train", "pause"), ""),
        (STOPPED, ("space open again",), ("train", "b back", "skip"), "n step x end"),
        (DONE, ("space train", "n step"), ("pause", "b back"), "x end"),
    ],
)
async def test_it_says_what_the_keys_do_now(
    desk: Opener,
    size: tuple[int, int],
    events: tuple[Event, ...],
    there: tuple[str, ...],
    gone: tuple[str, ...],
    idle: str,
) -> None:
    async with desk(*events, size=size) as it:
        await it.sees(*there)
        assert not [text for text in gone if text in footer(it)]
        assert muted(it) == idle
        assert {"? help", "q quit"} <= {f"{a} {b}" for a, b in pairs(footer(it))}


@pytest.mark.parametrize("events", [untrained(), TRAINING, PAUSED, DONE])
async def test_a_small_window_has_room_for_the_keys_that_a_newcomer_needs(
    desk: Opener, events: tuple[Event, ...]
) -> None:
    async with desk(*events, size=(80, 24)) as it:
        await it.settled()
        for words in ("space", "n step", "x end", "p prompt", "v view", "c new run", "o saved"):
            assert words in footer(it)
        assert footer(it).endswith("z large ? help q quit")


def pairs(row: str) -> list[tuple[str, str]]:
    words = row.split()
    return list(pairwise(words))


async def test_before_a_run_is_open_one_may_ask_it_to_train_but_not_end(desk: Opener) -> None:
    async with desk(*opening()[:4]) as it:
        await it.sees("loading torch")
        assert muted(it) == "x end c new run o saved runs"
        await it.press("x", "c", "o", "<", "space")

        assert it.engine.commands[1:] == [Train()]


async def test_what_another_program_trains_is_not_offered_for_training(desk: Opener) -> None:
    following = [event for event in opening() if event != opened()]
    async with desk(*following, opened(), PhaseChanged("following", 5), evaluated(5, 3.0)) as it:
        await it.sees("● following")
        assert muted(it) == "space train n step x end"
        await it.press("space", "n", "x", "<")
        assert len(it.engine.commands) == 1


async def test_an_app_that_only_follows_leads_to_no_other_run(at_once: None) -> None:
    """Nor to files of the user whose program it is."""
    app = TinyGPTApp(OPENING, engine=RecordedEngine, follows=True)
    async with app.run_test(size=(120, 40)) as pilot:
        it = Desk(app, pilot)
        await it.until(lambda: it.engine.started == 1)
        await it.play(*untrained())
        assert "c new run o saved runs" in muted(it)
        await it.press("c", "o")
        assert len(app.screen_stack) == 1
        offered = {command.title for command in app.get_system_commands(app.screen)}
        assert "Show the help" in offered
        assert not offered & {
            *("Start a new run…", "Open a saved run…", "Save a picture of the screen"),
            *("Export or pack the open run…", "Open a packed run or an exported folder…"),
        }


async def test_a_muted_key_looks_muted_and_does_nothing(desk: Opener) -> None:
    async with desk() as it:
        line = it.app.query_one(KeysLine)
        strip = line.render_line(0)
        styles = {segment.text.strip(): segment.style for segment in strip}
        assert styles["x end"].color != styles["train"].color
        await it.press("x")
        await it.pilot.click(line, offset=(footer(it).index("x end"), 0))

        assert it.engine.sent(Stop) == []


async def test_a_click_does_what_the_key_does_now(desk: Opener) -> None:
    async with desk(*FAILED) as it:
        line = it.app.query_one(KeysLine)
        for words in ("space skip", "b back"):
            await it.pilot.click(line, offset=(footer(it).index(words) + 2, 0))
        await it.until(lambda: it.engine.sent(Rollback))

        assert it.asked == [Train(), Rollback()]


async def test_after_an_error_of_the_engine_b_has_nothing_to_go_back_to(desk: Opener) -> None:
    async with desk(*STOPPED) as it:
        await it.press("b", "n", "x", "space")

        assert [type(command) for command in it.asked] == [OpenRun]


async def test_view_is_a_key_only_where_panes_share_a_place(desk: Opener) -> None:
    async with desk() as it:
        assert "v view" not in footer(it)
        await it.resize(80, 24)
        await it.until(lambda: "v view" in footer(it))
        await it.resize(120, 40)
        await it.until(lambda: "v view" not in footer(it))


async def test_in_the_prompt_it_has_the_keys_of_the_prompt(desk: Opener) -> None:
    async with desk() as it:
        await it.press("p")
        await it.until(lambda: "⏎ generate" in footer(it))
        assert "train" not in footer(it)
        await it.press("escape")
        await it.until(lambda: "space train" in footer(it))


async def test_control_c_says_what_quits(desk: Opener) -> None:
    async with desk() as it:
        for keys, answer in (
            (["ctrl+c"], "q saves the run and quits."),
            (["p", "ctrl+c"], "Esc leaves the prompt, then q saves the run and quits."),
        ):
            await it.press(*keys)
            assert [notification.message for notification in it.app._notifications][-1] == answer

        assert it.app.return_code is None
