"""Taking runs elsewhere from the app, and opening what comes from there."""

from pathlib import Path

import pytest
from looking import Desk, Opener
from recording import RUN, opened, trained, untrained
from test_palette import choose
from test_report import run_of
from test_runs_screen import line, list_runs
from test_snapshots import Compare, picture, show
from textual.pilot import Pilot
from textual.widgets import Input

from engine.protocol import (
    Busy,
    Exported,
    ExportRun,
    Failed,
    GatherReport,
    Imported,
    ImportRun,
    OpenRun,
    Packed,
    PackRun,
    ReportGathered,
    Unpacked,
    UnpackRun,
)
from tui.screens.choice import Choice
from tui.screens.export import ExportScreen

NOTES = (
    "The app goes on past its context of 256 characters by forgetting the oldest; the format has no "
    "such setting, and other programs end there or write nonsense.",
    "Characters that the text does not have are left out of a prompt, as in the app.",
)


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is started in a folder of the user."""
    monkeypatch.setattr(Path, "home", lambda: Path("/home/otter"))
    monkeypatch.setattr(Path, "cwd", lambda: Path("/home/otter/work"))


def exported(notes: tuple[str, ...] = NOTES) -> Exported:
    """The answer to an export."""
    return Exported(
        run=RUN,
        step=1_240,
        format="gguf",
        path=f"/home/otter/work/{RUN}-f16.gguf",
        bytes=1_612_800,
        largest_difference=0.00941,
        largest_logit=23.04,
        characters=1_024,
        prompts=4,
        equal_prompts=4,
        written=300,
        notes=notes,
    )


async def in_dialog(it: Desk) -> ExportScreen:
    """Open the list of runs, and the dialog for the second of them."""
    name = "shy\x1b[31m-lynx"
    await list_runs(it, [line(RUN), line(name)])
    await it.press("down", "e")
    await it.until(lambda: isinstance(it.app.screen, ExportScreen))
    screen = it.app.screen
    assert isinstance(screen, ExportScreen)
    return screen


def notifications(it: Desk) -> list[str]:
    """The notifications."""
    return [toast.message for toast in it.app._notifications]


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_run_is_packed(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(size=size) as it:
        await in_dialog(it)
        await it.sees("export shy␛[31m-lynx", "[packed]", "~/work/shy␛[31m-lynx.tinygpt", "Enter")
        await it.press("enter")
        await it.sees("Writing it …")
        await it.play(Busy("packing shy\x1b[31m-lynx", 0.42))
        await it.sees("packing shy␛[31m-lynx 42%")
        path = "~/work/shy␛[31m-lynx.tinygpt"
        assert it.engine.commands[-1] == PackRun("shy\x1b[31m-lynx", path)
        await it.play(Packed("shy\x1b[31m-lynx", 20, "/home/x.tinygpt", 21_400_000))
        await it.sees("Packed shy␛[31m-lynx at step 20 into /home/x.tinygpt (21 MB).")
        await it.press("down", "right", "enter")
        assert it.engine.commands[-1] == PackRun("shy\x1b[31m-lynx", path, moments=False)
        await it.play(Failed(f"{path} exists already: export to another path.", "export"))
        await it.sees("exists already: export to another path.")
        await it.press("escape")
        await it.sees("saved runs", "e export")


async def test_a_run_is_exported_in_each_format(desk: Opener) -> None:
    async with desk() as it:
        screen = await in_dialog(it)
        run, path = "shy\x1b[31m-lynx", "~/work/shy␛[31m-lynx"
        for command in (
            ExportRun(run, "hf", f"{path}-hf"),
            ExportRun(run, "gguf", f"{path}-f16.gguf", "f16"),
            ExportRun(run, "gguf", f"{path}-f32.gguf"),
            ExportRun(run, "tensorboard", f"{path}-tensorboard"),
        ):
            await it.press("right", "enter")
            assert it.engine.commands[-1] == command
        await it.press("left", "down", "right", "down", "end", "2", "enter")
        assert it.engine.commands[-1] == ExportRun(f"{run}@best", "gguf", f"{path}-f32.gguf2")
        await it.press("up", "up", "left")  # what has been typed stays
        assert screen.query_one("#path", Input).value == f"{path}-f32.gguf2"


async def test_a_report_is_written_from_the_palette(desk: Opener, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    async with desk() as it:
        await it.play(*untrained())
        await choose(it, "Write a report on the open run…")
        await it.sees(f"export {RUN}", "[report]", f"~/work/{RUN}.html", "A page to hand in")
        it.app.screen.query_one("#path", Input).value = str(path)
        await it.press("enter")
        command = it.engine.commands[-1]
        assert command == GatherReport((RUN,), str(path))
        path.write_text("my homework")
        answer = ReportGathered((run_of("shy\x1b[31m-lynx"),), str(path))
        await it.play(answer)
        await it.sees("exists already, and is no report")
        path.unlink()
        await it.play(answer)
        await it.sees("Reported shy␛[31m-lynx in ")
    assert path.read_bytes().startswith(b"<!DOCTYPE html>")


async def test_the_path_is_that_of_the_form_even_when_keys_come_fast(desk: Opener) -> None:
    """Enter may be handled before the dialog knows that another form was chosen."""
    async with desk() as it:
        screen = await in_dialog(it)
        screen.query_one("#form", Choice).value = "hf"
        screen.action_export()
        command = it.engine.commands[-1]
        assert isinstance(command, ExportRun)
        assert (command.format, command.path) == ("hf", "~/work/shy␛[31m-lynx-hf")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_figures_of_the_proof_are_told(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(size=size) as it:
        await in_dialog(it)
        await it.press("right", "right", "enter")
        await it.play(exported((*NOTES, *NOTES, *NOTES)))
        await it.sees(
            f"{RUN} at step 1,240",
            "largest difference 9.4e-03, of up to 23.0, over 1,024 characters",
            "4 of 4 prompts continued equally, 300 greedy characters each",
            "Enter export",
        )
        if size == (80, 24):  # the notes need more lines than there are
            await it.press("pagedown", "pagedown")
            await it.until(lambda: not any("largest difference" in row for row in it.rows))


async def test_what_comes_when_the_dialog_is_closed_is_told_at_the_side(desk: Opener) -> None:
    async with desk() as it:
        await in_dialog(it)
        await it.press("enter", "escape", "escape")
        await it.play(exported())
        await it.play(Failed("The disk is full of [/] owls.", "export"))
        first, second = notifications(it)
        assert first.startswith(f"Exported {RUN} at step 1,240 to /home/otter/work/")
        assert second == "The disk is full of [/] owls."


async def test_the_open_run_is_exported_from_the_palette(desk: Opener) -> None:
    async with desk(*untrained()[:6], opened(run="a\x07b"), *trained(3)) as it:
        await choose(it, "Export or pack the open run")
        await it.sees("export a␇b")
        await it.press("enter")
        assert it.engine.commands[-1] == PackRun("a\x07b", "~/work/a␇b.tinygpt")


async def test_what_comes_from_elsewhere_is_opened_from_the_palette(
    desk: Opener, tmp_path: Path
) -> None:
    async with desk() as it:
        for path, command in (
            ("~/otter.tinygpt", UnpackRun("~/otter.tinygpt")),
            ("~nobody-of-this-name/x", UnpackRun("~nobody-of-this-name/x")),
            (str(tmp_path), ImportRun(str(tmp_path))),
        ):
            await choose(it, "Open a packed run or an exported folder")
            await it.sees("A packed run (.tinygpt), or a folder that was exported")
            await it.type(path)
            await it.press("enter")
            assert it.engine.commands[-1] == command
        await it.play(Failed("otter.tinygpt is not a packed run: it is a picture.", "export"))
        await it.play(Unpacked("calm\x1b-heron", 20, "somewhere"))
        assert it.engine.commands[-1] == OpenRun("calm\x1b-heron")
        await it.play(Imported("shy-lynx", 30, "somewhere", "It has no text."))
        assert it.engine.commands[-1] == OpenRun("shy-lynx")
        assert notifications(it) == [
            "otter.tinygpt is not a packed run: it is a picture.",
            "Unpacked as calm␛-heron, at step 20.",
            "Imported as shy-lynx, at step 30. It has no text.",
        ]


async def show_exported(pilot: Pilot[None]) -> None:
    """The open run, exported while it trains."""
    it = await show(pilot, *trained(1_240))
    await list_runs(it, [line(RUN), line("calm-heron"), line("tidy-wren")])
    await it.press("e", "right", "right", "enter")
    await it.play(exported())
    await it.sees("4 of 4 prompts")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_the_dialog(snap_compare: Compare, at_once: None, size: tuple[int, int]) -> None:
    assert picture(snap_compare, show_exported, size)
