"""The view that reads a passage along with the model."""

from tui.views import ViewPage


class ReadView(ViewPage):
    """A passage, and panels on one character of it."""
