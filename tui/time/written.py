"""What the model of the chosen moment writes to the prompt, from the same seed as at every other."""

from textual.content import Content

from tui.drawing.words import count
from tui.drawing.wrapping import Wrapping
from tui.panes.pane import Pane
from tui.panes.scrolling import lines_of
from tui.state import RunState

CURSOR = "▌"


class WrittenThen(Pane):
    """A few lines of text."""

    INTERVAL = 0.1

    def part(self, state: RunState) -> object:
        return (state.moments.writing, state.moments.failure)

    def titles(self, state: RunState) -> tuple[Content, Content]:
        writing = state.moments.writing
        by = f" by step {count(writing.step)}" if writing else ""
        return Content(f"written{by}"), Content("")

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        moments = state.moments
        if moments.failure:
            return Content.styled(moments.failure, "$error").wrap(width)
        writing = moments.writing
        if writing is None:
            waits = "" if state.opened is None else "writing …"
            return [Content.styled(waits, "$foreground-muted")]
        wrapping = Wrapping(width - 1)
        wrapping.append(writing.prompt + writing.text)
        lines = lines_of(wrapping.lines, len(writing.prompt))[:height]
        if not writing.ended:
            lines[-1] = lines[-1]._replace(cursor=CURSOR)
        return [line.content for line in lines]
