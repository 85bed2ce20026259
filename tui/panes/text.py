"""The text that the model is trained on."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from engine.protocol import CorpusLoaded, Tokens
from tui.drawing.words import bar, count, counted
from tui.panes.pane import Pane
from tui.panes.token_pieces import coloured, described, piece
from tui.state import RunState
from tui.tokens import tokens_of

LOW = 7
"""With fewer lines than this, only the numbers are shown."""
LEAST_BARS = 3
"""Lines of bars that a long note on the text leaves."""
BAR_WIDTH = 24
"""Cells of a token's bar with its label, at least."""
LONGEST_NAME = 9
"""Cells of that label, at most."""


class TextPane(Pane):
    """Size, train/validation split and most frequent tokens of the text."""

    BORDER_TITLE = "text"
    INTERVAL = 2.0

    def __init__(self, why: str = "") -> None:
        """`why`: why this text, where the user has not named one."""
        super().__init__()
        self.why = why

    def part(self, state: RunState) -> object:
        return (state.corpus, state.opened, state.busy.what, f"{state.epochs:.2f}", state.evaluated)

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
        tokens = tokens_of(state)
        evaluated = state.evaluated.characters if state.evaluated else 0
        sampled = 0 < evaluated * tokens.characters_each < 0.99 * corpus.validation_characters
        unit = "" if tokens.kind == "characters" else " tokens"
        sizes = [
            Content(f"{counted(corpus.characters, 'character')}, {counted(corpus.lines, 'line')}"),
            Content(", ".join(_contents(corpus))),
            *([Content(f"trained on: {corpus.trained_on}")] if corpus.trained_on else []),
            Content(
                f"train {count(corpus.train_characters)}, "
                f"held out {count(corpus.validation_characters)}"
                + (f" (evaluated: {count(evaluated)}{unit})" if sampled else "")
            ),
            Content(f"seen {state.epochs:.2f} times"),
            *described(tokens),
        ]
        low = height < LOW
        if low:  # the name is in the header too, and sizes share a line
            names = []
            sizes = [Content(", ").join(sizes[:2]), Content(", ").join(sizes[2:4]), *sizes[4:]]
        lines = [part for whole in names + sizes for part in whole.wrap(width)[:2]]
        if corpus.note:  # what it is about is worth more lines than the bars
            note = Content.styled(corpus.note, "$warning").wrap(width)
            lines += note[: max(2, height - len(lines) - 1 - LEAST_BARS)]
        if not low:
            lines.append(Content(""))
        columns, rows = max(1, width // BAR_WIDTH), height - len(lines)
        if unit and rows > 1:
            beginning = coloured(tokens.beginning, width, rows // 2)
            lines, rows = lines + beginning, rows - len(beginning)
        bars = _bars(_frequent(corpus, tokens), width // columns)
        lines += [Content("").join(bars[row::rows][:columns]) for row in range(rows)]
        return lines


def _contents(corpus: CorpusLoaded) -> Iterator[str]:
    """What it is made of: "64 different characters, 12 files, 2 of them held out"."""
    yield counted(corpus.vocabulary, "different character")
    if corpus.documents > 1:
        yield counted(corpus.documents, "file")
    if corpus.held_out_documents:
        yield f"{count(corpus.held_out_documents)} of them held out"


def _end_of(text: str, width: int) -> str:
    """The end of a text, which in a long path says more than its beginning."""
    return text if cell_len(text) <= width else "…" + set_cell_size(text[::-1], width - 1)[::-1]


def _frequent(corpus: CorpusLoaded, tokens: Tokens) -> list[tuple[str, float]]:
    """The most frequent tokens with their share."""
    if tokens.kind == "characters":
        return [(text, number / corpus.characters) for text, number in corpus.frequent]
    return [*tokens.frequent]


def _bars(frequent: Sequence[tuple[str, float]], width: int) -> list[Content]:
    """For each token a line of `width` cells: the token, its bar, its frequency."""
    if not frequent:
        return []
    most = frequent[0][1]
    names = [piece(text) for text, _ in frequent]
    # Some characters take two cells, some none.
    room = min(LONGEST_NAME, max(2, *(cell_len(name) + 1 for name in names)))
    longest = max(0, width - 9 - room)
    return [
        Content.assemble(
            set_cell_size(name, room),
            (bar(share / most, longest).ljust(longest), "$secondary"),
            f"{share:7.1%}  ",
        )
        for name, (_, share) in zip(names, frequent, strict=True)
    ]
