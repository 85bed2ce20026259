"""How far a download is, in words."""

from urllib.parse import urlsplit

from data.safe_text import safe_text
from engine.protocol import Downloading
from tui.drawing.words import size


def amount(event: Downloading) -> str:
    """What has come: 0.4 of 1.1 MB, or 0.4 MB where nobody knows of how much."""
    if event.total < 0:
        return size(event.received)
    received, whole = size(event.received), size(event.total)
    number, _, unit = received.partition(" ")
    return f"{number if unit == whole.partition(' ')[2] else received} of {whole}"


def fraction(event: Downloading) -> float:
    """What has come of it, 0 to 1; 0 where nobody knows of how much."""
    return event.received / event.total if event.total > 0 else 0.0


def host(event: Downloading) -> str:
    """From where it comes, safe to draw; empty while that is not known."""
    return safe_text(urlsplit(event.url).hostname or "")
