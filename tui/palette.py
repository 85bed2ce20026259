"""The command palette: names and descriptions of its commands."""

from collections.abc import Iterable, Iterator

from textual.app import SystemCommand
from textual.binding import Binding

KEYS_ONLY = ("tab", "escape", "ctrl+z", "ctrl+o")
"""Keys that make no sense as a command, or have the one of another key."""
TEXTUAL_SENTENCES = {
    "Theme": ("Choose a theme…", "Other colours"),
    "Keys": ("Show the keys at the side", "Those of the pane that has the focus, too"),
}
"""Textual's own commands: what they are called here, and a line of explanation."""


def sentence(binding: Binding) -> str:
    """What the palette calls the action of a key; empty: it does not offer it."""
    return "" if binding.key in KEYS_ONLY else binding.tooltip or binding.description


def reworded(commands: Iterable[SystemCommand]) -> Iterator[SystemCommand]:
    """Textual's commands under this app's names, without those that the app replaces."""
    for command in commands:
        if command.title in TEXTUAL_SENTENCES:
            title, help_ = TEXTUAL_SENTENCES[command.title]
            yield command._replace(title=title, help=help_)
