"""The help page: the keys, and the words on the screen in plain language."""

from collections.abc import Sequence

from textual.binding import Binding
from textual.content import Content

from tui.encoding import named
from tui.screens.page import PageScreen
from tui.screens.terms import terms
from tui.state import RunState

KEYS = (
    ("space", "train, or pause"),
    ("n", "one step"),
    ("T", "train on for some steps or minutes"),
    ("k", "teach it another text, or stop that"),
    ("x", "end the run: last evaluation, save; space trains on"),
    ("p  Tab", "to the prompt (\\n: line break, \\\\n: \\n; up and down recall)"),
    ("Enter", "in the prompt: generate text; on an empty line, write on"),
    ("w", "generate again"),
    ("W", "generate again whenever a setting changes"),
    ("u", "use this prompt for the samples"),
    ("C  ^o", "where in the text an answer or sample is copied from"),
    ("Esc", "stop generating or reading a text, or leave the prompt"),
    ("[  ]", "temperature: 0 picks the most likely, higher is more varied"),
    ("-  =", "top-k: sample from the k most likely characters"),
    ("{  }", "top-p: sample from the most likely, up to this probability"),
    ("(  )", "length of an answer, in characters"),
    ("S  s", "seed: the same seed generates the same text"),
    ("<  >", "learning rate, from the next step on"),
    ("r", "find a learning rate: a hundred steps on a copy of the run"),
    ("m", "the next step under the microscope"),
    ("l  L", "linear or logarithmic axis; steps, characters or seconds"),
    ("←  →", "read the chart (or drag)"),
    ("a", "the whole fall of the loss, or its end"),
    ("z", "one pane large, or all again"),
    ("v", "the next pane, where one is large or the window small"),
    ("1 2 3 4", "the views: train, read, time, lab"),
    ("P", "play the kept moments"),
    ("f", "fork a run there"),
    ("Enter e", "in the lab (4): ready questions, saved races and sweeps, or own versions"),
    ("c", "new run: another text, size or architecture"),
    ("o", "saved runs: open, compare, rename, note, export, delete"),
    ("b", "after a failed step: last save, half the learning rate"),
    ("t g N B", "a tour in ten acts: guess, next, back"),
    ("q", "save and quit"),
    ("?", "this page"),
    ("^z", "to the shell; fg comes back"),
    ("ctrl+p", "all commands by name"),
)

READ_KEYS = (
    ("arrows", "select a character; so do Home, End, Page Up and Page Down, and the mouse"),
    ("h  H", "the next held-out passage, or the one before"),
    ("i", "a text of your own, typed or pasted"),
    ("y", "the text that was written to the prompt last"),
    (".  ,", "choose another next character; ◂ is the true one"),
    ("Enter", "write on with it: a branch (+), which is kept"),
    ("u", "back to where you have chosen a character"),
    ("k  K", "the next head, or the one before"),
    ("d", "switch that head off, or on again"),
    ("D  m", "the same for all of its block's attention, or for its MLP"),
    ("v", "the next panels: layers, attention, learned when, where the loss lives, alphabet"),
)
"""Those of the view that reads along."""


class HelpScreen(PageScreen):
    """The help page."""

    DEFAULT_CSS = "HelpScreen > VerticalScroll { width: 84; }"

    BINDINGS = [Binding("escape,question_mark,q", "dismiss", "Close")]

    def __init__(self, state: RunState) -> None:
        """`state`: of the open run, whose numbers are shown."""
        super().__init__("help", help_text(state))


def help_text(state: RunState) -> Content:
    """The keys, then the words."""
    lines = _in_rows(KEYS)
    lines += [Content(""), Content.styled("While it reads (2):", "bold")]
    lines += _in_rows(READ_KEYS)
    lines.append(Content(""))
    lines += [Content.assemble((word, "bold $accent"), ": ", what) for word, what in terms(state)]
    return Content("\n").join(lines)


def _in_rows(keys: Sequence[tuple[str, str]]) -> list[Content]:
    return [
        Content.assemble((named(key).rjust(8), "bold $primary"), "  ", what) for key, what in keys
    ]
