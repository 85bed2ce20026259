"""The panes on the selected character that share the lower part of the view."""

from tui.read.attention import AttentionPane
from tui.read.layers import LayersPane
from tui.read.pane import ReadPane

PANELS: tuple[type[ReadPane], ...] = (LayersPane, AttentionPane)
"""In the order of the key that shows the next ones. Each is made without arguments."""
