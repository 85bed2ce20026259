"""`tinygpt-tui inspect`: a passage as a saved run reads it, as a table and as lines of JSON."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from command_line import PROGRAM, invoked, locked_elsewhere
from driving import ask, of, only, run_to_end, saved_run, tiny
from msgspec.structs import replace
from rich.cells import cell_len

from engine.protocol import Evaluated, Inspect, Inspected, Open, Opened, Place, Train
from engine.storage.paths import folder_of
from tui.cli.inspect import print_table

pytestmark = pytest.mark.timeout(60)

KEYS = ["character", "bits", "rank", "entropy", "next", "layers"]


def printed(*arguments: str, encoding: str = "utf-8") -> str:
    result = invoked("inspect", *arguments, encoding=encoding)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def answer(name: str, question: Inspect) -> Inspected:
    return only(ask(name, question), Inspected)


def test_a_run_of_bytes_is_read_in_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    place = Place("a", 2.0, 3, 1.0, (("a", 0.25),), (), ())
    places = (replace(place, bits=None), place, place)
    passage = Inspected(1, 7, "ab", "", 12, 99, places, (), 2.0, (), 2.0, 16)
    for ids, noun in (((), "character"), ((97, 98), "token")):
        print_table(replace(passage, ids=ids, starts=tuple(range(len(ids)))), "owl", ())
        printed = capsys.readouterr().out
        assert f"owl at step 7: validation text from {noun} 12 of 99" in printed
        assert f"mean surprise 2.000 bits a {noun} (2.000 bits/byte), over 1 {noun}" in printed


def test_json_is_a_line_for_each_character(verse_file: Path) -> None:
    name = saved_run(verse_file, "model.n_layer=3")
    text = "aloud;\nthe mouse below him"
    lines = [json.loads(line) for line in printed(name, "--text", text, "--json").splitlines()]
    assert [list(line) for line in lines] == [KEYS] * len(text)
    assert "".join(line["character"] for line in lines) == text
    assert lines[0]["bits"] is None
    places = answer(name, Inspect(1, text)).places
    for line, place in zip(lines[1:], places[1:-1], strict=True):
        assert (line["bits"], line["rank"], line["entropy"]) == (
            place.bits,
            place.rank,
            place.entropy,
        )
        assert line["next"] == [list(pair) for pair in place.next]
        assert len(line["next"]) == 10
        assert [len(depth) for depth in line["layers"]] == [3, 3, 3, 3]
        assert line["layers"] == [[list(pair) for pair in depth] for depth in place.layers]


def test_a_line_break_is_typed_as_in_a_prompt(verse_file: Path) -> None:
    output = printed(saved_run(verse_file), "--text", "loud;\\nthe", "--json")
    assert [json.loads(line)["character"] for line in output.splitlines()] == list("loud;\nthe")


def test_without_a_text_the_validation_text_is_read(verse_file: Path) -> None:
    name = saved_run(verse_file)
    for start in (0, 30):
        expected = answer(name, Inspect(1, start=start))
        output = printed(name, "--start", str(start), "--json").splitlines()
        assert "".join(json.loads(line)["character"] for line in output) == expected.text
        heading = printed(name, "--start", str(start)).splitlines()[0]
        assert heading == f"{name} at step 20: validation text from character {start} of 164"


def test_the_table_has_a_line_for_each_character_and_fits(verse_file: Path) -> None:
    name = saved_run(verse_file, "model.n_layer=16")  # more than a line has room for
    output = printed(name, "--text", "The owl was up\\nbefore")
    lines = output.splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert lines[0] == f"{name} at step 20: this text"
    assert lines[1].split() == [*("bits", "rank", "entropy", "likeliest"), "layer", "by", "layer"]
    rows = [line.split() for line in lines[2:-2]]
    assert [row[0] for row in rows] == list("The␠owl␠was␠up␊before")
    inspected = answer(name, Inspect(1, "The owl was up\nbefore"))
    assert rows[0] == ["T"]
    for row, place in zip(rows[1:], inspected.places[1:-1], strict=True):
        assert row[1] == f"{place.bits:.2f}"
        assert row[2] == "█" * min(8, round(place.bits or 0))
        assert row[3:5] == [str(place.rank), f"{place.entropy:.2f}"]
    assert lines[-2] == (
        f"mean surprise {inspected.bits:.3f} bits a character ({inspected.bits:.3f} bits/byte), "
        "over 20 characters"
    )
    assert lines[-1].startswith("next: ")
    assert lines[-1].count("%") == 10


def test_one_character_has_no_surprise(verse_file: Path) -> None:
    lines = printed(saved_run(verse_file), "--text", "o").splitlines()
    assert lines[2].split() == ["o"]
    assert len(lines) == 4
    assert lines[-1].startswith("next: ")


def test_a_part_that_is_off_changes_the_surprise(verse_file: Path) -> None:
    name = saved_run(verse_file)
    whole = printed(name, "--text", "The owl").splitlines()
    without = printed(name, "--text", "The owl", "--off", "1.head.1", "--off", "1.mlp").splitlines()
    assert without[0] == f"{name} at step 20, without 1.head.1, 1.mlp: this text"
    assert without[-2] != whole[-2]


def test_unknown_characters_are_left_out_and_named(verse_file: Path) -> None:
    result = invoked("inspect", saved_run(verse_file), "--text", "The☃ owl✔☃", "--json")
    assert result.exit_code == 0
    assert result.stderr == "Left out, since the text has no such characters: ☃✔\n"
    characters = [json.loads(line)["character"] for line in result.stdout.splitlines()]
    assert characters == list("The owl")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "☃"], "The model knows none of these characters"),
        (["--text", ""], "Error: --text is empty: there is nothing to read."),
        (["--off", "9.mlp"], "This model has no part '9.mlp': it has 1 block of 2 heads"),
        (["--text", "o", "--start", "3"], "Error: --start is a place in the validation text"),
        (["--text", 2_001 * "o"], "This text has 2,001 characters; at most 2,000 are read at once"),
    ],
)
def test_invalid_input_is_refused_with_a_message(
    verse_file: Path, arguments: list[str], message: str
) -> None:
    result = invoked("inspect", saved_run(verse_file), *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(message)


def test_a_run_that_is_not_there() -> None:
    result = invoked("inspect", "amber-otter")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "There is no run 'amber-otter': none is saved yet.\n"


def test_the_best_checkpoint(verse_file: Path) -> None:
    config = tiny(verse_file, "train.steps=60", "train.evaluation_interval=20")
    events = run_to_end(Open(config), Train())
    name = only(events, Opened).run
    best = min(of(events, Evaluated), key=lambda event: event.loss).step
    assert printed(f"{name}@best").startswith(f"{name}@best at step {best}: ")


def test_a_run_that_another_program_trains(verse_file: Path) -> None:
    name = saved_run(verse_file)
    with locked_elsewhere(name):
        assert printed(name).startswith(f"{name} at step 20: validation text")


def test_a_changed_text_of_the_run_needs_no_confirmation(verse_file: Path) -> None:
    name = saved_run(verse_file)
    corpus = folder_of(name) / "corpus.txt"
    corpus.write_text(corpus.read_text() + "owl")
    assert printed(name, "--text", "The owl").startswith(name)


def test_hostile_text_is_drawn_as_pictures(tmp_path: Path) -> None:
    hostile = "\x1b[2J[/bold][link=x]\x07\x9b\u202e\u0301\ufe0f\t\n:smile: "
    corpus = tmp_path / "hostile.txt"
    corpus.write_text(60 * hostile, encoding="utf-8")
    name = saved_run(corpus)
    output = printed(name, "--text", hostile)
    assert not set(output) & set("\x1b\x07\x9b\u202e\ufe0f\t")
    shown = [line[0] for line in output.splitlines()[2:-2]]
    assert "".join(shown) == "␛[2J[/bold][link=x]␇��\u0301�␉␊:smile:␠"
    lines = printed(name, "--text", hostile, "--json").splitlines()
    assert "".join(json.loads(line)["character"] for line in lines) == hostile


def test_standard_output_that_knows_ascii_only(tmp_path: Path) -> None:
    corpus = tmp_path / "千字文.txt"
    corpus.write_text(40 * "天地玄黄，宇宙洪荒。\n日月盈昃，辰 宿列张。\n", encoding="utf-8")
    name = saved_run(corpus)
    arguments = (name, "--text", "辰 宿。\\n")
    lines = printed(*arguments, encoding="ascii").splitlines()
    rows = lines[2 : next(i for i, line in enumerate(lines) if line.startswith("mean"))]
    shown = [row.split("  ")[0].strip() for row in rows]
    assert shown == ["\\u8fb0", "' '", "\\u5bbf", "\\u3002", "\\n"]
    assert any("#" in row for row in rows)
    lines = printed(*arguments, "--json", encoding="ascii").splitlines()
    assert [json.loads(line)["character"] for line in lines] == list("辰 宿。\n")


def test_a_reader_that_has_gone_ends_it_quietly(verse_file: Path) -> None:
    name = saved_run(verse_file)
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [*PROGRAM, "inspect", name], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=50
    )
    os.close(writing)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr
