"""Texts that are downloaded before a run can be opened on them."""

from engine.protocol.message import Message


class DownloadText(Message, frozen=True):
    """Download a text of the catalog, a URL or a dataset; answered by `Downloading`, repeatedly, and
    `DownloadEnded`. One at a time."""

    text: str
    limit_mb: int  # the most that is downloaded, in millions of bytes
    again: bool = False  # even if there is a copy, unless that is the newest version


class CancelDownload(Message, frozen=True):
    """Cancel the download in progress."""


class Downloading(Message, frozen=True):
    """How far a download is."""

    text: str
    url: str  # where it comes from, after redirects
    received: int  # bytes
    total: int  # bytes; -1: the server does not say
    note: str = ""  # what is being waited for


class DownloadEnded(Message, frozen=True):
    """A download has ended; where it is not complete, `Failed` says why."""

    text: str
    complete: bool


DownloadCommand = DownloadText | CancelDownload
DownloadEvent = Downloading | DownloadEnded
