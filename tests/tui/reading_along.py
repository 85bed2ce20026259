"""Answers about the inside of a model that never was, with fixed numbers."""

from math import log2
from random import Random

from looking import Desk

from engine.protocol import Event, Inspect, Inspected, InspectPlace, Place, PlaceInspected

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


class Reader:
    """Answers the questions about the inside that an app asks."""

    def __init__(self, desk: Desk, text: str = PASSAGE) -> None:
        self.desk = desk
        self.text = text
        self.step = 0
        self._answered = 0

    @property
    def open(self) -> list[Inspect | InspectPlace]:
        """The questions that have no answer yet."""
        return [
            command
            for command in self.desk.engine.commands
            if isinstance(command, Inspect | InspectPlace) and command.request > self._answered
        ]

    async def answer(self) -> None:
        """Answer all of them, and those that follow from the answers."""
        while questions := self.open:
            for question in questions:
                self._answered = max(self._answered, question.request)
                if isinstance(question, Inspect):
                    event: Event = inspected(question, self.text, step=self.step)
                else:
                    event = place_inspected(question, step=self.step)
                await self.desk.play(event)

    async def press(self, *keys: str) -> None:
        """Press keys, and answer what is asked after each."""
        for key in keys:
            await self.desk.press(key)
            await self.answer()
