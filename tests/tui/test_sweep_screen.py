"""The page of a sweep: its table and its curves, which follow it while it is trained elsewhere."""

from pathlib import Path

import pytest
from looking import Desk, Opener, recorded_app
from msgspec.structs import replace
from racing import RACE, begun
from recording import untrained
from sweeping import NAME, STEPS, curves, done, listed, plan, result, running
from test_hostile import PAYLOADS, obeyed
from test_palette import choose
from textual.pilot import Pilot

from engine.protocol import (
    Compare,
    Failed,
    GatherReport,
    ListSweeps,
    Open,
    OpenRun,
    PhaseChanged,
    RaceChanged,
    ReadCurves,
    ReadSweep,
    SweepCase,
    SweepRead,
    TrialResult,
)
from engine.storage.paths import runs_folder
from engine.storage.sweep_file import SweepResults, begun_sweep
from tui.app import TinyGPTApp
from tui.cli.sweep_opening import opened_sweep
from tui.mean_curve import MeanPoint, mean_curve
from tui.sweep.plan import read_plan
from tui.sweep.screen import SweepScreen


async def read(it: Desk, found: SweepRead, until: int = STEPS) -> None:
    """Answer what the page asks, until it asks no more."""
    before = len(it.engine.sent(ReadCurves))
    await it.play(found)
    while len(asked := it.engine.sent(ReadCurves)) > before:
        before = len(asked)
        await it.play(curves(asked[-1].runs, until))


async def show(it: Desk) -> None:
    """Open the page."""
    it.app.show_sweep(NAME)
    await it.sees("sweep rates", "reading …")


async def test_a_sweep_is_found_in_the_list_of_the_lab(desk: Opener) -> None:
    async with desk(*untrained(), PhaseChanged("training", 1)) as it:
        await it.press("4", "enter")
        assert it.engine.sent(ListSweeps)
        await it.play(listed(), RaceChanged("calm-heron", "heron"))
        await it.press("end")
        await it.sees("sweep  rates", "sweep  old", "its plan is not whole")
        await it.press("up")
        await it.sees("7 of 18 runs have ended.")
        await it.press("enter")
        assert it.engine.sent(ReadSweep) == [ReadSweep(NAME)]
        await read(it, done())
        await it.sees("○ train.learning_rate=0.03, model.n_layer=2", "3/3  1.9", "best")
        await it.sees("× train.learning_rate=0.003", "3 not a number", "18 of 18 runs have ended")
        await it.sees("Lowest mean loss at the end: 1.9", "500 steps")
        chart = "".join(it.rows[1:25])
        assert all(mark in chart for mark in "○△□×")
        await it.press("escape")
        await it.sees("run amber-otter", "● training")


async def test_a_page_follows_what_is_trained_elsewhere(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.sweep.screen.REFRESH", 0.01)
    async with desk() as it:
        await show(it)
        await it.play(SweepRead(NAME))
        await it.sees("It has not been begun: tinygpt-tui sweep")
        await it.until(lambda: len(it.engine.sent(ReadSweep)) == 2)
        await read(it, running(), until=200)
        await it.sees("seed 2 at 200", "6 of 18 runs have ended, running", "one run each so far")
        every = [run for one in it.engine.sent(ReadCurves) for run in one.runs]
        assert sorted(every) == sorted([*(f"run-{case}-1" for case in range(6)), "run-0-2"])
        # What has ended is read again only where it had not been read to its end.
        await it.until(lambda: len(it.engine.sent(ReadSweep)) == 3)
        await read(it, running())
        await it.until(lambda: len(it.engine.sent(ReadSweep)) == 4)
        known = len(it.engine.sent(ReadCurves))
        await read(it, running())
        assert [one.runs for one in it.engine.sent(ReadCurves)[known:]] == [("run-0-2",)]
        await it.sees("seed 2 at 500")


async def test_one_round_of_questions_is_answered_before_the_next(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.sweep.screen.REFRESH", 0.01)
    read_again = SweepScreen._read_again
    due: list[SweepScreen] = []

    def counted(screen: SweepScreen) -> None:
        due.append(screen)
        read_again(screen)

    monkeypatch.setattr(SweepScreen, "_read_again", counted)
    async with desk() as it:
        await show(it)
        await it.until(lambda: len(due) >= 20)
        assert len(it.engine.sent(ReadSweep)) == 1
        await it.play(Failed("results.jsonl: Is a directory.", "runs"))
        await it.sees("results.jsonl: Is a directory.")
        await it.until(lambda: len(it.engine.sent(ReadSweep)) == 2)


async def test_a_run_of_the_selected_case_is_opened_with_the_best_others(desk: Opener) -> None:
    async with desk() as it:
        await show(it)
        found = done()
        named = tuple(
            replace(one, run="my\x1b run") if one.run == "run-2-1" else one for one in found.results
        )
        await it.play(replace(found, results=named))
        await it.press("end", "enter")
        (notification,) = it.app._notifications
        assert notification.message == "No run of this case has ended yet with a loss."
        await it.press("home", "down", "enter")
        assert it.engine.sent(OpenRun) == [OpenRun("my\x1b run")]
        assert it.engine.sent(Compare) == [Compare(("run-3-1", "run-4-1", "run-1-1"))]
        await it.sees("run amber-otter")


async def test_a_report_is_written_from_the_page(desk: Opener, tmp_path: Path) -> None:
    async with desk() as it:
        await show(it)
        await it.press("e")
        assert not it.engine.sent(GatherReport)
        await it.play(done())
        await it.press("e")
        await it.sees("The file of the report on the sweep rates", "rates.html")
        await it.press(*["backspace"] * len("rates.html"))
        await it.type(f"{tmp_path}/no/rates.html")
        await it.press("enter")
        await it.sees("There is no folder")
        await it.press("escape")
        assert not it.engine.sent(GatherReport)
        await it.press("e", "enter")
        assert it.engine.sent(GatherReport) == [GatherReport(("sweep:rates",), "rates.html")]


async def test_a_report_on_the_open_race_is_in_the_palette(desk: Opener) -> None:
    async with desk(*untrained(), *begun()) as it:
        await choose(it, "report on the race")
        await it.sees(f"The file of the report on the race {RACE}", f"{RACE}.html")
        await it.press("enter")
        assert it.engine.sent(GatherReport) == [GatherReport((f"race:{RACE}",), f"{RACE}.html")]


async def test_untrusted_text_of_a_sweep_is_drawn_and_not_obeyed(desk: Opener) -> None:
    async with desk() as it:
        await show(it)
        cases = tuple(
            SweepCase((text,), (f"{n}", "", "")) for n, text in enumerate(PAYLOADS.values())
        )
        results = tuple(
            replace(result(0, 1), key=f"{n}", case=text, run=text)
            for n, text in enumerate(PAYLOADS.values())
        )
        await it.play(SweepRead(NAME, replace(plan(), cases=cases), results))
        for _ in PAYLOADS:
            await it.press("down")
            assert not list(obeyed(it))
        assert it.engine.sent(ReadCurves)[0].runs[0] == next(iter(PAYLOADS.values()))


def test_the_mean_of_curves_is_taken_where_all_of_them_are() -> None:
    one = [(0.0, 4.0), (10.0, 2.0), (20.0, 1.0)]
    two = [(0.0, 4.0), (5.0, 3.0), (15.0, 1.0)]
    spread = 0.5**0.5 / 2
    assert mean_curve([one, two]) == [
        MeanPoint(0.0, 4.0, 0.0),
        MeanPoint(10.0, 2.0, 0.0),
        MeanPoint(15.0, 1.25, pytest.approx(spread)),  # type: ignore[arg-type]
    ]
    assert mean_curve([one]) == [MeanPoint(x, y, 0.0) for x, y in one]
    assert mean_curve([[], [(3.0, float("nan"))]]) == []


def test_what_is_opened_for_a_sweep(tmp_path: Path) -> None:
    file = tmp_path / "rates.toml"
    file.write_text('text = "tales"\npreset = "nano"\nseeds = 2\n[[case]]\n')
    name, command = opened_sweep(str(file), alone=True)
    assert isinstance(command, Open)
    assert (name, command.config.corpus, command.config.preset) == ("rates", "tales", "nano")
    with pytest.raises(ValueError, match="it goes alone"):
        opened_sweep(str(file), alone=False)
    saved = read_plan(file).saved
    with begun_sweep(saved) as folder:
        for run, key, loss in zip(
            ("worse", "better"), saved.cases[0].trials, (3.0, 2.0), strict=True
        ):
            (runs_folder() / run / "checkpoints").mkdir(parents=True)
            SweepResults(folder).add(TrialResult(key, "no change", 1, "done", run, loss))
    for wanted in (str(file), "rates"):
        assert opened_sweep(wanted, alone=True) == ("rates", OpenRun("better", changed_text=True))
    (runs_folder() / "better").rename(runs_folder() / "renamed")
    assert opened_sweep("rates", alone=True)[1] == OpenRun("worse", changed_text=True)
    with pytest.raises(ValueError, match="There is no sweep 'rate'; near it: rates"):
        opened_sweep("rate", alone=True)


# Pictures.


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
@pytest.mark.usefixtures("at_once")
def test_the_page_looks_as_it_was_accepted(snap_compare, size: tuple[int, int]) -> None:  # type: ignore[no-untyped-def]
    async def show_sweep(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, TinyGPTApp)
        it = Desk(pilot.app, pilot)
        await it.until(lambda: it.engine.started)
        await it.play(*untrained())
        await show(it)
        await read(it, done())
        await it.press("down")
        await it.sees("18 of 18 runs have ended")

    assert snap_compare(recorded_app(), terminal_size=size, run_before=show_sweep)
