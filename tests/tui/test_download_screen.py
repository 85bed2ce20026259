"""A download in the app: it is asked for, shown as a bar, and cancelled by a key."""

from looking import Opener

from engine.config import preset
from engine.protocol import (
    CancelDownload,
    ConfirmationRequired,
    DownloadEnded,
    Downloading,
    Failed,
    Open,
)

URL = "https://example.org/owl.txt"
OPENING = Open(preset("small", URL), download=True)
ASKED = ConfirmationRequired(f"Download {URL}? At most 200 MB are taken.", OPENING)
HALF = Downloading(URL, "https://mirror.example/owl.txt", 1_100_000, 2_200_000)


async def test_a_yes_sends_what_was_asked_about(desk: Opener) -> None:
    async with desk() as it:
        await it.play(ASKED)
        await it.sees(f"Download {URL}?")
        await it.press("y")
        assert it.engine.commands[-1] == OPENING


async def test_a_no_in_the_form_leaves_it_as_it_was(desk: Opener) -> None:
    async with desk() as it:
        await it.press("c")
        await it.sees("new run")
        await it.press("enter")
        await it.play(ASKED)
        await it.sees(f"Download {URL}?")
        await it.press("n")
        await it.sees("Nothing was downloaded.", "Start (Enter)")


async def test_a_bar_fills_and_goes(desk: Opener) -> None:
    async with desk(size=(80, 24), play=False) as it:
        await it.play(Downloading(URL, "", 0, -1))
        await it.sees("downloading", URL, "connecting …")
        await it.play(HALF)
        await it.sees("from https://mirror.example/owl.txt", "█" * 25, "1.1 of 2.2 MB")
        await it.play(Downloading(URL, HALF.url, 1_100_000, -1, "cut: again\x1b[2J in 2 s"))
        await it.sees("1.1 MB", "cut: again␛[2J in 2 s")
        await it.press("f1")
        await it.sees("the next download goes on from there")
        await it.play(DownloadEnded(URL, complete=True))
        await it.press("escape")
        await it.until(lambda: len(it.app.screen_stack) == 1)


async def test_esc_cancels(desk: Opener) -> None:
    async with desk() as it:
        await it.play(HALF)
        await it.sees("1.1 of 2.2 MB")
        await it.press("escape")
        assert it.engine.commands[-1] == CancelDownload()
        await it.play(
            DownloadEnded(URL, complete=False), Failed("The download was cancelled.", "open")
        )
        await it.sees("The download was cancelled.", "● untrained")


async def test_where_no_run_is_open_the_app_ends_with_the_reason(desk: Opener) -> None:
    async with desk(play=False) as it:
        await it.play(HALF, DownloadEnded(URL, complete=False), Failed("It is gone.", "open"))
        await it.until(lambda: it.app.return_code == 2)
