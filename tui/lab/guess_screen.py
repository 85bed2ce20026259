"""The page before a race: what is asked, the sides, and what the user expects."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from data.safe_text import safe_text
from engine.changes import settings_that_differ
from engine.protocol import LABELS, OpenRace, Tokens, are_mixed
from engine.settings import plain
from tui.drawing.words import count
from tui.lab.question import NO_DIFFERENCE, Question, in_common
from tui.lab.sides import sign
from tui.screens.dialog import Dialog, Key

NO_GUESS = ""


class GuessScreen(Dialog[str]):
    """Dismissed with the label of a side, `NO_DIFFERENCE` or `NO_GUESS`."""

    DEFAULT_CSS = """
    GuessScreen { align: center middle; }
    GuessScreen > Vertical {
      width: 76; max-width: 100%; height: auto; max-height: 100%; padding: 0 2;
      border: round $primary; background: $surface; border-title-color: $primary;
    }
    GuessScreen VerticalScroll { height: auto; max-height: 1fr; }
    GuessScreen Static { height: auto; margin-bottom: 1; }
    GuessScreen OptionList { height: auto; border: none; background: $surface; }
    GuessScreen #length { margin: 1 0 0 0; color: $foreground-muted; }
    """

    BINDINGS = [
        Binding("escape,q", "dismiss", "Close"),
        *(
            Binding(f"{label.lower()},{label}", f"expect('{label}')", show=False)
            for label in LABELS
        ),
        Binding("equals_sign", f"expect('{NO_DIFFERENCE}')", show=False),
    ]

    TITLE_OF_HELP = "a guess"
    ABOUT = (
        "Guess before you look: what turns out otherwise than expected is remembered best. What "
        f"differs in the end comes from the settings that differ. {in_common(mixed=False)} With different "
        "tokens the batches differ: then losses are compared in bits per byte."
    )
    KEYS = (
        Key("Enter", "start", "save the open run, and start the race", "choose"),
        Key("A B =", "guess", "go to the guess of that letter"),
        Key("Esc", "cancel", "no race", "dismiss"),
    )

    def __init__(self, race: OpenRace, question: Question | None) -> None:
        """`question`: the ready one that the race answers; None: sides of the user's own."""
        super().__init__()
        self._race = race
        self._question = question
        self._guesses = (*LABELS[: len(race.configs)], NO_DIFFERENCE, NO_GUESS)

    def compose(self) -> ComposeResult:
        with Vertical() as page:
            page.border_title = self._question.title if self._question else "versions of your own"
            with VerticalScroll(can_focus=False):
                if self._question:
                    yield Static(Content(self._question.before))
                elif self._is_mixed:
                    yield Static(in_common(mixed=True))
                yield Static("Which will have the lowest held-out loss?")
            yield OptionList(
                *(
                    Option(Content.assemble(sign(number, label), f" {name}"))
                    for number, (label, name) in enumerate(zip(LABELS, self._names(), strict=False))
                ),
                Option(Content.assemble((f"  {NO_DIFFERENCE}", "bold"), " no difference")),
                Option("    no guess"),
                compact=True,
            )
            yield Static(self._length(), id="length")
            yield self.key_line()

    def on_mount(self) -> None:
        self.action_expect(NO_GUESS)
        self.query_one(OptionList).focus()

    @property
    def _is_mixed(self) -> bool:
        """Whether the sides have different tokens."""
        models = [config.model for config in self._race.configs]
        return are_mixed(Tokens(model.tokenizer, model.vocabulary) for model in models)

    def _names(self) -> tuple[str, ...]:
        """What the sides are called, safe to draw."""
        if self._question is not None:
            return self._question.names
        return tuple(
            safe_text(" ".join(settings)) or "as it is"
            for settings in settings_that_differ(self._race.configs)
        )

    def _length(self) -> str:
        """How long the race is."""
        train = [config.train for config in self._race.configs]
        steps = sorted({count(each.steps) for each in train})
        length = f"{' or '.join(steps)} steps of each side"
        if minutes := max(each.minutes for each in train):
            length = f"{plain(minutes)} minutes of each side"
        seeds = f", {self._race.seeds} times with other seeds" if self._race.seeds > 1 else ""
        return f"{length}{seeds}, compared by {self._race.axis}. The open run is saved first."

    def action_expect(self, guess: str) -> None:
        """Go to a guess."""
        if guess in self._guesses:
            self.query_one(OptionList).highlighted = self._guesses.index(guess)

    @on(OptionList.OptionSelected)
    def action_choose(self) -> None:
        """Start with the highlighted guess."""
        self.dismiss(self._guesses[self.query_one(OptionList).highlighted or 0])
