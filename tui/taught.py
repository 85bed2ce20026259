"""What is taught besides the run's own text, and what comes of it, in numbers and in words."""

from math import isfinite

from msgspec import Struct
from msgspec.structs import replace

from engine.protocol import Evaluated, Event, Taught, TaughtAppeared, TaughtEvaluated


class Teaching(Struct, frozen=True):
    """The newest teaching. Losses are in bits a character."""

    since: int = -1
    """The step after which it began; -1: nothing was taught."""
    until: int = -1
    """The step after which it ended; -1: it goes on."""
    text: str = ""
    share: float = 0.0
    """Of the windows of text; 0: it is no longer taught."""
    lessons: int = 0
    """How many times a text or a share was taught since the run began."""
    surprise: tuple[float, float] | None = None
    """Of the taught text, when the teaching began and now."""
    held_out: float | None = None
    held_out_before: float | None = None
    """Of the run's own held-out text: now, and when the teaching began."""
    appeared: int = -1
    """The step of the first sample that has the text in it."""

    @property
    def goes_on(self) -> bool:
        """Whether a text is taught now."""
        return self.since >= 0 and self.until < 0

    @property
    def outcome(self) -> str:
        """What has come of it, in a line; empty where nothing was measured yet."""
        if not self.surprise:
            return ""
        words = "taught: its surprise {:.2f} → {:.2f} bits".format(*self.surprise)
        if self.held_out_before is not None and self.held_out is not None:
            words += f", held out {self.held_out_before:.2f} → {self.held_out:.2f}"
        return words + (", in a sample" if self.appeared >= 0 else "")

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Labels and values: what has come of it; none where nothing was taught."""
        if self.since < 0:
            return []
        ended = f" to {self.until:,}" if self.until >= 0 else ""
        found = [("taught", f"since step {self.since:,}{ended}")]
        if self.surprise:
            found.append(("its surprise", "{:.2f} → {:.2f} bits".format(*self.surprise)))
        if self.held_out_before is not None and self.held_out is not None:
            held_out = f"{self.held_out_before:.2f} → {self.held_out:.2f} bits"
            found.append(("held out", held_out))
        if self.appeared >= 0:
            found.append(("in a sample", f"at step {self.appeared:,}"))
        return found


def windows(share: float) -> str:
    """The windows of text that a taught one takes: 10% of the windows."""
    return f"{100 * share:.3g}% of the windows"


def fold_teaching(teaching: Teaching, event: Event) -> Teaching:
    """The teaching after one more event, whose text is safe."""
    match event:
        case Evaluated(bits_per_char=bits) if isfinite(bits):
            return replace(teaching, held_out=bits)
        case Taught():
            return _taught(teaching, event)
        case TaughtEvaluated(_, bits) if bits is not None:
            first = teaching.surprise[0] if teaching.surprise else bits
            return replace(teaching, surprise=(first, bits))
        case TaughtAppeared(step):
            return replace(teaching, appeared=step)
        case _:
            return teaching


def _taught(teaching: Teaching, event: Taught) -> Teaching:
    """The same text with another share, or another text."""
    step, text, share = event.step, event.text, event.share
    lessons = teaching.lessons + 1
    if text == teaching.text and (teaching.goes_on or not share):
        until = teaching.until if teaching.until >= 0 or share else step
        return replace(teaching, until=until, share=share, lessons=lessons)
    until = -1 if share else step
    held_out = teaching.held_out
    return Teaching(step, until, text, share, lessons, None, held_out, held_out)
