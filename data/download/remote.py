"""Texts that are not on this machine until they have been downloaded."""

import hashlib
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from data import files
from data.corpus import Corpus
from data.decoding import check_encoding
from data.download import hub
from data.download.address import checked_url
from data.download.copies import Copy, content_of, copy_of, path_of, texts_folder
from data.download.kinds import DownloadNeededError, is_dataset, is_url
from data.download.known import KNOWN, body
from data.download.progress import megabytes
from data.folders import FoundFile, LeftOut
from data.raw_bytes import LARGE_BYTES, read_pieces
from data.reading import Reading
from data.safe_text import safe_text
from data.text import Text

_HTML = ("<!doctype html", "<html")
_OLD = 86_400.0
"""Seconds after which a copy is called old."""


def check_address(text: str) -> None:
    """ValueError, with a user-facing message, for a remote text that cannot be meant."""
    if is_url(text):
        checked_url(text)
    elif is_dataset(text):
        hub.parsed(text)


def is_here(text: str) -> bool:
    """Whether there is a copy of a remote text."""
    return copy_of(text) is not None


def needed(address: str, reading: Reading, *, damaged: bool = False) -> DownloadNeededError:
    """The error for a text that is not here, or whose copy is damaged."""
    what = safe_text(address)
    lost = " Its copy here is damaged." if damaged else ""
    origin, terms = _terms(address, reading)
    return DownloadNeededError(
        address,
        reading.download_mb,
        f"The text {what} has to be downloaded first: tinygpt-tui texts get {what}{lost}",
        f"Download {what}{origin}? {terms}{lost}",
    )


def load(text: str, reading: Reading) -> Corpus:
    """A remote text, from its copy, in memory. DownloadNeededError if there is none; ValueError,
    with a user-facing message, if it cannot be used."""
    copy = _copy(text, reading)
    content = content_of(copy)
    if content is None:
        raise needed(text, reading, damaged=True)
    shown = safe_text(text)
    if text in KNOWN:
        known = KNOWN[text]
        source = f"{known.about}; from {urlsplit(known.url).hostname}"
        return Corpus(
            text, body(files.decoded(content, shown, reading).text), source, known.license
        )
    result = files.decoded(content, shown, _reading(copy, reading))
    return _described(copy, result.text, result.note)


class LargeCopy(NamedTuple):
    """A copy that is not read into memory, as the file that it is."""

    copy: Copy
    found: files.Found
    reading: Reading
    """How it is read: in the encoding that the server states, unless the user names one."""

    def check(self, on_read: files.OnRead) -> None:
        """DownloadNeededError if it is not what was downloaded. `on_read` gets the number of bytes of
        each piece that was looked at."""
        digest = hashlib.sha256()
        file = self.found.files[0]
        for piece in read_pieces(file.path, self.found.name, 0, file.size):
            digest.update(piece)
            on_read(len(piece))
        if digest.hexdigest() != self.copy.sha256:
            raise needed(self.copy.address, self.reading, damaged=True)

    def corpus(self, text: Text, note: str) -> Corpus:
        """Its text, and what is known of it."""
        return _described(self.copy, text, note)


def find_large(text: str, reading: Reading) -> LargeCopy | None:
    """The copy of a remote text, if that is a large one. Errors as from `load`."""
    copy = _copy(text, reading)
    if copy.size <= LARGE_BYTES:
        return None
    path = path_of(copy)
    if not path.is_file() or path.stat().st_size != copy.size:
        raise needed(text, reading, damaged=True)
    file = FoundFile(path, path.name, copy.size)
    found = files.Found(safe_text(text), (path,), [file], LeftOut([], [], []), single=True)
    return LargeCopy(copy, found, _reading(copy, reading))


def _copy(text: str, reading: Reading) -> Copy:
    """The copy of a remote text. Errors as from `load`."""
    check_address(text)
    if reading.ignore:
        raise ValueError(f"'{safe_text(text)}' is one text: --ignore leaves files out of a folder.")
    copy = copy_of(text)
    if copy is None:
        raise needed(text, reading)
    return copy


def _reading(copy: Copy, reading: Reading) -> Reading:
    """How a copy is read."""
    stated = reading.encoding or _stated_encoding(copy)
    return Reading(stated, download_mb=reading.download_mb)


def _described(copy: Copy, text: Text, note: str) -> Corpus:
    """The text of a copy, and what is known of it. `note`: on how it was read."""
    start = text[:100].lstrip().casefold()
    html = "a web page: its tags are part of the text" if start.startswith(_HTML) else ""
    notes = "; ".join(filter(None, (copy.note, _age_note(copy), html, note)))
    return Corpus(_name(copy.address), text, _source(copy), "not stated", notes)


def _terms(address: str, reading: Reading) -> tuple[str, str]:
    """From where a text is downloaded; how much of it at most, and what becomes of it."""
    kept = f"It is kept in {safe_text(str(texts_folder()))}."
    if address in KNOWN:
        known = KNOWN[address]
        return f" ({megabytes(known.size)}) from {known.url}", kept
    most = f"At most {reading.download_mb:,} MB are taken (--download-limit)."
    if is_dataset(address):
        return f" from {hub.host()}", f"{most} It is one column of the first split. {kept}"
    return "", f"{most} {kept} It is read as text; nothing in it is run."


def _stated_encoding(copy: Copy) -> str:
    """The encoding that the server states, if there is such a one."""
    with suppress(ValueError):
        if copy.charset:
            check_encoding(copy.charset)
            return copy.charset
    return ""


def _age_note(copy: Copy) -> str:
    if copy.seconds_old < _OLD:
        return ""
    return (
        f"the copy is {copy.age}; tinygpt-tui texts get --again {safe_text(copy.address)} renews it"
    )


def _source(copy: Copy) -> str:
    address = safe_text(copy.address)
    over = "" if copy.url in ("", copy.address) else f" ({safe_text(copy.url)})"
    return f"{address}{over}, as of {copy.date}"


def _name(address: str) -> str:
    """A short name: the last part of the path, else the host."""
    if is_dataset(address):
        return safe_text(hub.parsed(address).repository)
    parts = urlsplit(address)
    last = unquote(parts.path).rstrip("/").rpartition("/")[2]
    return safe_text(last or parts.hostname or address)[:60]
