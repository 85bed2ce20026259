"""A run is taught another text from the command line."""

import re
import shlex
from html import unescape
from pathlib import Path

import pytest
from command_line import TINY, events_of, invoked
from driving import Driver, is_a, losses, of, only, saved_run, tiny

from engine.protocol import (
    Close,
    Evaluated,
    Open,
    Opened,
    PhaseChanged,
    StepDone,
    Taught,
    TaughtEvaluated,
    Teach,
    Train,
)
from engine.storage.history import FILE as HISTORY
from engine.storage.history import read_history
from engine.storage.paths import folder_of, run_names
from tui.teaching_text import text_to_teach

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
    assert "step      25  taught from here on: 15 characters, in 25% of the windows" in again.stdout


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
        (
            ["--teach", "a" * 5_000 + "\u2603 caf\u00e9"],
            "With --map-unknown they are replaced: \u2603 (Snowman) is left out, \u00e9 (Latin small "
            "letter e with acute) becomes e.",
        ),
        (["--teach", "a\x1b]0;hi\x07"], "replaced: \u241b (U+001B) is left out, ] (Right square"),
        (["--teach", "\u2603\x07"], "The model knows no character of the text to teach"),
    ],
)
def test_what_cannot_be_taught_is_refused(
    verse_file: Path, options: list[str], message: str
) -> None:
    result = invoked("train", verse_file, *TINY, *options, "--json", columns=300)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert of(events_of(result.stdout), StepDone) == []


def test_what_is_refused_does_not_lengthen_the_run(verse_file: Path) -> None:
    name = saved_run(verse_file)
    taught = invoked("train", "--run", name, "--steps", 5, "--teach", "a bell", "--share", 0.5)
    assert taught.exit_code == 0, taught.stderr
    before = (folder_of(name) / HISTORY).read_bytes()
    for options in (
        ("--teach", "\u2603 a", "--share", "0.5"),
        ("--share", "1.5"),
        ("--until", "25"),
    ):
        refused = invoked("train", "--run", name, "--steps", 500, *options)
        assert refused.exit_code == 2, options
    assert "--until names a later step: the run is at step 25 already." in refused.stderr
    assert (folder_of(name) / HISTORY).read_bytes() == before


@pytest.mark.thorough
def test_the_commands_of_a_report_teach_the_same(
    verse_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is taught in the middle, taught another text, extended, and left: trained by the
    commands of its report it has the same losses, bit for bit."""
    driver = Driver().when(is_a(StepDone, step=7), Teach("a bell\na boat", 0.4))
    driver.when(is_a(StepDone, step=13), Teach("", 0.25))
    driver.when(is_a(PhaseChanged, phase="done"), Train(10))
    driver.when(is_a(StepDone, step=26), Teach("the owl " * 40, 0.3, source="owls.txt"), Close())
    events = driver.run(Open(tiny(verse_file, "model.dropout=0.1")), Train())
    path = tmp_path / "one.html"
    (tmp_path / "owls.txt").write_text("the owl " * 40)
    assert invoked("report", only(events, Opened).run, "-o", path).exit_code == 0
    (block,) = re.findall('<pre class="command">(.*?)</pre>', path.read_text(), re.DOTALL)
    typed = unescape(block).splitlines()
    assert [line.partition(" --teach ")[2] for line in typed] == [
        "",
        "'a bell\\na boat' --share 0.4 --until 13",
        "'a bell\\na boat' --share 0.25",
        "",
        "owls.txt --share 0.3",
    ]
    monkeypatch.chdir(tmp_path)
    before, name = {*run_names()}, ""
    for line in typed[:-1]:
        assert invoked(*shlex.split(line.replace("NAME", name))[1:]).exit_code == 0, line
        (name,) = {*run_names()} - before
    assert losses(read_history(folder_of(name)))[: len(losses(events))] == losses(events)


def test_a_binary_file_is_not_taught(verse_file: Path, tmp_path: Path) -> None:
    lesson = tmp_path / "lesson.bin"
    lesson.write_bytes(bytes(range(256)) * 4)
    result = invoked("train", verse_file, *TINY, "--teach", lesson, columns=300)
    assert result.exit_code == 2
    assert "is a binary file, not a text file" in result.stderr


def test_a_file_is_named_and_one_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(ValueError, match="has 10 GB: a text to teach has 2,000,000 characters at"):
        text_to_teach(str(path))
    path.write_text("a bell\n")
    assert text_to_teach(str(path)) == ("a bell\n", "huge.txt")
    assert text_to_teach("a bell\\n") == ("a bell\n", "")
    text, source = text_to_teach("tales")
    assert (len(text) > 10_000, source) == (True, "tales")
