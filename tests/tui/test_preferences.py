"""The app's preferences persist across restarts."""

from pathlib import Path

import pytest
from looking import Desk, Opener, recorded_app, strips
from recording import STEPS, opened, trained, untrained

from engine.protocol import PhaseChanged
from tui.preferences import Preferences, load_preferences
from tui.theme import CLASSROOM


async def run_command(it: Desk, title: str) -> None:
    commands = it.app.get_system_commands(it.app.screen_stack[0])
    (command,) = (command for command in commands if command.title == title)
    command.callback()
    await it.settled()


@pytest.mark.parametrize("name", ["textual-light", "dracula", "ansi-dark"])
async def test_a_theme_is_remembered(desk: Opener, name: str) -> None:
    async with desk() as it:
        assert it.app.theme == CLASSROOM.name
        it.app.theme = name
        await it.until(lambda: load_preferences().theme == name)
        await it.settled()
        chosen = strips(it.app.screen)
    async with desk() as it:
        assert it.app.theme == name
        assert strips(it.app.screen) == chosen


async def test_a_bell_rings_at_the_end_of_a_run_if_wanted(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[bool] = []
    monkeypatch.setattr("tui.app.TinyGPTApp.bell", lambda _: rung.append(True))
    async with desk(*untrained(), *trained(STEPS)) as it:
        assert not rung
        await run_command(it, "Ring a bell at the end of a run")
    async with desk(*untrained(), *trained(STEPS)) as it:
        assert len(rung) == 1
        await it.play(opened(), PhaseChanged("done", STEPS))  # a run that ended long ago
        assert len(rung) == 1
        await run_command(it, "Ring no bell at the end of a run")
        await it.play(PhaseChanged("training", STEPS), PhaseChanged("done", STEPS))
        assert len(rung) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\xff", b"[1]", b'{"theme": 3}', b'{"theme": "\xff"}', b'{"x":' + b"[" * 100_000],
)
async def test_a_broken_file_is_as_none(desk: Opener, home: Path, content: bytes) -> None:
    home.mkdir(exist_ok=True)
    (home / "settings.json").write_bytes(content)
    assert load_preferences() == Preferences()
    async with desk() as it:
        assert it.app.theme == CLASSROOM.name
        it.app.theme = "dracula"
        await it.until(lambda: load_preferences().theme == "dracula")


async def test_without_saving_a_choice_holds_for_now_and_nothing_is_written(home: Path) -> None:
    app = recorded_app(saving=False)
    async with app.run_test(size=(120, 40)) as pilot:
        desk = Desk(app, pilot)
        await run_command(desk, "Ring a bell at the end of a run")
        app.theme = "dracula"
        await desk.settled()
        said = {notification.message for notification in app._notifications}
        assert said == {"This choice is for now only (--no-save)."}
        assert app.theme == "dracula"
    assert not home.exists() or not list(home.iterdir())


async def test_an_unknown_theme_falls_back_to_the_default(desk: Opener, home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "settings.json").write_text('{"theme": "[/]"}', encoding="utf-8")
    async with desk() as it:
        assert it.app.theme == CLASSROOM.name


async def test_what_cannot_be_remembered_holds_for_now_and_says_so(
    desk: Opener, home: Path
) -> None:
    home.write_text("a file, where a folder belongs", encoding="utf-8")
    async with desk() as it:
        await run_command(it, "Ring a bell at the end of a run")
        (toast,) = it.app._notifications
        assert toast.message.startswith("This choice is for now only: ")
        titles = [one.title for one in it.app.get_system_commands(it.app.screen_stack[0])]
        assert "Ring no bell at the end of a run" in titles
