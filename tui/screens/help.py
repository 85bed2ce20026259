"""The keys, and the words on the screen in plain language."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS = (
    ("space", "train, or pause"),
    ("n", "one step of training"),
    ("x", "end the run: a last exam, then it is saved; space trains on"),
    ("p  Tab", "to the prompt (\\n there is a line's end; up and down recall)"),
    ("Enter", "in the prompt: write on from it"),
    ("w", "write again"),
    ("Esc", "stop writing, or leave the prompt"),
    ("[  ]", "temperature: 0 takes the likeliest character, more dares more"),
    ("-  =", "top-k: choose among the k likeliest only"),
    ("{  }", "top-p: choose among the likeliest that together have this chance"),
    ("S  s", "seed: the same seed writes the same text"),
    ("<  >", "learning rate, from the next step on"),
    ("l", "linear or logarithmic step axis"),
    ("v", "in a small window: what it writes, the text, or the training"),
    ("c", "a new run: another text, size or pace"),
    ("o", "the saved runs: open, compare, rename, note, delete"),
    ("b", "after a failed step: back to the last save, at half the learning rate"),
    ("q", "save and quit"),
    ("?", "this page"),
    ("^z", "to the shell; fg comes back"),
    ("ctrl+p", "all commands by name"),
)

WORDS = (
    (
        "loss",
        "How surprised it is by the next character, in nats: ln of 1 / the chance it gave. "
        "0 is certain; a uniform guess among 65 characters has 4.17.",
    ),
    ("✶", "A step whose loss leaped far out of the noise: an odd piece of text, or a high rate."),
    (
        "held out",
        "The last part of the text. It never learns from it, so its loss there tells "
        "whether it has learned the language or the text by heart.",
    ),
    (
        "letter frequencies",
        "The loss of someone who knows how often each character occurs, and nothing else.",
    ),
    (
        "context",
        "How many characters it sees at once. A young model reads short pieces, and is examined "
        "on such: spellings come first.",
    ),
    ("bits per char", "The same loss in bits: how well the text could be compressed."),
    ("perplexity", "Among how many equally likely characters it seems to choose."),
    ("epochs (seen)", "How many times as many characters it has learned from as the text has."),
    ("right", "How often its likeliest next character is the true one, on the held-out text."),
    ("gradient norm", "How strongly a step would like to change the weights."),
    ("learning rate", "How far a step changes them. It rises, stays, and falls to zero."),
)


class HelpScreen(ModalScreen[None]):
    """One page, scrollable."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
      width: 84; max-width: 100%; height: auto; max-height: 100%; padding: 0 2;
      border: round $primary; background: $surface; border-title-color: $primary;
      border-subtitle-color: $foreground-muted;
    }
    """

    BINDINGS = [Binding("escape,question_mark,q", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        with VerticalScroll() as page:
            page.border_title = "help"
            page.border_subtitle = "Esc closes"
            yield Static(help_text())


def help_text() -> Content:
    """Keys and words, in two columns."""
    lines = [Content.assemble((key.rjust(8), "bold $primary"), "  ", what) for key, what in KEYS]
    lines.append(Content(""))
    lines += [Content.assemble((word, "bold $accent"), ": ", what) for word, what in WORDS]
    return Content("\n").join(lines)
