"""Looking inside the model: what a user asks, and what the engine answers.

A request has a number, which its answer repeats. A request that cannot be answered gets a `Failed`
with `during="inspect"` and that number. Positions are counted from 0, blocks and heads from 1.
"""

from typing import get_args

from msgspec import Struct

from engine.config import SampleConfig
from engine.protocol.message import Message
from engine.protocol.moments import AskWhenLearned, WhenLearned
from engine.protocol.place import Likely, Place
from engine.protocol.trials import TrialCommand, TrialEvent


class Inspect(Message, frozen=True):
    """Read a passage along with the model; answered by `Inspected`.

    A newer request replaces one that is not answered yet.
    """

    request: int
    text: str = ""  # empty: the validation text from `start` on, as long as the whole context
    start: int = 0
    off: tuple[str, ...] = ()  # parts switched off: "2.attention", "2.mlp", "2.head.3"
    step: int = -1  # of the kept weights that read it; -1: as they are now


class Inspected(Message, frozen=True):
    """A passage as the model reads it."""

    request: int
    step: int  # of the weights
    text: str  # without unknown characters
    unknown: str  # characters outside the vocabulary, each once
    start: int  # of a validation passage; -1: a text of the user's
    validation_characters: int  # in tokens
    places: tuple[Place, ...]  # one for each token, and one after the end
    sublayers: tuple[str, ...]  # the names of those in `Place.added`
    bits: float  # the mean surprise
    off: tuple[str, ...]  # as asked
    whole_bits: float  # the mean surprise with nothing switched off
    context_length: int  # tokens that a prediction sees, at most
    ids: tuple[int, ...] = ()  # of the text; empty: its tokens are its characters
    starts: tuple[int, ...] = ()
    """Where in the text the token of each place begins; -1: within a character. One for each id."""

    @property
    def noun(self) -> str:
        """What a token is called."""
        return "token" if self.ids else "character"

    @property
    def bits_per_byte(self) -> float | None:
        """The mean surprise for each byte of UTF-8, from the second token on, or the first after it
        that begins with a character; None: there is none."""
        starts = self.starts or range(len(self.text))
        first = next((n for n, start in enumerate(starts) if n and start >= 0), None)
        if first is None:
            return None
        bits = [place.bits for place in self.places[first:-1] if place.bits is not None]
        size = len(self.text[starts[first] :].encode("utf-8", "surrogatepass"))
        return sum(bits) / size if size else None


class InspectPlace(Message, frozen=True):
    """Look at one place of a passage more closely; answered by `PlaceInspected`."""

    request: int
    text: str  # up to that place
    config: SampleConfig
    off: tuple[str, ...] = ()
    step: int = -1
    ids: tuple[int, ...] = ()  # the text in tokens, as of `Inspected`; empty: it is encoded


class PlaceInspected(Message, frozen=True):
    """What is predicted after a text, and where each head looked for it."""

    request: int
    step: int
    start: int  # of the text that the context has room for
    sampled: Likely  # by temperature, top-k and top-p; only what has a probability
    attention: tuple[tuple[tuple[float, ...], ...], ...]  # block, head, position from `start` on


class FindCopies(Message, frozen=True):
    """Find what of a text stands verbatim in the training part; answered by `CopiesFound`.

    A newer request replaces one that is not answered yet.
    """

    request: int
    text: str


class Piece(Struct, frozen=True):
    """A part of a text: copied, or written by the model."""

    text: str
    line: int  # of the run's text, counted from 1, where the copy begins; 0: no copy


class CopiesFound(Message, frozen=True):
    """What of a text is copied, and where its longest copy stands in the run's text.

    There are no offsets: what makes a text safe to draw may change its length, piece by piece.
    """

    request: int
    pieces: tuple[Piece, ...]  # together they are the text
    shortest: int  # characters from which on a copy counts
    longest: int = 0  # characters; 0: nothing is copied
    line: int = 0
    before: str = ""  # the run's text around the longest copy
    copied: str = ""
    after: str = ""
    refused: str = ""  # why this text is not searched; otherwise empty


class DivideLoss(Message, frozen=True):
    """Divide the loss on a sample of the validation part; answered by `LossDivided`.

    A newer request replaces one that is not answered yet.
    """

    request: int
    step: int = -1


class LossPart(Struct, frozen=True):
    """The loss on some of the tokens."""

    name: str
    bits: float  # the mean over them
    share: float  # of all tokens
    bytes_each: float = 1.0  # their mean length in UTF-8

    @property
    def bits_per_byte(self) -> float:
        """The mean over their bytes."""
        return self.bits / self.bytes_each


class LossDivided(Message, frozen=True):
    """Where the loss lives. Parts without a token are left out."""

    request: int
    step: int
    characters: int  # predicted, in tokens
    bits: float  # the mean over all
    kinds: tuple[LossPart, ...]  # by the kind of the predicted token
    positions: tuple[LossPart, ...]  # by how many tokens are seen: "1", "2", "3-4", "5-8" ...
    context_length: int

    @property
    def bits_per_byte(self) -> float:
        """The mean loss on the bytes of what is predicted, at least one."""
        return self.bits / sum(part.share * part.bytes_each for part in self.kinds)


class MapAlphabet(Message, frozen=True):
    """Map the tokens by their output embeddings; answered by `AlphabetMapped`."""

    request: int
    step: int = -1
    selected: str = ""  # a token that is wanted even where it is not among the most frequent


class CharacterPoint(Struct, frozen=True):
    """A token by its output embedding."""

    character: str  # as it is shown
    x: float  # along the first principal component
    y: float  # along the second
    neighbours: Likely  # the nearest of all with their cosine similarity, the most alike first


class AlphabetMapped(Message, frozen=True):
    """The alphabet as the model sees it. A component keeps its sign from answer to answer."""

    request: int
    step: int
    points: tuple[CharacterPoint, ...]
    """Of a large vocabulary those that are most frequent in the text, the most frequent first."""
    explained: tuple[float, float]  # the share of their variance along x and y
    vocabulary: int  # its size
    selected: CharacterPoint | None = None  # the one that was asked for, if it is not among these


InsightCommand = (
    Inspect | InspectPlace | FindCopies | AskWhenLearned | DivideLoss | MapAlphabet | TrialCommand
)
INSIGHT_COMMANDS = get_args(InsightCommand)

InsightEvent = (
    Inspected
    | PlaceInspected
    | CopiesFound
    | WhenLearned
    | LossDivided
    | AlphabetMapped
    | TrialEvent
)
