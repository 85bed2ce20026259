"""What the model writes on with, from a character that the user has chosen instead of the true one:
a tree of texts, of which each branch is kept."""

from msgspec import Struct

from tui.safe_struct import Raw


class Spot(Struct, frozen=True):
    """A character of a passage, to come back to."""

    text: Raw[str] | None
    """None: held-out text from `start` on."""
    start: int
    cursor: int


class Branches(Struct, frozen=True):
    """The texts that were written on, and the way that has led to the one that is read."""

    kept: tuple[tuple[Raw[str], Raw[str]], ...] = ()
    """What was written on from, up to the chosen character; and all of it with what was written."""
    trail: tuple[Spot, ...] = ()
    """Where the way has branched, the first fork first."""
    awaited: int = 0
    """The sample that is being written; 0: none."""

    def written_from(self, text: str) -> str | None:
        """What was written on from a text, with that text; None: nothing yet."""
        return next((whole.value for begun, whole in self.kept if begun.value == text), None)
