"""A partial update paints what Textual's own compositor would, and renders no more than that."""

import pytest
from textual._compositor import ChopsUpdate, Compositor
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from tui.sparing_compositor import SparingCompositor

CORNERS = [Region(2, 1, 5, 1), Region(22, 8, 16, 2)]
DIRTY = {
    "opposite corners": CORNERS,
    "all of it": [Region(0, 0, 40, 10)],
    "under what lies in front": [Region(10, 3, 20, 2)],
    "in one line": [Region(1, 6, 10, 1), Region(25, 6, 10, 1)],
}


class Quarters(App[None]):
    """Four bordered texts, and a fifth in front of their middle."""

    CSS = """
    Screen { layers: below above; }
    Static { width: 1fr; height: 1fr; border: round red; layer: below; }
    #front { width: 12; height: 4; offset: 14 3; layer: above; }
    """

    def compose(self) -> ComposeResult:
        with Vertical():
            for row in range(2):
                with Horizontal():
                    yield Static("\n".join("abcdefghijklmnop" for _ in range(4)), id=f"left-{row}")
                    yield Static("\n".join("qrstuvwxyz012345" for _ in range(4)), id=f"right-{row}")
        yield Static("in front", id="front")


def segments(compositor: Compositor, app: App[None], regions: list[Region]) -> str:
    """What an update of these regions writes to the terminal."""
    compositor._dirty_regions = set(regions)
    update = compositor.render_partial_update()
    assert isinstance(update, ChopsUpdate)
    return update.render_segments(app.console)


@pytest.mark.parametrize("what", DIRTY)
async def test_it_paints_what_the_compositor_of_textual_paints(what: str) -> None:
    app = Quarters()
    async with app.run_test(size=(40, 10)):
        own = app.screen._compositor
        sparing = SparingCompositor()
        sparing.reflow(app.screen, app.screen.size)
        assert segments(sparing, app, DIRTY[what]) == segments(own, app, DIRTY[what])


async def test_only_what_is_in_front_of_a_change_is_rendered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = Quarters()
    async with app.run_test(size=(40, 10)):
        rendered: dict[str | None, Region] = {}
        whole = Widget.render_lines

        def noted(widget: Widget, crop: Region) -> list[Strip]:
            rendered[widget.id] = crop
            return whole(widget, crop)

        sparing = SparingCompositor()
        sparing.reflow(app.screen, app.screen.size)
        monkeypatch.setattr(Widget, "render_lines", noted)
        segments(sparing, app, CORNERS)
        assert rendered == {"left-0": Region(0, 1, 20, 1), "right-1": Region(0, 3, 20, 2)}
