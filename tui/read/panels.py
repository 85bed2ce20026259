"""The panes on the selected character that share the lower part of the view."""

from tui.read.alphabet import AlphabetPane
from tui.read.attention import AttentionPane
from tui.read.layers import LayersPane
from tui.read.learned import LearnedPane
from tui.read.loss_parts import LossPartsPane
from tui.read.pane import ReadPane

PANELS: tuple[type[ReadPane], ...] = (
    LayersPane,
    AttentionPane,
    LearnedPane,
    LossPartsPane,
    AlphabetPane,
)
"""In the order of the key that shows the next ones. Each is made without arguments."""
