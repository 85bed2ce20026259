"""The last line of a screen: the keys that can be pressed now."""

from msgspec import Struct
from msgspec.structs import replace
from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

KEPT_AT_THE_END = 2
"""Of the keys that do not fit, those before these last ones are left out."""
SHORTER = {"saved runs": "saved", "all panes": "all"}
"""Labels with a shorter form, which is used before a key is left out."""


class Item(Struct, frozen=True):
    """A key with what it does."""

    key: str
    shown: str
    does: str
    acts: bool

    @property
    def width(self) -> int:
        """Cells that it takes."""
        return cell_len(f"{self.shown} {self.does}")

    @property
    def content(self) -> Content:
        """The key and its label; muted while it would do nothing."""
        if not self.acts:
            return Content.styled(f"{self.shown} {self.does}", "$foreground-disabled")
        return Content.assemble((self.shown, "$footer-key-foreground"), f" {self.does}")


class KeysLine(Widget):
    """The keys of the screen, which can be clicked: those of the widget with the focus first.

    It says what each key does now, and where the window is narrow, it shortens some and leaves some
    out.
    """

    DEFAULT_CSS = """
    KeysLine {
      dock: bottom; width: 1fr; height: 1;
      background: $footer-background; color: $footer-foreground;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._places: list[tuple[range, Item]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._update)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _update(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh(layout=False)

    def render(self) -> Content:
        width = self.size.width
        items, palette = self._items()
        if _width(items) > width:
            items = [replace(item, does=SHORTER.get(item.does, item.does)) for item in items]
        while len(items) > KEPT_AT_THE_END and _width(items) > width:
            del items[-KEPT_AT_THE_END - 1]
        self._places.clear()
        text = Content("")
        for item in items:
            text = self._add(text, item) + Content(" ")
        gap = width - text.cell_length - (palette.width if palette else 0)
        if palette is not None and gap > 0:
            text = self._add(text + Content(" " * gap), palette)
        return text.truncate(width)

    def _items(self) -> tuple[list[Item], Item | None]:
        """The keys to show, and the key of the command palette."""
        items, palette = [], None
        for key, (_, binding, enabled, _) in self.screen.active_bindings.items():
            is_palette = key == self.app.COMMAND_PALETTE_BINDING
            if not (binding.show or is_palette):
                continue
            item = Item(key, self.app.get_key_display(binding), binding.description, enabled)
            if binding.show:
                items.append(item)
            else:
                palette = item
        return items, palette

    def _add(self, text: Content, item: Item) -> Content:
        """The text with an item at its end, whose place is remembered."""
        longer = text + item.content
        self._places.append((range(text.cell_length, longer.cell_length), item))
        return longer

    def on_click(self, event: events.Click) -> None:
        """Press the key under the mouse."""
        for place, item in self._places:
            if event.x in place and item.acts:
                self.app.simulate_key(item.key)


def _width(items: list[Item]) -> int:
    """Cells that the items take, with a blank between two."""
    return sum(item.width + 1 for item in items) - 1
