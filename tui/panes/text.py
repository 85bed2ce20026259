"""The dataset: what the model learns from."""

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from tui.drawing.words import bar, character, count
from tui.panes.pane import Pane
from tui.state import RunState


class TextPane(Pane):
    """Size, split and most frequent characters of the text."""

    BORDER_TITLE = "text"
    INTERVAL = 0.5

    why = ""
    """Why this text, when the person has not named one."""

    def part(self, state: RunState) -> object:
        return (state.corpus, state.working.what, f"{state.epochs:.2f}")

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        corpus = state.corpus
        if corpus is None:
            return [Content.styled(f"{state.working.what or 'no text yet'} …", "$foreground-muted")]
        lines = [
            Content.styled(corpus.name, "bold"),
            Content.styled(_end_of(corpus.source, width), "$foreground-muted"),
            Content(f"{count(corpus.characters)} characters, {count(corpus.lines)} lines"),
            Content(f"{count(corpus.vocabulary)} different characters"),
            Content(f"train {count(corpus.train_characters)}"),
            Content(f"held out {count(corpus.validation_characters)}"),
            Content(f"seen {state.epochs:.2f} times"),
        ]
        if width >= 60:  # low and wide: sizes share a line
            lines[2:7] = [
                lines[2] + Content(", ") + lines[3],
                Content(", ").join(lines[4:7]),
            ]
        if self.why:
            lines.insert(2, Content.styled(self.why, "$foreground-muted"))
        if corpus.note:
            lines.append(Content.styled(corpus.note, "$warning"))
        lines = [part for whole in lines for part in whole.wrap(width)[:2]]
        lines = lines[max(0, len(lines) - height) :]  # the name stands in the header, too
        room = height - len(lines) - 1
        if room >= 1:
            lines.append(Content(""))
            lines += _bars(corpus.frequent[:room], corpus.characters, width)
        return lines


def _end_of(text: str, width: int) -> str:
    """The end of a long path tells more than its beginning."""
    return text if cell_len(text) <= width else "…" + set_cell_size(text[::-1], width - 1)[::-1]


def _bars(frequent: tuple[tuple[str, int], ...], characters: int, width: int) -> list[Content]:
    most = frequent[0][1]
    longest = width - 9
    return [
        Content.assemble(
            set_cell_size(character(text), 2),  # some take two cells, some none
            (bar(number / most, longest).ljust(longest), "$secondary"),
            f"{number / characters:7.1%}",
        )
        for text, number in frequent
    ]
