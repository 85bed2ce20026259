"""A terminal that knows ASCII only gets nothing else, in the same cells."""

import pytest
from looking import Opener
from recording import trained, untrained, written
from rich.cells import cell_len

from tui.ascii_filter import in_ascii
from tui.drawing.series import COMPARED
from tui.encoding import ascii_only


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "de_DE.utf8"}, False),
        ({"LANG": "de_DE"}, False),
        ({"LANG": "C"}, True),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ({"LC_ALL": "", "LC_CTYPE": "POSIX"}, True),
        ({"LC_CTYPE": "en_US.UTF-8", "LANG": "C"}, False),
        ({"LANG": "de_DE.ISO-8859-15@euro"}, True),
    ],
)
def test_the_locale_tells(environment: dict[str, str], expected: bool) -> None:
    assert ascii_only(environment) == expected


@pytest.mark.parametrize(
    ("character", "signs"),
    [("a", "a"), ("é", "e"), ("中", "??"), ("\u0301", ""), ("⣿", ":"), ("⠁", "."), ("Ａ", "A ")],
)
def test_a_sign_takes_as_many_cells(character: str, signs: str) -> None:
    assert in_ascii(character) == signs
    assert len(signs) == cell_len(character)


def test_the_marks_of_the_chart_stay_apart_in_ascii() -> None:
    marks = {in_ascii(mark) for mark in ("◆", "▲", *(mark for mark, _ in COMPARED))}
    assert len(marks) == 2 + len(COMPARED)
    assert "?" not in marks


async def test_no_key_is_shown_as_another_in_ascii(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An arrow would become the sign that changes the learning rate, Enter a question mark."""
    monkeypatch.setenv("LC_ALL", "C")
    async with desk(*untrained(), *trained(500)) as it:
        await it.press("left")
        await it.sees("left right move . Home End . Esc leaves")
        await it.press("2")
        await it.sees("enter write on", "? help")
        await it.press("3")
        await it.sees("left earlier", "right later")
        await it.press("question_mark")
        await it.sees("left  right  read the chart")


async def test_the_screen_is_drawn_in_ascii(desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    async with desk() as it:
        await it.play(*written("Ärger 世界 \u0301", prompt="ROMEO:"))
        await it.sees("+- loss, in nats per character --", "* untrained", "Arger ????")
        assert "\n".join(it.rows).isascii()
        assert {cell_len(row) for row in it.rows} == {120}
