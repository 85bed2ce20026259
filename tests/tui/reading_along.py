"""Answers about the inside of a model that never was, with fixed numbers."""

from math import log2
from random import Random

from looking import Desk

from engine.protocol import (
    AlphabetMapped,
    AskWhenLearned,
    CharacterPoint,
    DivideLoss,
    Event,
    Inspect,
    Inspected,
    InspectPlace,
    LossDivided,
    LossPart,
    MapAlphabet,
    Place,
    PlaceInspected,
    WhenLearned,
)

PASSAGE = (
    "PROSPERO:\nNow my charms are all o'erthrown,\nAnd what strength I have's mine own,\n"
    "Which is most faint: now, 'tis true,\nI must be here confined by you,\nOr sent to Naples."
)
SUBLAYERS = ("1.attention", "1.mlp", "2.attention", "2.mlp")
VALIDATION = 118_863
CONTEXT = len(PASSAGE)


def place(index: int, text: str) -> Place:
    """The prediction of a character: surprising at the start of words, at least in this model."""
    character = text[index] if index < len(text) else ""
    if not index:
        return Place(character, None, 0, 0.0, (), (), ())
    dice = Random(index)
    others = [other for other in " etaoinshr" if other != character]
    starts = text[index - 1] in " \n"
    true = 0.01 if starts and character.isupper() else 0.1 if starts else 0.45 + 0.5 * dice.random()
    rest = 1 - true
    probabilities = [rest * 0.5 ** (number + 1) for number in range(len(others))]
    likely = sorted(
        [*zip(others, probabilities, strict=True), (character or "x", true)], key=lambda x: -x[1]
    )
    depths = [tuple((c, p * depth / 3) for c, p in likely[:3]) for depth in (1, 2, 3)]
    rank = [c for c, _ in likely].index(character) + 1 if character else 0
    bits = -log2(true) if character else None
    added = tuple(0.1 + dice.random() for _ in SUBLAYERS)
    return Place(character, bits, rank, 2.4, tuple(likely[:10]), tuple(depths), added)


def inspected(
    command: Inspect, text: str = PASSAGE, *, step: int = 0, unknown: str = ""
) -> Inspected:
    """An answer: a mean surprise of 2.21 bits, and a tenth more for each part that is off."""
    text = command.text or text
    return Inspected(
        request=command.request,
        step=step,
        text=text,
        unknown=unknown,
        start=-1 if command.text else command.start,
        validation_characters=VALIDATION,
        places=tuple(place(index, text) for index in range(len(text) + 1)),
        sublayers=SUBLAYERS,
        bits=2.21 + 0.1 * len(command.off),
        off=command.off,
        whole_bits=2.21,
        context_length=CONTEXT,
    )


def place_inspected(command: InspectPlace, *, step: int = 0) -> PlaceInspected:
    """An answer: two blocks of two heads; the first looks at the last character, the others at
    blanks, further and further back."""
    text = command.text
    sampled = place(len(text), text + (PASSAGE[len(text) :] or "x")).next[:3]

    def weights(head: int) -> tuple[float, ...]:
        if not head:
            raw = [1.0 if index == len(text) - 1 else 0.01 for index in range(len(text))]
        else:
            raw = [
                (1.0 if c in " \n" else 0.02) / (len(text) - i + head) for i, c in enumerate(text)
            ]
        return tuple(value / sum(raw) for value in raw)

    attention = tuple(tuple(weights(2 * block + head) for head in (0, 1)) for block in (0, 1))
    return PlaceInspected(command.request, step, 0, sampled, attention)


MOMENTS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 250, 256, 500, 512, 750, 1_000, 1_024, 1_250, 1_500)
"""The steps whose weights are kept."""


def when_learned(command: AskWhenLearned, *, steps: tuple[int, ...] = MOMENTS) -> WhenLearned:
    """An answer: the true character rises from chance to 80%, the others fall."""
    target = command.target or "x"
    others = [character for character in " etaoinshrdlumy" if character != target]

    def risen(step: int, goal: float) -> float:
        part = min(1.0, step / 1_250)
        return 1 / 65 + part * (goal - 1 / 65)

    goals = [(target, 0.8), *((other, 0.1 / (n + 1)) for n, other in enumerate(others))]
    rows = tuple((character, tuple(risen(step, p) for step in steps)) for character, p in goals)
    return WhenLearned(command.request, steps, rows[:16], target, 500, 1_250)


def loss_divided(command: DivideLoss, *, step: int = 0) -> LossDivided:
    """An answer of a model that makes use of its context."""
    kinds = (
        ("inside a word", 1.62, 0.58),
        ("first letter", 3.6, 0.12),
        ("capital", 4.1, 0.06),
        ("space", 1.1, 0.15),
        ("line end", 1.9, 0.04),
        ("punctuation", 2.9, 0.05),
    )
    losses = (3.9, 3.4, 3.0, 2.7, 2.4, 2.25, 2.2, 2.18, 2.17)
    names = ("1", "2", "3-4", "5-8", "9-16", "17-32", "33-64", "65-128", "129-256")
    sizes = (1, 1, 2, 4, 8, 16, 32, 64, 128)
    positions = zip(names, losses, sizes, strict=True)
    return LossDivided(
        command.request,
        step,
        8_192,
        2.21,
        tuple(LossPart(*kind) for kind in kinds),
        tuple(LossPart(name, bits, size / 256) for name, bits, size in positions),
        256,
    )


ALPHABET = "\n !',-.:;?ABCDEFGHIJKLMNOPRSTUVWYabcdefghijklmnopqrstuvwxyz"


def alphabet_mapped(
    command: MapAlphabet,
    *,
    step: int = 0,
    characters: str = ALPHABET,
    explained: tuple[float, float] = (0.16, 0.11),
    vocabulary: int = 0,
) -> AlphabetMapped:
    """An answer: vowels, consonants, capitals and the others are four clouds."""
    dice = Random(3)
    number = len(characters)

    def point(index: int, character: str) -> CharacterPoint:
        x, y = (1, -1) if character in "aeiou" else (1, 1) if character.islower() else (-1, 0.7)
        if not character.isalpha():
            x, y = -0.3, -1
        near = tuple((characters[(index + n) % number], 0.7 - n / 10) for n in (1, 2, 3, 4, 5))
        return CharacterPoint(
            character, x + dice.gauss(0, 0.4), y + dice.gauss(0, 0.3), near[: number - 1]
        )

    points = tuple(point(index, character) for index, character in enumerate(characters))
    return AlphabetMapped(command.request, step, points, explained, vocabulary or number)


Question = Inspect | InspectPlace | AskWhenLearned | DivideLoss | MapAlphabet


class Reader:
    """Answers the questions about the inside that an app asks."""

    def __init__(self, desk: Desk, text: str = PASSAGE) -> None:
        self.desk = desk
        self.text = text
        self.step = 0
        self._answered = 0

    @property
    def open(self) -> list[Question]:
        """The questions that have no answer yet."""
        return [
            command
            for command in self.desk.engine.commands
            if isinstance(command, Question) and command.request > self._answered
        ]

    async def answer(self) -> None:
        """Answer all of them, and those that follow from the answers."""
        while questions := self.open:
            for question in questions:
                self._answered = max(self._answered, question.request)
                await self.desk.play(self._answer_to(question))

    def _answer_to(self, question: Question) -> Event:
        match question:
            case Inspect():
                return inspected(question, self.text, step=self.step)
            case InspectPlace():
                return place_inspected(question, step=self.step)
            case AskWhenLearned():
                return when_learned(question)
            case DivideLoss():
                return loss_divided(question, step=self.step)
            case MapAlphabet():
                characters = "".join(dict.fromkeys(ALPHABET + self.text))
                return alphabet_mapped(question, step=self.step, characters=characters)

    async def press(self, *keys: str) -> None:
        """Press keys, and answer what is asked after each."""
        for key in keys:
            await self.desk.press(key)
            await self.answer()
