"""The help page: the keys, and the terms on the screen in plain language."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS = (
    ("space", "train, or pause"),
    ("n", "one step of training"),
    ("T", "train on for so many steps or minutes"),
    ("x", "end the run: last evaluation, save; space trains on"),
    ("p  Tab", "to the prompt (type \\n for a line break; up and down recall)"),
    ("Enter", "in the prompt: generate text; on an empty line, write on"),
    ("w", "generate again"),
    ("W", "generate again whenever a setting is turned, or no more"),
    ("u", "use this prompt for the samples"),
    ("Esc", "stop generating, or leave the prompt"),
    ("[  ]", "temperature: 0 picks the most likely, higher is more varied"),
    ("-  =", "top-k: sample from the k most likely characters only"),
    ("{  }", "top-p: sample from the most likely, up to this probability"),
    ("(  )", "length of an answer, in characters"),
    ("S  s", "seed: the same seed generates the same text"),
    ("<  >", "learning rate, from the next step on"),
    ("l", "linear or logarithmic step axis"),
    ("a", "the whole fall of the loss, or its end, larger"),
    ("v", "in a small window: samples, text or training"),
    ("c", "a new run: another text, size or architecture"),
    ("o", "the saved runs: open, compare, rename, note, delete"),
    ("b", "after a failed step: last save, half the learning rate"),
    ("q", "save and quit"),
    ("?", "this page"),
    ("^z", "to the shell; fg comes back"),
    ("ctrl+p", "all commands by name"),
)

WORDS = (
    (
        "loss",
        "How surprised it is by the next character, in nats: ln(1 / the probability it gave it). "
        "0 is certain; a uniform guess among 65 characters has 4.17.",
    ),
    ("✶", "A step whose loss lies far above the noise: unusual text, or a learning rate too high."),
    ("▲", "Here the loss lies above the chart: the newest losses are drawn larger; a shows all."),
    (
        "held out",
        "The last part of the text, for validation. It is never trained on, so the loss there "
        "shows whether the model has learned the language or memorised the text.",
    ),
    (
        "letter frequencies",
        "The loss of a guess that knows only how often each character occurs. The line under the "
        "chart compares with it, and with a guess that knows how often each pair occurs.",
    ),
    (
        "learns by heart",
        "The training loss falls on, the held-out loss does not: it memorises the text instead of "
        "learning what is general in it. A longer text, a smaller model or dropout helps.",
    ),
    (
        "context",
        "How many characters it sees at once. Early in a run it is trained and evaluated on short "
        "contexts: spelling comes first.",
    ),
    ("bits per char", "The same loss in bits: how well the text could be compressed."),
    ("perplexity", "The number of equally likely characters that would give the same loss."),
    ("epochs (seen)", "The characters trained on, in multiples of the training text."),
    ("right", "How often its most likely next character is the true one, on held-out text."),
    ("gradient norm", "The length of the gradient: how steeply the loss changes with the weights."),
    ("learning rate", "How far a step moves the weights. It rises, stays, and falls to zero."),
)


class HelpScreen(ModalScreen[None]):
    """One page that scrolls."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
      width: 84; max-width: 100%; height: auto; max-height: 100%; padding: 0 2;
      border: round $primary; background: $surface; border-title-color: $primary;
      border-subtitle-color: $foreground-muted; scrollbar-size-vertical: 1;
    }
    """

    BINDINGS = [Binding("escape,question_mark,q", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        with VerticalScroll() as page:
            page.border_title = "help"
            page.border_subtitle = "Esc closes"
            yield Static(help_text())


def help_text() -> Content:
    """The keys, then the terms."""
    lines = [Content.assemble((key.rjust(8), "bold $primary"), "  ", what) for key, what in KEYS]
    lines.append(Content(""))
    lines += [Content.assemble((word, "bold $accent"), ": ", what) for word, what in WORDS]
    return Content("\n").join(lines)
