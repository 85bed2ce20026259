"""What the user looks at inside the model, and what the engine has answered: one frozen value."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from data.character_kinds import kind_at
from data.safe_text import safe_characters
from engine.protocol import (
    AlphabetMapped,
    Event,
    Failed,
    InsightEvent,
    Inspected,
    InspectPlace,
    LossDivided,
    Place,
    PlaceInspected,
    WhenLearned,
)
from tui.asking import Answered, Asked, fold_answers
from tui.branches import Branches, Spot
from tui.safe_struct import Raw, safe
from tui.trial import Trial, fold_trial

LINE_BREAK = "␊"
"""The picture of a line break: a line of the passage ends after it."""


class Passage(Struct, frozen=True):
    """A passage as the model reads it. All text in it is safe to draw, but for what is `Raw`."""

    raw: Raw[Inspected]
    read: Inspected
    """Without text and places: there are thousands of strings in them, so that one place is made
    safe at a time."""
    characters: Sequence[str]
    """A picture of each character of the text, or of each of its tokens."""

    @classmethod
    def of(cls, answer: Inspected) -> "Passage":
        """The passage of an answer as the engine sent it."""
        facts = safe(replace(answer, text="", places=(), ids=(), starts=()))
        if not answer.starts:
            return cls(Raw(answer), facts, safe_characters(answer.text))
        shown = tuple(safe_characters(place.character) for place in answer.places)
        return cls(Raw(answer), facts, shown[: len(answer.ids)])

    @property
    def with_end(self) -> Sequence[str]:
        """The same, with a blank for the place after the end."""
        if isinstance(self.characters, str):
            return f"{self.characters} "
        return (*self.characters, " ")

    @property
    def text(self) -> str:
        """For commands; not to be drawn."""
        return self.raw.value.text

    def text_before(self, index: int) -> str:
        """The text before a place, for commands; empty where that is within a character."""
        starts = self.raw.value.starts
        if not starts or index >= len(starts):
            return self.text[:index] if not starts else self.text
        return self.text[: max(0, starts[index])]

    def ids_before(self, index: int) -> tuple[int, ...]:
        """The tokens before a place; empty where tokens are characters."""
        return self.raw.value.ids[: max(0, index)]

    def place(self, index: int) -> Place | None:
        """The prediction of a character; None where there is none."""
        places = self.raw.value.places
        return safe(places[index]) if 0 <= index < len(places) else None

    def kind(self, index: int) -> int | None:
        """The kind of a token (`data.character_kinds`); None where there is none."""
        read = self.raw.value
        token = read.places[index].character if 0 <= index < len(read.places) else ""
        return (
            kind_at(read.text, read.starts[index] if read.starts else index, token)
            if token
            else None
        )

    def bits(self, index: int) -> float | None:
        """The surprise of a character; None where it is not predicted."""
        places = self.raw.value.places
        return places[index].bits if 0 <= index < len(places) else None


class Looked(Struct, frozen=True):
    """Where the heads looked to predict a character."""

    index: int
    """The place of that character in the passage."""
    answer: PlaceInspected


class Head(Struct, frozen=True):
    """An attention head, counted from 1."""

    block: int
    number: int


class Insight(Struct, frozen=True):
    """The passage, the selected character, what is switched off, and the answers about them."""

    text: Raw[str] | None = None
    """A text of the user's own; None: held-out text from `start` on."""
    start: int = 0
    cursor: int = -1
    """The selected character of the passage; -1: not selected yet."""
    head: int = 0
    """The head that is looked at, counted from 0 over all blocks."""
    off: tuple[str, ...] = ()
    """The parts that are switched off, as `Inspect` names them."""
    passage: Passage | None = None
    looked: Looked | None = None
    """For the selected character, or until there is an answer, for the one before."""
    marked: int = -1
    """Of the likeliest characters the one that is chosen to write on with; -1: none."""
    branches: Branches = Branches()
    failure: str = ""
    requests: int = 0
    """The number of questions so far."""
    asked_passage: Asked = Asked()
    asked_place: Asked = Asked()
    learned: Answered[WhenLearned] = Answered()
    divided: Answered[LossDivided] = Answered()
    alphabet: Answered[AlphabetMapped] = Answered()
    trial: Trial = Trial()

    @property
    def selected(self) -> Place | None:
        """The prediction of the selected character; None where there is none."""
        return self.passage.place(self.cursor) if self.passage else None

    @property
    def heads(self) -> list[Head]:
        """All heads, block by block; none as long as they are not known."""
        return (
            [
                Head(block, number)
                for block, weights in enumerate(self.looked.answer.attention, start=1)
                for number in range(1, len(weights) + 1)
            ]
            if self.looked
            else []
        )

    @property
    def shown_head(self) -> Head | None:
        """The head that is looked at."""
        heads = self.heads
        return heads[self.head % len(heads)] if heads else None

    @property
    def character(self) -> str:
        """The selected character, as the engine knows it; empty after the end."""
        places = self.passage.raw.value.places if self.passage else ()
        return places[self.cursor].character if 0 <= self.cursor < len(places) else ""

    @property
    def before_cursor(self) -> str:
        """The text from which the selected character is predicted, as the engine knows it."""
        return self.passage.text_before(self.cursor) if self.passage and self.cursor > 0 else ""

    @property
    def ids_before(self) -> tuple[int, ...]:
        """The same in tokens; empty where these are characters."""
        return self.passage.ids_before(self.cursor) if self.passage else ()

    def begun_with(self, number: int) -> str:
        """The text before the selected character and, in its place, one of the likeliest, as the
        engine knows it; empty where there is none."""
        places = self.passage.raw.value.places if self.passage else ()
        likely = places[self.cursor].next if 0 <= self.cursor < len(places) else ()
        if not 0 <= number < len(likely) or _is_partial(likely[number][0], self.ids_before):
            return ""
        return self.before_cursor + likely[number][0]

    @property
    def cost(self) -> float | None:
        """The bits a character that it costs to do without what is switched off; None: unknown."""
        read = self.passage.read if self.passage else None
        known = self.off and read is not None and read.off == self.off
        return read.bits - read.whole_bits if known and read else None


def for_another_run(insight: Insight) -> Insight:
    """For another run. The questions go on to be numbered: answers may still be on their way."""
    return Insight(requests=insight.requests)


def written_on(insight: Insight, whole: str) -> Insight:
    """With the marked character chosen, and the text written on from there: it is read now."""
    begun = insight.begun_with(insight.marked)
    branches = insight.branches
    kept = branches.kept
    if branches.written_from(begun) is None:
        kept = (*kept, (Raw(begun), Raw(whole)))
    spot = Spot(insight.text, insight.start, insight.cursor)
    return replace(
        insight, text=Raw(whole), marked=-1, branches=Branches(kept, (*branches.trail, spot))
    )


def walked_back(insight: Insight) -> Insight:
    """Where the way has branched last."""
    *trail, spot = insight.branches.trail
    return replace(
        insight,
        text=spot.text,
        start=spot.start,
        cursor=spot.cursor,
        marked=-1,
        branches=Branches(insight.branches.kept, tuple(trail)),
    )


def is_answer(event: Event) -> bool:
    """Whether it answers a question about the inside."""
    return isinstance(event, InsightEvent) or (isinstance(event, Failed) and event.request != 0)


def fold_insight(insight: Insight, event: Event, shown: Event) -> Insight:
    """With an answer: `event` as the engine sent it, `shown` safe to draw (what is read, once it is
    drawn). An answer to a question that was replaced by another changes nothing."""
    insight = replace(insight, trial=fold_trial(insight.trial, event, shown))
    insight = fold_answers(insight, event, shown)
    match event, shown:
        case Failed(request=request), Failed(message):
            of_passage = request in (insight.asked_passage.request, insight.asked_place.request)
            return replace(insight, failure=message) if of_passage else insight
        case Inspected(), Inspected() if event.request == insight.asked_passage.request:
            passage = Passage.of(event)
            length = len(passage.characters)
            cursor = length // 2 if insight.cursor < 0 else min(insight.cursor, length)
            before, end = insight.passage, insight.looked.index if insight.looked else 0
            same = before is not None and _begin_alike(before.raw.value, event, end)
            return replace(
                insight,
                passage=passage,
                looked=insight.looked if same else None,
                cursor=cursor,
                failure="",
            )
        case PlaceInspected(), PlaceInspected() if event.request == insight.asked_place.request:
            question = insight.asked_place.question
            if not isinstance(question, InspectPlace) or insight.passage is None:
                return replace(insight, looked=None)
            read, before_it = insight.passage.raw.value, question.ids or question.text
            whole = read.ids if question.ids else read.text
            index = len(before_it)
            looked = Looked(index, shown) if whole[:index] == before_it else None
            return replace(insight, looked=looked)
        case _:
            return insight


def _begin_alike(one: Inspected, other: Inspected, end: int) -> bool:
    """Whether two passages are the same up to a place."""
    if one.ids or other.ids:
        return one.ids[:end] == other.ids[:end]
    return one.text[:end] == other.text[:end]


def _is_partial(token: str, ids: tuple[int, ...]) -> bool:
    """Whether a token, after these, has bytes that are no whole character: no text goes on with it."""
    return bool(ids) and "\\x" in token
