"""How far a download is, and how it is cancelled."""

from collections.abc import Callable
from threading import Event
from typing import NamedTuple


class Progress(NamedTuple):
    """What has come so far."""

    url: str  # where it comes from now
    received: int  # bytes
    total: int  # bytes; -1: not known
    note: str = ""  # what is being waited for


class Control(NamedTuple):
    """What connects a download with whoever asked for it, who may be in another thread."""

    report: Callable[[Progress], None]
    stop: Event

    def check(self) -> None:
        """CancelledDownloadError once the download is cancelled."""
        if self.stop.is_set():
            raise CancelledDownloadError

    def wait(self, seconds: float) -> None:
        """Wait so long. CancelledDownloadError, at once, if the download is cancelled."""
        self.stop.wait(seconds)
        self.check()


class CancelledDownloadError(ValueError):
    """The user has cancelled the download."""

    def __init__(self) -> None:
        super().__init__("The download was cancelled.")


def megabytes(size: int) -> str:
    """Bytes, for a message: 1.1 MB, 200 MB."""
    return f"{size / 1e6:,.1f} MB" if size < 99_500_000 else f"{size / 1e6:,.0f} MB"
