"""A Textual app with nothing in it, to compare the first paint with."""

from textual.app import App, ComposeResult
from textual.widgets import Static


class Bare(App[None]):
    """Says its name, and ends at q."""

    BINDINGS = [("q", "quit", "quit")]

    def compose(self) -> ComposeResult:
        yield Static("tinygpt")


Bare().run()
