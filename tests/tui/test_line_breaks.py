"""Line breaks and backslashes in a prompt of one line."""

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from looking import Opener
from textual import events

from engine.protocol import Sample
from tui.cli.main import main
from tui.line_breaks import on_one_line, with_line_breaks

TYPED = pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (r"A:\nB", "A:\nB"),
        (r"A:\\nB", r"A:\nB"),
        (r"A:\\\nB", "A:\\\nB"),
        (r"C:\\temp\x \\", r"C:\\temp\x \\"),
    ],
)


@TYPED
async def test_in_the_app_a_prompt_means_what_was_typed(
    desk: Opener, typed: str, meant: str
) -> None:
    async with desk() as it:
        await it.press("p")
        await it.type(typed)
        await it.press("enter")

        assert [sample.prompt for sample in it.engine.sent(Sample)] == [meant]


@TYPED
def test_on_the_command_line_a_prompt_means_the_same(
    monkeypatch: pytest.MonkeyPatch, typed: str, meant: str
) -> None:
    prompts: list[str] = []

    def sample(_run: str, prompt: str, *_: object, **__: object) -> int:
        prompts.append(prompt)
        return 0

    monkeypatch.setattr("tui.cli.sample.sample", sample)
    CliRunner().invoke(main, ["sample", "amber-otter", "--prompt", typed])

    assert prompts == [meant]


async def test_what_is_pasted_is_the_prompt(desk: Opener) -> None:
    pasted = "a \\n is no line end,\nthis is one"
    async with desk() as it:
        await it.press("p")
        it.app.post_message(events.Paste(pasted))
        await it.press("enter")

        assert [sample.prompt for sample in it.engine.sent(Sample)] == [pasted]


@given(st.text("\\n\nx"))
def test_any_text_can_be_typed(text: str) -> None:
    typed = on_one_line(text)
    assert "\n" not in typed
    assert with_line_breaks(typed) == text
