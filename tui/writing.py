"""The text generated from a prompt, and how each event changes it."""

from msgspec import Struct
from msgspec.structs import replace

from engine.protocol import CopiesFound, SampleDone, SampleStarted, TextSampled
from tui.copies import Copies, copies_in

TEXT_KEPT = 200_000
"""Characters kept of one generated text; the oldest are dropped first."""


class Writing(Struct, frozen=True):
    """The text generated from a prompt, while it is generated and afterwards."""

    sample_id: int
    step: int
    prompt: str
    unknown: str
    unseen: int
    text: str = ""
    characters: int = 0
    earlier: int = 0
    """Characters generated before the last request to write on; `seconds` are those since then."""
    seconds: float = 0.0
    ended: str = ""  # the reason, once it has ended
    copies: Copies | None = None
    """What of the text, or of its beginning, is copied; None: not known yet."""

    @property
    def speed(self) -> float:
        """Characters per second."""
        return (self.characters - self.earlier) / self.seconds if self.seconds else 0.0


def fold_writing(
    writing: Writing | None, event: SampleStarted | TextSampled | SampleDone | CopiesFound
) -> Writing | None:
    """The generated text after one more event; what belongs to a superseded prompt is ignored.

    A prompt that is all of the text so far is that text written on.
    """
    match event:
        case SampleStarted(sample_id, step, prompt) if (
            writing is not None and writing.text and prompt == writing.prompt + writing.text
        ):
            return replace(
                writing,
                sample_id=sample_id,
                step=step,
                earlier=writing.characters,
                seconds=0.0,
                ended="",
            )
        case SampleStarted(sample_id, step, prompt, unknown, unseen):
            return Writing(sample_id, step, prompt, unknown, unseen)
        case CopiesFound():
            copies = copies_in(writing.text, event) if writing is not None else None
            return writing if writing is None or not copies else replace(writing, copies=copies)
        case _ if writing is None or writing.sample_id != event.sample_id:
            return writing
        case TextSampled(_, text, characters, seconds):
            longer = writing.text + text
            kept = longer[-TEXT_KEPT:]
            return replace(
                writing,
                text=kept,
                characters=writing.earlier + characters,
                seconds=seconds,
                copies=writing.copies if kept == longer else None,
            )
        case SampleDone():
            return replace(writing, ended=event.reason)
