"""What a run is taught: the text is in the event `Taught` of its history, and each checkpoint names
the digest of the one that holds for its next step."""

import hashlib
from typing import NamedTuple

from engine.protocol import Event, Taught, TaughtAppeared
from engine.storage.corpus_text import utf8_chunks


class Lesson(NamedTuple):
    """What is taught, as a history has it."""

    taught: Taught
    appeared: bool  # in a sample, since the teaching began


def digest_of(taught: Taught) -> str:
    """The digest by which a checkpoint names it: of all that the next step depends on."""
    digest = hashlib.sha256(f"{taught.step} {taught.share!r} ".encode())
    for chunk in utf8_chunks(taught.text):
        digest.update(chunk)
    return digest.hexdigest()


def continued(lesson: Lesson | None, event: Event) -> Lesson | None:
    """The lesson after an event of the history."""
    match event:
        case Taught():
            seen = lesson is not None and lesson.appeared and lesson.taught.text == event.text
            return Lesson(event, seen)
        case TaughtAppeared() if lesson is not None:
            return lesson._replace(appeared=True)
        case _:
            return lesson
