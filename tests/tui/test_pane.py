"""A pane paints the rows that have changed, and no others."""

import pytest
from msgspec.structs import replace
from textual.app import App, ComposeResult
from textual.content import Content
from textual.strip import Strip
from textual.visual import Visual

from tui.panes.pane import Pane
from tui.state import RunState

HEIGHT = 6


class Rows(Pane):
    """A row of digits for each number; the step stands in the third."""

    INTERVAL = 0.0
    DEFAULT_CSS = f"Rows {{ height: {HEIGHT}; }}"

    def part(self, state: RunState) -> object:
        return state.step

    def titles(self, state: RunState) -> tuple[Content, Content]:
        return Content(f"at {state.step}"), Content(f"{state.steps} steps")

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        texts = [str(number) * 8 for number in range(height)]
        texts[2] = f"step {state.step}"
        return [Content(text) for text in texts]


class Screenful(App[None]):
    def compose(self) -> ComposeResult:
        yield Rows()


def shown(app: App[None]) -> list[str]:
    """The lines on the screen, without the blanks at their ends."""
    strips = app.screen._compositor.render_strips()
    return [strip.text.rstrip() for strip in strips[:HEIGHT]]


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that are rendered from now on."""
    rows: list[int] = []
    whole = Rows._strip

    def counted(pane: Rows, y: int) -> Strip:
        rows.append(y)
        return whole(pane, y)

    monkeypatch.setattr(Rows, "_strip", counted)
    return rows


async def test_only_the_row_that_has_changed_is_rendered(rendered: list[int]) -> None:
    app = Screenful()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        pane = app.query_one(Rows)
        assert shown(app)[1:4] == ["11111111", "step 0", "33333333"]
        rendered.clear()
        pane.state = replace(pane.state, step=7)
        await pilot.pause()
        assert shown(app)[1:4] == ["11111111", "step 7", "33333333"]
        assert rendered == [2]


async def test_a_row_is_rendered_as_textual_renders_it() -> None:
    """Colours, a style by the name of a variable, wide characters, a link, the place of each."""
    row = Content.assemble(
        ("held-out", "$accent"),
        " 1.2345 ",
        ("漢字 é", "bold red on blue"),
        Content.from_markup("[@click=app.quit]quit[/]"),
        ("→", "$foreground 50%"),
    )
    app = Screenful()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        pane = app.query_one(Rows)
        assert pane._rows is not None
        pane._rows = [Content("0"), row]

        (theirs,) = Visual.to_strips(pane, row, 40, 1, pane.visual_style)

        ours = pane._strip(1)
        assert list(ours) == list(theirs.apply_offsets(0, 1))
        assert ours.cell_length == theirs.cell_length


async def test_text_over_several_rows_can_be_selected() -> None:
    """With the mouse, after one of the rows was painted alone."""
    app = Screenful()
    async with app.run_test(size=(40, 10)) as pilot:
        pane = app.query_one(Rows)
        pane.state = replace(pane.state, step=7)
        await pilot.pause()
        await pilot.mouse_down(offset=(4, 1))
        await pilot.hover(offset=(3, 3))
        await pilot.mouse_up(offset=(3, 3))
        assert app.screen.get_selected_text() == "1111\nstep 7\n3333"
        assert shown(app)[1:4] == ["11111111", "step 7", "33333333"]
        pane.state = replace(pane.state, step=8)
        await pilot.pause()
        assert shown(app)[1:4] == ["11111111", "step 8", "33333333"]


async def test_another_size_and_another_theme_draw_all_rows_again() -> None:
    app = Screenful()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        pane = app.query_one(Rows)
        background = colours(app)
        app.theme = "textual-light"
        await pilot.pause()
        assert colours(app) != background
        pane.styles.height = 3
        await pilot.pause()
        assert shown(app) == ["00000000", "11111111", "step 0", "", "", ""]


def colours(app: App[None]) -> set[object]:
    """Those of the pane's background."""
    strip = app.screen._compositor.render_strips()[0]
    return {segment.style.bgcolor for segment in strip if segment.style}


async def test_a_title_that_changes_repaints_the_border_alone(rendered: list[int]) -> None:
    app = Screenful()
    async with app.run_test(size=(40, 10)) as pilot:
        pane = app.query_one(Rows)
        pane.styles.border = ("round", "red")
        pane.styles.height = HEIGHT + 2
        await pilot.pause()
        rendered.clear()
        pane.state = replace(pane.state, step=7, steps=9)
        await pilot.pause()
        lines = [strip.text for strip in app.screen._compositor.render_strips()]
        assert "at 7" in lines[0]
        assert "9 steps" in lines[HEIGHT + 1]
        assert "step 7" in lines[3]
        assert rendered == [2]
