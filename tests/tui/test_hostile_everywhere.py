"""Untrusted text in every widget, event and piece of a stream: found by looking, not by name.

A widget or an event that is new tomorrow is covered by these tests as it is.
"""

import types
import unicodedata
from collections.abc import AsyncIterator, Iterator
from functools import cache
from inspect import getmembers
from itertools import groupby, product
from random import Random
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from looking import Desk, Opener, engine_of, recorded_app, segments, strips
from recording import CONFIG, corpus_loaded, opened, untrained
from rich.cells import cell_len
from test_hostile import OURS
from textual import events
from textual.app import App
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option
from wcwidth import wcwidth

from data.safe_text import safe_text
from engine import protocol
from engine.protocol import (
    Closed,
    CorpusLoaded,
    Event,
    Excerpt,
    Failed,
    RunSummary,
    SampleStarted,
    TextSampled,
)
from engine.settings import Section
from tui.app import TinyGPTApp
from tui.line_filter import OBEYED

pytestmark = pytest.mark.thorough

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of characters that a terminal obeys, or that are not seen."""
MOST_MARKS = 8
"""Characters without a width of their own, in a row."""
SIZES = [(120, 40), (80, 24)]

SEQUENCES = (
    "\x1b]52;c;aGFja2Vk\x07\x1b]0;pwned\x07\x1b]8;;http://pwned.example\x1b\\x\x1b]8;;\x1b\\"
    "\x1b[2J\x1b[31m\x1bPpwned\x1b\\\x9d52;c;aGFja2Vk\x9c\x9b31m\x90pwned\x9c\x1bc"
)
MARKUP = "[@click=app.quit]q[/] [/ [b]loud[/b] [link=http://pwned.example]l[/link] $error "
CONTROLS = "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0))))
UNSEEN = (
    "\u061c\u200e\u200f\u202a\u202e\u2066\u2069\u00ad\u180e\u200b\u200d\u2060\ufeff\u2028\u2029"
)
HALVES = "\ud800\udfff\udcff"
FLOODS = [
    base + 200 * mark
    for base, mark in (
        ("a", "\u0301"),
        ("ก", "\u0e47"),
        ("ก", "\u0e48\u0e4e"),
        ("ب", "\u064b\u0652"),
        ("a", "\u20dd"),
        ("❤", "\ufe0f"),
        ("世", "\u3099"),
        ("क", "\u093e"),
        ("ᄀ", "\u1161"),
    )
]
WIDE = (
    "世界こんにちは한국어ｶﾅ",
    "🦉👍🏽👨‍👩‍👧🏳️‍🌈❤️1️⃣🇩🇪🇯🇵🇩",
    "e\u0301a\u0308\u0323ñ กำ้ بًّ क्षि 각 á",
)
HOSTILE = MARKUP + SEQUENCES + CONTROLS + UNSEEN + HALVES + FLOODS[0] + "".join(WIDE)


# What is looked at.


def wrong(desk: Desk) -> Iterator[str]:
    """What is wrong in what is drawn, on every screen and in every widget."""
    for text, style, _ in segments(desk.app):
        yield from (f"shows {character!r}" for character in sorted(set(text)) if hidden(character))
        if marks(text) > MOST_MARKS:
            yield f"{marks(text)} marks in a row"
        click = style.meta.get("@click", "") if style is not None else ""
        if click and not click.startswith(OURS):
            yield f"@click={click}"
        if style is not None and style.link:
            yield f"a link to {style.link}"
    for screen in desk.app.screen_stack:
        for row, strip in enumerate(strips(screen)):
            if marks(strip.text) > MOST_MARKS:
                yield f"{marks(strip.text)} marks in a row in row {row}"
            if cell_len(strip.text) != desk.app.size.width:
                yield f"row {row} is {cell_len(strip.text)} wide: {strip.text!r}"


@cache
def hidden(character: str) -> bool:
    """Whether a terminal would obey it, or show nothing."""
    return unicodedata.category(character) in HIDDEN


def marks(text: str) -> int:
    """How many characters that have no width follow one another, at most."""
    if text.isascii():
        return 0
    runs = groupby(text, lambda character: cell_len(character) == 0)
    return max((len(list(run)) for without, run in runs if without), default=0)


def assert_nothing_wrong(desk: Desk, what: object = "") -> None:
    """All is text, in its place. Of many faults a few are reported."""
    found = list(dict.fromkeys(wrong(desk)))
    assert found[:8] == [], what


# Widgets.


def fill(widget: Widget, text: str) -> None:
    """Put text into everything of a widget that is there to hold text.

    What takes markup gets it as content, which is how it is to be given there.
    """
    content = Content(text)
    widget.border_title = content
    widget.border_subtitle = content
    widget.tooltip = content
    match widget:
        case Static():
            widget.update(content)
        case Button():
            widget.label = content
        case OptionList():
            widget.add_option(Option(content))
        case _:
            pass
    for name in words_of(widget):
        setattr(widget, name, text)
    widget.refresh(layout=True)


def words_of(widget: Widget) -> list[str]:
    """The public attributes of a widget that are strings now: its own, its class's, and those that
    it reacts to; but for what is one of a few words, and a picture."""
    kind = type(widget)
    fixed = {"variant", "icon", "x_unit"} | {
        name for name, value in getmembers(kind) if isinstance(value, property)
    }
    names = {*vars(widget), *vars(kind), *kind._reactives} - fixed
    return [
        name
        for name in sorted(names)
        if name.islower() and not name.startswith("_") and type(getattr(widget, name, None)) is str
    ]


def keys_of(kind: type[App[None]] | type[Screen[Any]]) -> list[str]:
    """The keys that an app or a screen binds itself, but for those that end it."""
    bindings = [binding for binding in kind.BINDINGS if isinstance(binding, Binding)]
    ends = ("quit", "dismiss", "suspend_process", "answer(True)")
    return [b.key.partition(",")[0] for b in bindings if not b.action.startswith(ends)]


async def everywhere(desk: Desk) -> AsyncIterator[str]:
    """Each screen that a key opens, and each that a key opens there."""
    yield "the main screen"
    for key in [*keys_of(TinyGPTApp), "ctrl+p"]:
        if not await opens(desk, key):
            continue
        yield key
        for inner in keys_of(type(desk.app.screen)):
            if await opens(desk, inner):
                yield f"{key} {inner}"
                await leave(desk, 1)  # what the test wrote into the screen may be a filter
            if len(desk.app.screen_stack) == 1:
                assert await opens(desk, key)
        await leave(desk, 1)
    await desk.press("escape", "escape", "q")  # out of the tour, which has a line to type in
    await desk.play(Failed("no room", "save"))
    await desk.until(lambda: len(desk.app.screen_stack) > 1)
    yield "q"


async def opens(desk: Desk, key: str) -> bool:
    """Press a key: whether it has opened a screen."""
    before = len(desk.app.screen_stack)
    await desk.press(key)
    await desk.pilot.pause()
    return len(desk.app.screen_stack) > before


async def leave(desk: Desk, depth: int) -> None:
    """Close screens until `depth` are left."""
    while len(desk.app.screen_stack) > depth:
        await desk.press("escape")
        await desk.pilot.pause()


def untrusted_runs() -> list[RunSummary]:
    """Saved runs with hostile text in every string."""
    return [filled(RunSummary, name, number=1) for name in (HOSTILE, *WIDE, *FLOODS)]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_in_every_widget_it_is_text(desk: Opener, size: tuple[int, int]) -> None:
    seen: set[type[Widget]] = set()
    visited: set[str] = set()
    async with desk(size=size) as it:
        it.engine.runs = untrusted_runs()
        async for where in everywhere(it):
            assert_nothing_wrong(it, where)
            widgets = [w for screen in it.app.screen_stack for w in screen.query("*")]
            for widget in widgets:
                fill(widget, HOSTILE)
            await it.pilot.pause()
            assert_nothing_wrong(it, where)
            seen |= set(map(type, widgets))
            visited.add(where)
        assert it.app.return_code is None
    assert {"question_mark", "c", "o", "o d", "o r", "o e", "ctrl+p", "q"} <= visited
    assert {Static, Button, Input, OptionList} <= {base for kind in seen for base in kind.mro()}


# Events.


def filled(kind: Any, text: str, number: int = 3) -> Any:
    """A value of this type with the text in every string of it; the first of its choices."""
    return next(all_filled(kind, text, number))


def all_filled(kind: Any, text: str, number: int = 3) -> Iterator[Any]:
    """A value for each choice that the type leaves."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from all_filled(parts[0], text, number)
    elif origin is Literal:
        yield from parts
    elif origin in (Union, types.UnionType):
        for part in parts:
            yield from all_filled(part, text, number)
    elif origin is tuple:
        each = [part for part in parts if part is not Ellipsis]
        yield tuple(filled(part, text, number) for part in each)
    elif kind in (str, type(None)):
        yield text if kind is str else None
    elif kind in (int, float, bool):
        yield kind(number)
    elif issubclass(kind, Section):
        yield kind()
    else:
        hints = get_type_hints(kind, include_extras=True)
        fields = {name: hints[name] for name in kind.__struct_fields__}
        for values in product(*(list(all_filled(hint, text, number)) for hint in fields.values())):
            yield kind(**dict(zip(fields, values, strict=True)))


def _order(kind: type) -> int:
    """The text comes before the run that reads it, and failures at the end: a refusal ends an app
    that has nothing open."""
    return -1 if kind is CorpusLoaded else int(kind in (Failed, Closed))


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_in_every_event_it_is_text(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(size=size) as it:
        for kind in sorted(get_args(Event), key=_order):
            for event in all_filled(kind, HOSTILE):
                await it.play(event)
                assert_nothing_wrong(it, kind.__name__)
            await it.press("v", "escape")  # in a small window the next view; a question is left
        assert it.app.return_code is None


async def test_every_part_of_the_protocol_was_filled() -> None:
    """The text is in each event that has a string at all, so the test above has seen it."""
    for kind in get_args(Event):
        if any(hint is str for hint in get_type_hints(kind, include_extras=True).values()):
            assert "aGFja2Vk" in repr(filled(kind, HOSTILE))


# A stream.


@pytest.mark.parametrize("errors", ["surrogateescape", "replace"])
async def test_random_bytes_are_text_wherever_they_are_cut(desk: Opener, errors: str) -> None:
    dice = Random(20)
    whole = (SEQUENCES.encode()[:20] + dice.randbytes(30)).decode(errors=errors)
    async with desk() as it:
        for cut in range(len(whole) + 1):
            await it.play(
                SampleStarted(cut, 0, "", "", 0),
                TextSampled(cut, whole[:cut], 1, 1.0),
                TextSampled(cut, whole[cut:], 2, 1.0),
            )
            writing = it.app.state.writing
            assert writing is not None
            assert not any(map(hidden, writing.text.replace("\n", "")))
        assert_nothing_wrong(it)


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: f"U+{ord(flood[1]):04X}")
async def test_a_flood_of_marks_ends_soon(desk: Opener, flood: str) -> None:
    """In one piece, character by character, and in the prompt."""
    async with desk() as it:
        await it.play(SampleStarted(1, 0, flood, flood, 0), TextSampled(1, flood, 1, 1.0))
        assert_nothing_wrong(it)
        one_by_one = [TextSampled(2, character, 1, 1.0) for character in flood]
        await it.play(SampleStarted(2, 0, "", "", 0), *one_by_one)
        assert_nothing_wrong(it)
        await it.play(Excerpt(1, flood, flood), Failed(flood, "sample"))
        await it.press("p")
        it.app.post_message(events.Paste(flood))
        await it.press("end")
        assert_nothing_wrong(it)


# Columns.


BORDERS = "│╭╮╰╯"


def borders(desk: Desk) -> set[tuple[int, int, str]]:
    """The borders that are drawn: row, column, character."""
    return {
        (row, cell_len(strip.text[:place]), character)
        for row, strip in enumerate(strips(desk.app.screen))
        for place, character in enumerate(strip.text)
        if character in BORDERS
    }


@pytest.mark.parametrize("text", [*WIDE, *FLOODS, HOSTILE], ids=range(len(WIDE) + len(FLOODS) + 1))
async def test_no_border_moves(desk: Opener, text: str) -> None:
    async with desk() as it:
        before = borders(it)
        assert len(before) > 100
        await it.play(*a_run_of(text))
        assert_nothing_wrong(it)
        assert before <= borders(it)


def a_run_of(text: str) -> list[Event]:
    """A run where every word is this text."""
    corpus = msgspec.structs.replace(
        corpus_loaded(),
        name=text,
        source=text,
        note=text,
        frequent=tuple((character, 5) for character in dict.fromkeys(text)),
    )
    config = msgspec.structs.replace(CONFIG, corpus=text, preset=text)
    return [
        corpus,
        opened(config, text),
        Excerpt(0, text, text),
        SampleStarted(1, 0, text, text, 0),
        TextSampled(1, 9 * text, 1, 1.0),
    ]


async def test_characters_are_as_wide_as_they_are_alone(desk: Opener) -> None:
    """Many a terminal counts cells character by character, whatever its neighbours are: a skin tone
    has two, and what asks for an emoji changes nothing."""
    text = "👍🏽👩‍🦰 ❤️ 1️⃣ a\ufe0f 🏽x 世界 e\u0301 한국 "
    async with desk() as it:
        await it.play(*a_run_of(text))
        for row in it.rows:
            assert sum(max(0, wcwidth(character)) for character in row) == it.app.size.width, row


# What is shown outside the widgets.


async def test_a_notice_is_text() -> None:
    app = recorded_app()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        desk = Desk(app, pilot)
        app.notify(HOSTILE, title=HOSTILE, markup=False)
        await desk.until(lambda: app.screen.query("Toast"))
        await pilot.pause()
        assert_nothing_wrong(desk)


async def test_what_is_said_of_a_crash_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback that carries untrusted text is printed once the screen is gone."""
    app = recorded_app()

    def fail(words: str) -> None:
        raise ValueError(words)

    with pytest.raises(ValueError, match="aGFja2Vk"):
        async with app.run_test():
            app.call_later(fail, HOSTILE.replace(HALVES, ""))
    printed = capsys.readouterr().err
    assert "aGFja2Vk" in printed
    assert [ascii(character) for character in set(printed) - {"\n"} if hidden(character)] == []
    assert marks(printed) <= MOST_MARKS


async def test_what_is_said_at_the_end_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    app = recorded_app()
    async with app.run_test() as pilot:
        desk = Desk(app, pilot)
        await desk.until(lambda: desk.engine.started == 1)
        await desk.play(*untrained(), *all_filled(protocol.Saved, HOSTILE))
        await desk.press("q")
        engine_of(app).play([protocol.Closed()])
        await desk.until(lambda: not app.is_running)
    printed = capsys.readouterr().err
    assert "aGFja2Vk" in printed
    assert [ascii(character) for character in set(printed) - {"\n"} if hidden(character)] == []
    assert marks(printed) <= MOST_MARKS


# The two nets themselves.


def test_both_nets_know_every_character_that_is_not_seen() -> None:
    """What `safe_text` shows as a picture and what the filter drops are the same characters."""
    for character in filter(hidden, map(chr, range(0x110000))):
        assert not hidden(safe_text(character)), ascii(character)
        assert ord(character) in OBEYED or character == "\t", ascii(character)
