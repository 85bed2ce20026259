"""The saved runs on the screen: which there are, opening one, deleting one."""

from math import log
from time import mktime

import msgspec
import pytest
from looking import Desk, Opener
from recording import CONFIG, RUN, corpus_loaded, evaluated, opened, opening, step_done

from engine.protocol import (
    AnnotateRun,
    Busy,
    Command,
    Compare,
    Compared,
    ConfirmationRequired,
    DeleteRun,
    Failed,
    ListRuns,
    OpenRun,
    RenameRun,
    RunChanged,
    RunCurve,
    RunsListed,
    RunSummary,
    Saved,
    Tokens,
)
from tui.screens.confirm_dialog import ConfirmDialog
from tui.screens.dialog import KeyLine
from tui.screens.run_list import RunList
from tui.screens.runs import RunsScreen

HOSTILE = "[@click=app.quit]x[/]\x1b]52;c;aGVsbG8=\x07"

USED = mktime((2026, 11, 23, 18, 4, 0, 0, 0, -1))


def line(name: str, corpus: str = "tinyshakespeare", note: str = "") -> RunSummary:
    return RunSummary(
        *(name, corpus, "small", 1_250, 2_000, 1.6172, USED, 21_400_000, note),
        parameters=802_560,
    )


@pytest.fixture
def saved() -> list[RunSummary]:
    """The saved runs that the engine lists."""
    return [
        line(RUN),
        line("calm-heron", "a text of mine, 世界.txt", "wide, no dropout"),
        line("shy-lynx", HOSTILE, HOSTILE),
        line("tidy-wren"),
        line("warm-seal"),
    ]


async def list_runs(it: Desk, saved: list[RunSummary]) -> None:
    """Press the key, and wait until the runs are listed."""
    it.engine.runs = saved
    await it.press("o")
    await listed(it, saved)


def last(it: Desk) -> Command:
    """The newest command."""
    return it.engine.commands[-1]


async def listed(it: Desk, saved: list[RunSummary]) -> None:
    """Wait until the list shows these runs."""
    await it.until(lambda: isinstance(it.app.screen, RunsScreen))
    screen = it.app.screen
    assert isinstance(screen, RunsScreen)
    names = [run.name for run in saved]
    await it.until(lambda: [run.name for run in screen.query_one(RunList).runs] == names)
    await it.settled()


async def test_the_runs_are_listed_in_columns_and_enter_opens_one(
    desk: Opener, saved: list[RunSummary]
) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        await it.sees(f"● {RUN}", "calm-heron", "1,250 / 2,000", "1.6172", "small 0.80M", "21 MB")
        rows = [row for row in it.rows if "2026-11-23 18:04" in row]
        assert len(rows) == len(saved)
        await it.press("down", "enter")
        await it.until(lambda: len(it.app.screen_stack) == 1)

        assert last(it) == OpenRun("calm-heron")


async def test_it_asks_the_engine_and_says_so_while_it_waits(
    desk: Opener, saved: list[RunSummary]
) -> None:
    async with desk() as it:
        await it.press("o")
        await it.sees("Listing the saved runs …")
        assert last(it) == ListRuns()
        await it.press("enter", "d", "r", "n", "c", "b")  # there is nothing to act on yet
        assert last(it) == ListRuns()
        assert isinstance(it.app.screen, RunsScreen)

        await it.play(RunsListed(tuple(saved)))
        await it.sees("calm-heron")
        assert not any("Listing" in row for row in it.rows)

        await it.press("escape", "o")  # the list from before is there while it asks again
        await it.sees("calm-heron", "Listing the saved runs …")
        await it.play(Failed("The folder of the runs cannot be read.", "runs"))
        await it.sees("calm-heron", "The folder of the runs cannot be read.")


async def test_commands_carry_the_true_name(desk: Opener) -> None:
    """A name on the disk can hold characters that are not shown as they are."""
    name = "shy\x1b[31m-lynx\u202e"
    async with desk() as it:
        await list_runs(it, [line(RUN), line(name)])
        await it.sees("shy␛[31m-lynx")
        await it.press("down", "c")
        assert last(it) == Compare((name,))
        await it.play(Compared((RunCurve(name, ((0, 4.17),)),)))
        await it.sees("○ shy␛[31m-lynx")
        await it.press("c")
        assert last(it) == Compare(())
        await it.press("d", "y")
        assert last(it) == DeleteRun(name)
        await it.press("r", "enter")  # what was not changed is not a change
        assert last(it) == DeleteRun(name)
        await it.press("r", "ctrl+u", "z", "enter")
        assert last(it) == RenameRun(name, "z")
        await it.press("enter")
        assert last(it) == OpenRun(name)


async def test_a_narrow_window_cuts_the_last_columns_and_breaks_no_line(
    desk: Opener, saved: list[RunSummary]
) -> None:
    async with desk(size=(80, 24)) as it:
        await list_runs(it, saved)
        await it.sees("calm-heron", "2026-11-23 18:04")
        rows = [row for row in it.rows if "2026-11-23 18:04" in row]
        heading = next(row for row in it.rows if "last used" in row)
        assert len(rows) == len(saved)
        assert heading.index("last used") == rows[0].index("2026-11-23")
        assert not any("size" in row for row in it.rows)


async def test_a_window_that_grows_shows_the_rest(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk(size=(80, 24)) as it:
        await list_runs(it, saved)
        await it.sees("calm-heron", "2026-11-23 18:04", "small 0.80M · tinyshakespeare · 21 MB")
        await it.resize(120, 40)
        await it.until(lambda: not any("tinyshakespeare · 21 MB" in row for row in it.rows))
        await it.sees("a text of mine", "21 MB")
        await it.resize(80, 24)
        await it.until(lambda: not any("size" in row for row in it.rows))


async def test_a_fork_names_the_run_that_it_comes_from_and_what_that_comes_from(
    desk: Opener, saved: list[RunSummary]
) -> None:
    assert saved[1].name == "calm-heron"
    saved[1] = msgspec.structs.replace(saved[1], parent="old-oak", parent_step=64)
    saved[3] = msgspec.structs.replace(saved[3], parent="calm-heron", parent_step=250)
    async with desk(size=(80, 24)) as it:
        await list_runs(it, saved)
        await it.press("down", "down", "down")
        await it.sees("fork of calm-heron@250, itself a fork of old-oak@64 (gone or renamed)")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_runs_of_different_tokens_compare_in_bits_per_byte(
    desk: Opener, saved: list[RunSummary], size: tuple[int, int]
) -> None:
    saved[1] = msgspec.structs.replace(saved[1], tokenizer="bpe", best_bits_per_byte=2.1234)
    async with desk(size=size) as it:
        await list_runs(it, saved)
        assert "1.6172 2.1234     2026-11-23 18:04" in it.row("calm-heron")
        assert "bits/byte  last used" in next(row for row in it.rows if "last used" in row)
        await it.press("down")
        await it.sees("tokens: bpe · ")
        await it.play(msgspec.structs.replace(opened(CONFIG), tokens=Tokens(bytes_each=1.0)))
        await it.play(step_done(1_300), evaluated(1_300, 1.5123))
        await it.until(lambda: f"1.5123 {1.5123 / log(2):.4f}" in it.row(f"● {RUN}"))


async def test_the_open_run_moves_as_it_trains(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        await it.play(step_done(1_300), evaluated(1_300, 1.5123))
        await it.until(lambda: "1,300 / 2,000" in it.row(f"● {RUN}"))
        assert "1.5123" in it.row(f"● {RUN}")
        before = len(it.engine.sent(ListRuns))
        await it.play(Saved(RUN, 1_300, "somewhere"))  # its size and date are others now
        await it.until(lambda: len(it.engine.sent(ListRuns)) == before + 1)


async def test_the_runs_are_sorted_by_each_column(desk: Opener, saved: list[RunSummary]) -> None:
    saved[1] = msgspec.structs.replace(saved[1], parameters=10_700_000, size=9_000_000_000)
    saved[2] = msgspec.structs.replace(saved[2], best_loss=1.2, step=9)
    saved[0], saved[1], saved[2] = (
        msgspec.structs.replace(run, tokenizer=kind, best_bits_per_byte=bits)
        for run, kind, bits in zip(
            saved, ("bpe", "bytes", "characters"), (1.7, 1.5, 1.6), strict=False
        )
    )
    saved[3] = msgspec.structs.replace(saved[3], best_loss=None, used=USED + 9)
    saved[4] = RunSummary("a-torn-one", "", "", 0, 0, None, USED + 99, 4_000, problem="it is torn")
    first = {
        "last used": "tidy-wren",
        "model": "calm-heron",
        "text": "shy-lynx",
        "size": "calm-heron",
        "run": "amber-otter",
        "step": "amber-otter",
        "best": "shy-lynx",
        "bits/byte": "calm-heron",
    }
    async with desk() as it:
        it.engine.runs = saved
        await it.press("o")
        await it.until(lambda: isinstance(it.app.screen, RunsScreen))
        for heading, name in first.items():
            await it.sees(f"{heading}▾")
            names = [run.name for run in it.app.screen.query_one(RunList).runs]
            assert (names[0], names[-1]) == (name, "a-torn-one")
            await it.press("s")
        await it.sees("last used▾")


async def test_the_runs_are_filtered_by_words(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        await it.press("slash")
        await it.type("世界 DROP")
        await it.until(lambda: not any("tidy-wren" in row for row in it.rows))
        await it.sees("calm-heron")
        await it.press("enter", "r")
        await it.sees("A name for calm-heron:")
        await it.press("escape", "slash")
        await it.type("qd")  # keys of the list are text here
        await it.sees("No saved run has 'qd' in name, text or note.")
        await it.press("escape")
        await it.sees("calm-heron", "tidy-wren")
        assert isinstance(it.app.screen, RunsScreen)


async def test_several_runs_are_deleted_after_one_question(
    desk: Opener, saved: list[RunSummary]
) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        await it.press("space")
        await it.sees(f"{RUN} is open here: open another run first.")
        await it.press("down", "space", "space", "space")
        await it.sees(
            "3 marked: d deletes them.", "✓   calm-heron", "✓   shy-lynx", "✓   tidy-wren"
        )
        await it.press("up", "space", "d")
        await it.sees("Delete 2 runs (calm-heron, shy-lynx)? It cannot be undone.")
        await it.press("n", "d", "y")
        assert [one.run for one in it.engine.sent(DeleteRun)] == ["calm-heron", "shy-lynx"]
        del saved[1:3]
        await it.play(RunChanged("calm-heron", ""), RunChanged("shy-lynx", ""))
        await it.until(lambda: not any("calm-heron" in row for row in it.rows))
        assert not any("✓" in row for row in it.rows)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_it_shows_and_explains_its_keys(
    desk: Opener, saved: list[RunSummary], size: tuple[int, int]
) -> None:
    async with desk(size=size) as it:
        await list_runs(it, saved)
        await it.sees("Enter open", "space mark", "s sort", "F1 help")
        await it.press("question_mark")
        await it.sees("mark it, to delete several at once")
        await it.press("escape", "d")
        assert isinstance(it.app.screen, RunsScreen)  # the open run stays
        await it.press("down", "d")
        await it.sees("No (n)", "Yes (y)")
        await it.press("f1")
        await it.sees("Nothing has happened yet")
        await it.press("escape", "escape", "r")
        await it.sees("Enter OK", "Esc cancel")
        await it.press("f1")
        await it.sees("What is typed takes effect once Enter is pressed.")


async def test_a_word_of_the_keys_can_be_clicked(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        line = it.app.screen.query_one(KeyLine)
        row = it.rows[line.region.y]
        await it.pilot.click(offset=(row.index("sort") + 1, line.region.y))
        await it.sees("Sorted by model.")


async def test_untrusted_names_are_only_text(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        await it.sees("[@click=app.qui")
        assert "\x1b" not in "".join(it.rows)
        assert it.app.return_code is None


async def test_a_run_is_deleted_after_a_question(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        await it.press("down", "d")
        await it.sees("Delete calm-heron, 1,250 steps? It cannot be undone.")
        await it.press("n")
        assert not [one for one in it.engine.commands if isinstance(one, DeleteRun)]
        await it.press("d")
        await it.until(lambda: isinstance(it.app.screen, ConfirmDialog))
        await it.press("y")
        assert last(it) == DeleteRun("calm-heron")
        saved.pop(1)
        await it.play(RunChanged("calm-heron", ""))
        assert isinstance(it.app.screen, RunsScreen)
        await it.until(lambda: "calm-heron" not in "\n".join(it.rows))


async def test_the_open_run_stays_and_one_in_use_says_so(
    desk: Opener, saved: list[RunSummary]
) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        await it.press("d")
        await it.sees(f"{RUN} is open here: open another run first.")
        await it.play(Failed("The run 'shy-lynx' is open in another program.", "runs"))
        await it.sees("The run 'shy-lynx' is open in another program.")
        await it.press("escape")
        await it.sees("Untrained: each character is one of 63 at random.")
        assert len(saved) == 5


async def test_the_best_of_a_run_is_opened(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        await it.press("down", "b")
        assert last(it) == OpenRun("calm-heron@best")


async def test_a_run_is_renamed(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        await it.press("r")
        await it.sees(f"A name for {RUN}:")
        await it.press("escape", "r", "ctrl+u")
        await it.type("my q run")
        await it.press("enter")
        assert last(it) == RenameRun(RUN, "my q run")
        saved[0] = line("my q run")
        await it.play(RunChanged(RUN, "my q run"))
        await it.sees("● my q run")
        await it.press("escape")
        await it.sees("run my q run")


async def test_the_run_that_was_renamed_stays_chosen(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        await it.press("down", "down", "down", "r", "ctrl+u")
        await it.type("mine")
        await it.press("enter")
        assert last(it) == RenameRun("tidy-wren", "mine")
        saved[:] = [line("mine"), *(run for run in saved if run.name != "tidy-wren")]
        await it.play(RunChanged("tidy-wren", "mine"))
        await listed(it, saved)
        await it.press("d")
        await it.sees("Delete mine, ")


async def test_a_refused_name_can_be_corrected(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        await it.press("down", "r", "ctrl+u")
        await it.type("tidy-wren")
        await it.press("enter")
        await it.play(Failed("There is already a run 'tidy-wren'.", "runs"))
        await it.sees("There is already a run 'tidy-wren'.", "A name for calm-heron:")
        await it.press("end", "2", "enter")
        assert last(it) == RenameRun("calm-heron", "tidy-wren2")
        await it.play(Failed("The disk is full.", "runs"))
        await it.press("escape", "escape")
        await it.play(Failed("A failure of something else.", "open"))
        await it.sees("✖ A failure of something else.")


async def test_a_long_refusal_leaves_the_answer_in_sight(
    desk: Opener, saved: list[RunSummary]
) -> None:
    async with desk(size=(80, 24)) as it:
        await list_runs(it, saved)
        await it.press("down", "r", "end", "2", "enter")
        await it.play(Failed("A name that is too long. " * 90, "runs"))
        await it.sees("calm-heron2", "Enter OK")
        await it.press("escape")
        await it.sees("tidy-wren", "Esc close")


async def test_a_run_that_cannot_be_read_says_why(desk: Opener, saved: list[RunSummary]) -> None:
    saved[-1] = RunSummary("torn", "", "", 0, 0, None, USED, 4_000, problem="its text is missing")
    async with desk() as it:
        await list_runs(it, saved)
        await it.press("end")
        await it.sees("torn", "cannot be read", "It cannot be opened: its text is missing.")


async def test_a_run_has_a_note(desk: Opener, saved: list[RunSummary]) -> None:
    async with desk() as it:
        await list_runs(it, saved)
        await it.press("down")
        await it.sees("wide, no dropout")
        await it.press("n", "end")
        await it.type(", three blocks")
        await it.press("enter")
        assert last(it) == AnnotateRun("calm-heron", "wide, no dropout, three blocks")


async def test_runs_are_compared_in_the_chart(desk: Opener, saved: list[RunSummary]) -> None:
    other = RunCurve("calm-heron", ((0, 4.17), (500, 2.5), (2_000, 1.5)))
    async with desk() as it:
        await list_runs(it, saved)
        await it.press("down", "c")
        assert last(it) == Compare(("calm-heron",))
        await it.play(Compared((other,)))
        await it.sees("○ calm-heron  ")
        await it.press("escape")
        await it.sees("○ calm-heron 1.5000")

        await list_runs(it, saved)
        await it.press("down", "c")
        assert last(it) == Compare(())
        await it.play(Compared(()))
        await it.press("escape")
        await it.until(lambda: "calm-heron" not in "\n".join(it.rows))


async def test_more_than_three_are_not_compared(desk: Opener, saved: list[RunSummary]) -> None:
    others = [RunCurve(run.name, ((0, 4.17),)) for run in saved[1:4]]
    async with desk() as it:
        await it.play(Compared(tuple(others)))
        await list_runs(it, saved)
        await it.press("end", "c")
        await it.sees("3 runs are compared already")
        assert not [one for one in it.engine.commands if isinstance(one, Compare)]


async def test_what_is_compared_follows_the_runs(desk: Opener, saved: list[RunSummary]) -> None:
    others = (RunCurve("calm-heron", ((0, 4.17),)), RunCurve("tidy-wren", ((0, 4.17),)))
    async with desk() as it:
        await it.play(Compared(others), RunChanged("calm-heron", "mine"))
        await it.sees("○ mine 4.1700  △ tidy-wren 4.1700")
        await it.play(RunChanged("mine", ""))
        await it.until(lambda: "mine" not in "\n".join(it.rows))


async def test_a_changed_text_is_asked_about(desk: Opener) -> None:
    command = OpenRun("calm-heron", changed_text=True)
    async with desk() as it:
        await it.play(ConfirmationRequired("Its text was changed. Open it all the same?", command))
        await it.sees("Open it all the same?")
        await it.press("n")
        assert last(it) != command
        await it.play(ConfirmationRequired("Its text was changed. Open it all the same?", command))
        await it.sees("Open it all the same?")
        await it.press("y")
        assert last(it) == command


async def test_where_no_run_is_open_a_no_ends_it(desk: Opener) -> None:
    async with desk(play=False) as it:
        await it.play(
            ConfirmationRequired("Open it all the same?", OpenRun("calm-heron", changed_text=True))
        )
        await it.sees("Open it all the same?")
        await it.press("n")
        await it.until(lambda: it.app.return_code == 2)


async def test_a_run_that_another_program_trains_is_followed(desk: Opener) -> None:
    followed = msgspec.structs.replace(
        opened(), phase="following", note="Another program trains this run (process 4711)"
    )
    async with desk(*opening()[:2], corpus_loaded(), Busy(""), followed) as it:
        await it.sees("● following", "Another program trains this run (process 4711)")


async def test_without_a_saved_run_it_says_so(desk: Opener, saved: list[RunSummary]) -> None:
    saved.clear()
    async with desk(size=(80, 24)) as it:
        await list_runs(it, saved)
        await it.sees("No run is saved yet")
        await it.press("d", "enter", "escape")
        await it.until(lambda: len(it.app.screen_stack) == 1)
