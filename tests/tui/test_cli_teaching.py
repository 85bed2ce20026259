"""A run is taught another text from the command line."""

from pathlib import Path

import pytest
from command_line import TINY, events_of, invoked
from driving import of, only

from engine.protocol import Evaluated, Opened, StepDone, Taught, TaughtEvaluated

pytestmark = pytest.mark.timeout(60)


def test_a_run_is_taught_a_file_and_says_how_its_surprise_falls(
    verse_file: Path, tmp_path: Path
) -> None:
    lesson = tmp_path / "lesson.txt"
    lesson.write_text("“the flobbet”\nand the mill\n", encoding="utf-8")
    options = ("--teach", lesson, "--share", 0.5, "--map-unknown")
    first = invoked("train", verse_file, *TINY, "--steps", 20, *options, "--json")
    assert first.exit_code == 0, first.stderr
    events = events_of(first.stdout)
    taught = only(events, Taught)
    assert (taught.step, taught.text, taught.share) == (0, '"the flobbet"\nand the mill\n', 0.5)
    bits = [event.bits_per_char or 0.0 for event in of(events, TaughtEvaluated)]
    assert [event.step for event in of(events, TaughtEvaluated)] == [0, 10, 20]
    assert bits == sorted(bits, reverse=True)
    assert [event.step for event in of(events, Evaluated)] == [0, 10, 20]

    name = only(events, Opened).run
    stopped = invoked("train", "--run", name, "--steps", 5, "--share", 0, columns=200)
    assert "step      20  the other text is no longer taught" in stopped.stdout
    assert "step      20  taught text  " in stopped.stdout
    typed = ("--teach", r"a mill\nof nails", "--share", "0.25")
    again = invoked("train", "--run", name, "--steps", 5, *typed, columns=200)
    assert "step      25  taught from here on: 15 characters, 0.25 of each batch" in again.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--teach", ""], "There is no text to teach: it is empty."),
        (["--teach", "a bell", "--share", "1.5"], "--share is from 0 to 1, not 1.5."),
        (["--teach", "a bell", "--share", "nan"], "--share is from 0 to 1, not nan."),
        (["--map-unknown"], "it goes with --teach"),
        (["--share", "0.5"], "No text is taught yet"),
        (["--teach", "no/such.txt"], "There is no file 'no/such.txt'."),
        (["--teach", "."], "'.' is a folder"),
        (["--teach", "x" * 5_000 + "\u2603"], "characters of the text to teach: x\u2603."),
        (
            ["--teach", "\x1b]0;hi\x07 \u00e9"],
            "characters of the text to teach: \u241b]0\u2407\u00e9.",
        ),
    ],
)
def test_what_cannot_be_taught_is_refused(
    verse_file: Path, options: list[str], message: str
) -> None:
    result = invoked("train", verse_file, *TINY, *options, "--json", columns=300)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert of(events_of(result.stdout), StepDone) == []


def test_a_binary_file_is_not_taught(verse_file: Path, tmp_path: Path) -> None:
    lesson = tmp_path / "lesson.bin"
    lesson.write_bytes(bytes(range(256)) * 4)
    result = invoked("train", verse_file, *TINY, "--teach", lesson, columns=300)
    assert result.exit_code == 2
    assert "is a binary file, not a text file" in result.stderr
