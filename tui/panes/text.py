"""The text that the model is trained on."""

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from tui.drawing.words import bar, character, count, counted
from tui.panes.pane import Pane
from tui.state import RunState

LOW = 7
"""With fewer lines than this, only the numbers are shown."""
BAR_WIDTH = 24
"""Cells of a character's bar with its label, at least."""


class TextPane(Pane):
    """Size, train/validation split and most frequent characters of the text."""

    BORDER_TITLE = "text"
    INTERVAL = 2.0

    def __init__(self, why: str = "") -> None:
        """`why`: why this text, where the user has not named one."""
        super().__init__()
        self.why = why

    def part(self, state: RunState) -> object:
        return (state.corpus, state.busy.what, f"{state.epochs:.2f}", state.evaluated)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        corpus = state.corpus
        if corpus is None:
            return [Content.styled(f"{state.busy.what or 'no text yet'} …", "$foreground-muted")]
        names = [
            Content.styled(corpus.name, "bold"),
            Content.styled(_end_of(corpus.source, width), "$foreground-muted"),
        ]
        if self.why:
            names.append(Content.styled(self.why, "$foreground-muted"))
        evaluated = state.evaluated.characters if state.evaluated else 0
        sampled = 0 < evaluated < corpus.validation_characters - 1
        sizes = [
            Content(f"{counted(corpus.characters, 'character')}, {counted(corpus.lines, 'line')}"),
            Content(counted(corpus.vocabulary, "different character")),
            *([Content(f"trained on: {corpus.trained_on}")] if corpus.trained_on else []),
            Content(
                f"train {count(corpus.train_characters)}, "
                f"held out {count(corpus.validation_characters)}"
                + (f" (evaluated: {count(evaluated)})" if sampled else "")
            ),
            Content(f"seen {state.epochs:.2f} times"),
        ]
        low = height < LOW
        if low:  # the name is in the header too, and sizes share a line
            names = []
            sizes = [Content(", ").join(sizes[:2]), Content(", ").join(sizes[2:])]
        if corpus.note:
            sizes.append(Content.styled(corpus.note, "$warning"))
        lines = [part for whole in names + sizes for part in whole.wrap(width)[:2]]
        if not low:
            lines.append(Content(""))
        columns, rows = max(1, width // BAR_WIDTH), height - len(lines)
        bars = _bars(corpus.frequent, corpus.characters, width // columns)
        lines += [Content("").join(bars[row::rows][:columns]) for row in range(rows)]
        return lines


def _end_of(text: str, width: int) -> str:
    """The end of a text, which in a long path says more than its beginning."""
    return text if cell_len(text) <= width else "…" + set_cell_size(text[::-1], width - 1)[::-1]


def _bars(frequent: tuple[tuple[str, int], ...], characters: int, width: int) -> list[Content]:
    """For each character a line of `width` cells: the character, its bar, its frequency."""
    most = frequent[0][1]
    longest = width - 11
    return [
        Content.assemble(
            set_cell_size(character(text), 2),  # some characters take two cells, some none
            (bar(number / most, longest).ljust(longest), "$secondary"),
            f"{number / characters:7.1%}  ",
        )
        for text, number in frequent
    ]
