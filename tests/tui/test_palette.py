"""The command palette lists the available actions, each with a full phrase."""

from pathlib import Path

import pytest
from looking import Desk, Opener
from recording import step_done, untrained

from engine.protocol import PhaseChanged, Train
from tui.bindings import BINDINGS
from tui.palette import sentence


def titles(it: Desk) -> list[str]:
    return [command.title for command in it.app.get_system_commands(it.app.screen_stack[0])]


async def choose(it: Desk, words: str) -> None:
    """Type into the palette until its first entry is the one that is meant, and take it."""
    await it.press("ctrl+p")
    await it.type(words)
    await it.sees(words)
    await it.press("down", "enter")


def test_every_command_is_a_sentence() -> None:
    sentences = [sentence(binding) for binding in BINDINGS]
    assert len(list(filter(None, sentences))) >= len(BINDINGS) - 4
    assert all(words[0].isupper() and " " in words for words in sentences if words)


async def test_the_palette_offers_sentences_for_what_can_be_done_now(desk: Opener) -> None:
    async with desk() as it:
        offered = titles(it)
        assert {"Start training", "Start a new run…", "Open a saved run…"} < set(offered)
        assert {"Choose a theme…", "Save a picture of the screen", "Save and quit"} < set(offered)
        assert len(offered) == len(set(offered))
        assert not {"Pause training", "Quit", "Screenshot", "Train"} & set(offered)
        assert all(title[0].isupper() and " " in title for title in offered)

        await it.press("ctrl+p")
        await it.sees("Find a learning rate", "Lower the temperature")
        await it.press("escape")
        await choose(it, "Start training")
        await it.until(lambda: it.engine.sent(Train))


async def test_while_it_trains_it_can_be_paused(desk: Opener) -> None:
    async with desk(*untrained(), PhaseChanged("training", 0), step_done(1)) as it:
        assert "Pause training" in titles(it)
        assert "Start training" not in titles(it)


async def test_a_picture_of_the_screen_is_saved_and_found(
    desk: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGPT_HOME", str(tmp_path))
    async with desk() as it:
        it.app.save_picture()
        it.app.save_picture()  # in the same second
        await it.until(lambda: len(it.app._notifications) == 2)
        pictures = list((tmp_path / "screenshots").glob("tinygpt *.svg"))
        assert len(pictures) == 2
        for picture in pictures:
            assert picture.read_text(encoding="utf-8").startswith("<svg")
            assert any(picture.name in toast.message for toast in it.app._notifications)


async def test_a_picture_that_cannot_be_saved_says_why(
    desk: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("TINYGPT_HOME", str(tmp_path / "file"))
    async with desk() as it:
        it.app.save_picture()
        await it.until(lambda: it.app._notifications)
        (toast,) = it.app._notifications
        assert toast.message.startswith("The picture cannot be saved: ")
        assert toast.message.endswith("screenshots: Not a directory.")
