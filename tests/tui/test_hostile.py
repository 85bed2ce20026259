"""Untrusted text is shown as text, and never obeyed by the terminal, the markup or the mouse."""

from collections.abc import Iterator

import msgspec
import pytest
from looking import Desk, Opener, segments, strips
from recording import (
    CONFIG,
    corpus_loaded,
    opened,
    opening,
)
from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widgets import Static

from data.safe_text import safe_text
from engine.protocol import Busy, Event, Excerpt, Failed, SampleStarted, Saved, TextSampled
from tui.panes.prompt import PromptInput
from tui.screens.confirm_dialog import ConfirmDialog
from tui.screens.new_run import NewRunScreen

PAYLOADS = {
    "clipboard": "\x1b]52;c;aGVsbG8=\x07",
    "title": "\x1b]0;owned\x07",
    "clear": "a\x1b[2J\x1b[Hb",
    "C1": "a\x9b31mb\x9d0;x\x9c",
    "delete": "a\x7f\x08b",
    "bidi": "a\u202egnp.exe\u2066b\u200e",
    "closing tag": "a[/b",
    "link": "[@click=app.quit]x[/]",
    "style": "[bold red]loud[/bold red]",
    "lines": "a\r\nb\rc\x0b\x0c\u2028d",
}
FORBIDDEN = frozenset(
    chr(code)
    for code in (
        *range(0x20),
        *range(0x7F, 0xA0),
        0x061C,
        0x200E,
        0x200F,
        0x2028,
        0x2029,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
)

payloads = pytest.mark.parametrize(
    "payload", [PAYLOADS[name] for name in ("clipboard", "closing tag", "link")]
)

OURS = tuple(
    f"app.{action}"
    for action in ("change_setting(", "go(", "turn_page(", "guess", "tour", "show_copy")
)
"""Actions that the app itself offers to the mouse."""


def obeyed(desk: Desk) -> Iterator[str]:
    """What a terminal or the mouse would obey, of all that is drawn."""
    for text, style, _ in segments(desk.app):
        if FORBIDDEN & set(text):
            yield repr(text)
        click = style.meta.get("@click") if style is not None else None
        if click is not None and not click.startswith(OURS):
            yield f"@click={click}"


def everything(desk: Desk) -> str:
    """All that is drawn, row by row."""
    return "\n".join(strip.text for screen in desk.app.screen_stack for strip in strips(screen))


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
async def test_a_widget_that_forgets_lets_nothing_through(desk: Opener, payload: str) -> None:
    async with desk() as it:
        await it.app.mount(Static(Content(f"before {payload} after")))
        await it.until(lambda: "before" in everything(it))
        assert list(obeyed(it)) == []


def hostile(text: str) -> list[Event]:
    """Events with an untrusted text in every place."""
    corpus = msgspec.structs.replace(
        corpus_loaded(),
        name=text,
        source=text,
        note=text,
        opening=text,
        frequent=tuple((character, 5) for character in dict.fromkeys(text)),
    )
    config = msgspec.structs.replace(CONFIG, corpus=text, preset=text)
    run = msgspec.structs.replace(opened(config, text), device=text[:3], precision=text[:3])
    return [
        Busy(text),
        corpus,
        Busy(""),
        run,
        Excerpt(0, text, text),
        SampleStarted(1, 0, text, text, 0),
        TextSampled(1, text, len(text), 1.0),
        Saved(text, 0, text),
    ]


async def test_wherever_it_stands_it_is_text(desk: Opener) -> None:
    async with desk() as it:
        for payload in PAYLOADS.values():
            await it.play(*hostile(payload))
            assert list(obeyed(it)) == []
            shown = safe_text(payload)
            assert everything(it).count(shown[:20]) >= 4  # name, source, run, prompt, …

            await it.play(Failed(payload, "save"))
            await it.sees(f"✖ {shown[:20]}")
            assert list(obeyed(it)) == []
        assert it.app.return_code is None


@payloads
async def test_over_the_screen_it_is_text_too(desk: Opener, payload: str) -> None:
    async with desk(*hostile(payload)) as it:
        await it.press("c")
        await it.until(lambda: isinstance(it.app.screen, NewRunScreen))
        await it.play(Failed(payload, "open"))
        await it.sees(safe_text(payload)[:20])
        assert list(obeyed(it)) == []

        await it.press("escape", "q")
        await it.play(Failed(payload, "save"))
        await it.until(lambda: isinstance(it.app.screen, ConfirmDialog))
        assert list(obeyed(it)) == []
        assert it.app.return_code is None


async def test_a_text_cut_anywhere_is_as_safe(desk: Opener) -> None:
    async with desk() as it:
        sample = 0
        for payload in PAYLOADS.values():
            for cut in range(len(payload) + 1):
                sample += 1
                it.engine.emit(SampleStarted(sample, 0, "", "", 0))
                it.engine.emit(TextSampled(sample, payload[:cut], 1, 1.0))
                it.engine.emit(TextSampled(sample, payload[cut:], 2, 1.0))
            await it.settled()
            assert it.app.state.writing is not None
            assert it.app.state.writing.sample_id == sample
            assert list(obeyed(it)) == []
            first = safe_text(payload, lines=True).partition("\n")[0]
            assert first in everything(it)


async def test_typed_and_pasted_into_the_prompt_it_is_text(desk: Opener) -> None:
    async with desk() as it:
        prompt = it.app.query_one(PromptInput)
        await it.press("p")
        for payload in PAYLOADS.values():
            for character in payload:
                it.app.post_message(events.Key("unknown", character))
            it.app.post_message(events.Paste(payload))
            it.app.post_message(events.Key("z", "z"))
            await it.until(lambda: prompt.value.endswith("z"))

            assert list(obeyed(it)) == []
            if payload.isprintable():
                assert prompt.value == 2 * payload + "z"
            await it.press("enter", "ctrl+u", "up", "down")
            assert list(obeyed(it)) == []


async def test_pasted_into_the_form_it_is_text(desk: Opener) -> None:
    async with desk() as it:
        await it.press("c")
        await it.until(lambda: isinstance(it.app.screen, NewRunScreen))
        for payload in PAYLOADS.values():
            it.app.post_message(events.Paste(payload))
            await it.press("enter")

            assert list(obeyed(it)) == []
        assert it.app.return_code is None


async def test_a_character_that_is_wide_or_none_at_all_moves_nothing(desk: Opener) -> None:
    frequent = (("中", 9), ("e", 8), ("\u0301", 7), ("👍", 6), ("x", 5))
    corpus = msgspec.structs.replace(corpus_loaded(), frequent=frequent, characters=100)
    async with desk(*opening()[:2], corpus, opened()) as it:
        rows = [row[: row.index("%")] for row in it.rows if "%" in row and "█" in row]

        assert len(rows) >= 4
        assert len({cell_len(row) for row in rows}) == 1
