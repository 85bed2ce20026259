"""Downloads a text of any kind."""

from filelock import FileLock, Timeout

from data.atomic import make_folder
from data.download.address import checked_url
from data.download.copies import Copy, folder_of
from data.download.fetching import Wanted, fetch
from data.download.kinds import is_dataset
from data.download.known import KNOWN
from data.download.progress import Control
from data.download.remote import check_address


def download(address: str, limit_mb: int, control: Control, *, again: bool = False) -> Copy:
    """The copy of a text, downloaded unless it is here; `again`: also if it is, unless it is the
    newest.

    ValueError, with a user-facing message, if it cannot be downloaded; OSError.
    """
    check_address(address)
    folder = folder_of(address)
    make_folder(folder)
    try:
        with FileLock(folder / "lock", timeout=0):
            return _download(address, limit_mb, control, again=again)
    except Timeout:
        raise ValueError("Another program is downloading this text: wait for it.") from None


def _download(address: str, limit_mb: int, control: Control, *, again: bool) -> Copy:
    if address in KNOWN:
        known = KNOWN[address]
        return fetch(Wanted(address, known.url, known.size, known.sha256), control, again=again)
    limit = limit_mb * 1_000_000
    if is_dataset(address):
        from data.download.rows import fetch_rows  # with the packages of an extra

        return fetch_rows(address, limit, control, again=again)
    return fetch(Wanted(address, checked_url(address), limit), control, again=again)
