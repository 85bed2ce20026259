"""The saved runs on the screen: which there are, opening one, deleting one."""

from time import mktime

import pytest
from looking import Opener
from recording import RUN
from textual.widgets import OptionList

from engine.protocol import OpenRun, RunSummary
from tui.screens import runs as room
from tui.screens.question import Question
from tui.screens.runs import RunsScreen

HOSTILE = "[@click=app.quit]x[/]\x1b]52;c;aGVsbG8=\x07"

USED = mktime((2026, 11, 23, 18, 4, 0, 0, 0, -1))


def line(name: str, corpus: str = "tinyshakespeare") -> RunSummary:
    return RunSummary(name, corpus, "small", 1_250, 2_000, 1.6172, USED, 21_400_000)


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[RunSummary]:
    """The runs that there are; what is deleted goes from them."""
    found = [line(RUN), line("calm-heron", "a text of mine, 世界.txt"), line("shy-lynx", HOSTILE)]

    def delete(name: str) -> None:
        if name == "shy-lynx":
            raise ValueError("The run 'shy-lynx' is open in another program.")
        found[:] = [run for run in found if run.name != name]

    monkeypatch.setattr(room, "saved_runs", lambda: list(found))
    monkeypatch.setattr(room, "delete_run", delete)
    return found


async def test_the_runs_are_listed_in_columns_and_enter_opens_one(
    desk: Opener, saved: list[RunSummary]
) -> None:
    async with desk() as it:
        await it.press("o")
        await it.sees(f"{RUN} ●", "calm-heron", "1,250 / 2,000", "1.6172", "21 MB")
        rows = [row for row in it.rows if "2026-11-23 18:04" in row]
        assert len(rows) == len(saved)
        await it.press("down", "enter")
        await it.until(lambda: len(it.app.screen_stack) == 1)

        assert it.engine.commands[-1] == OpenRun("calm-heron")


async def test_a_narrow_window_cuts_the_last_columns_and_breaks_no_line(
    desk: Opener, saved: list[RunSummary]
) -> None:
    async with desk(size=(80, 24)) as it:
        await it.press("o")
        await it.sees("calm-heron", "2026-11-23 18:04")
        rows = [row for row in it.rows if "2026-11-23 18:04" in row]
        heading = next(row for row in it.rows if "last used" in row)
        assert len(rows) == len(saved)
        assert heading.index("last used") == rows[0].index("2026-11-23")
        assert not any("size" in row for row in it.rows)


async def test_what_a_stranger_named_is_only_text(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await it.press("o")
        await it.sees("[@click=app.qui")
        assert "\x1b" not in "".join(it.rows)
        assert len(saved) == 3


async def test_a_run_is_deleted_after_a_question(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await it.press("o", "down", "d")
        await it.sees("Delete calm-heron, 1,250 steps? It cannot be undone.")
        await it.press("n")
        assert len(saved) == 3
        await it.press("d")
        await it.until(lambda: isinstance(it.app.screen, Question))
        await it.press("y")
        await it.until(lambda: len(saved) == 2)
        assert isinstance(it.app.screen, RunsScreen)
        await it.until(lambda: it.app.screen.query_one(OptionList).option_count == 2)


async def test_the_open_run_and_one_in_use_stay(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await it.press("o", "d")
        await it.sees(f"{RUN} is open here: open another run first.")
        await it.press("down", "down", "d")
        await it.until(lambda: isinstance(it.app.screen, Question))
        await it.press("y")
        await it.sees("The run 'shy-lynx' is open in another program.")
        assert len(saved) == 3


async def test_without_a_saved_run_it_says_so(desk: Opener, saved: list[RunSummary]) -> None:
    saved.clear()
    async with desk(size=(80, 24)) as it:
        await it.press("o")
        await it.sees("No run is saved yet")
        await it.press("d", "enter", "escape")
        await it.until(lambda: len(it.app.screen_stack) == 1)
