"""The page of a report: what it says, what it can never do, and how it gets onto the disk."""

import shlex
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from command_line import invoked, locked_elsewhere
from driving import losses, of, saved_run
from msgspec.structs import replace

from engine.config import nano, override
from engine.device import Machine
from engine.protocol import (
    Evaluated,
    LossDivided,
    LossPart,
    ReportedChange,
    ReportedEvaluation,
    ReportedRun,
    ReportedSample,
    ReportedText,
    Tokens,
    TrainingLosses,
)
from engine.storage.history import read_history
from engine.storage.library import annotate
from engine.storage.paths import folder_of, run_names
from tui.report.command import commands, remarks
from tui.report.page import page

HOSTILE = '</title></style><script src="http://evil">alert(1)</script>\x1b[31m\x07\u202e"\'><img onerror=x>'
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "section", "article", "footer"),
    *("h1", "h2", "h3", "h4", "small", "p", "strong", "b", "blockquote", "ul", "li", "pre", "span"),
    *("div", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("figure", "figcaption", "svg", "line", "path", "text", "rect", "circle"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "scope", "role", "aria-label"),
    *("aria-hidden", "viewbox", "d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width"),
    *("height", "fill", "stroke-dasharray"),
}


class Parsed(HTMLParser):
    """A page as a browser understands it."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.cells: list[list[str]] = []
        self.words = ""
        self.by_tag: dict[str, list[str]] = {}
        self._inside: list[str] = []
        self.feed(content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self._inside.append(tag)
        self.by_tag.setdefault(tag, []).append("")
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")
        if tag == "tr":
            self.cells.append([])
        elif tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data
        for tag in set(self._inside):
            self.by_tag[tag][-1] += data
        if {"td", "th"} & {*self._inside}:
            self.cells[-1][-1] += data


def run_of(words: str = "velvet-otter", points: int = 3, **fields: object) -> ReportedRun:
    """A run with this text in every place that has one."""
    config = replace(nano(words), preset=words)
    config = replace(config, sample=replace(config.sample, stop=words))
    run = ReportedRun(
        run=words,
        step=points,
        steps=points,
        minutes=0.0,
        done=True,
        holder=words,
        config=config,
        created=words,
        note=words,
        parent="",
        parent_step=0,
        parent_config=None,
        text=ReportedText(words, words, words, words, 65, 1_000, 100),
        machine=Machine(words, 2, "float32", words, words),
        parameters=106_624,
        seconds=44.0,
        trained=512_000,
        training=tuple(
            TrainingLosses(n, n, 2.0 + 1 / n, 2.1 + 1 / n, 2.2 + 1 / n, 0.03)
            for n in range(1, points + 1)
        ),
        evaluations=tuple(
            ReportedEvaluation(n, 2.0 + 1 / (n + 1), 0.4, 100, n * 1_024, n * 0.1)
            for n in range(points + 1)
        ),
        samples=(
            ReportedSample(0, words, f"{words}\n{words}"),
            ReportedSample(points, words, words, 9),
        ),
        changes=(ReportedChange(2, "learning rate", 0.01), ReportedChange(points, "steps", 9)),
        rungs=((words, 2.4), ("letter pairs", 2.2)),
        divided=LossDivided(
            0,
            points,
            8_192,
            2.7,
            (LossPart(words, 2.5, 0.6), LossPart("space", 1.0, 0.4)),
            (LossPart("1", 3.0, 0.5), LossPart("2", 2.5, 0.5)),
            64,
        ),
    )
    return replace(run, **fields)


@pytest.mark.parametrize("number", [1, 2])
def test_no_text_becomes_markup_and_nothing_is_loaded(number: int) -> None:
    parsed = Parsed(page([run_of(HOSTILE)] * number, HOSTILE))
    assert set(parsed.tags) <= TAGS
    assert set(parsed.attributes) <= ATTRIBUTES
    assert "alert(1)" in parsed.by_tag["h1"][0]
    assert "␛[31m␇\ufffd" in parsed.by_tag["h1"][0]
    style = parsed.by_tag["style"][0]
    assert "url(" not in style
    assert "@import" not in style
    (policy,) = [one for one in parsed.attributes["content"] if one.startswith("default-src")]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    # Line breaks of samples stay; any other control character is a picture.
    assert {one for one in parsed.words if ord(one) < 32 or ord(one) == 127} == {"\n"}


def test_every_picture_has_words_and_every_table_headings() -> None:
    parsed = Parsed(page([run_of(), run_of("fleet-raven")], "2026-11-26"))
    pictures = parsed.tags.count("svg")
    named = len(parsed.attributes["aria-label"]) + len(parsed.attributes["aria-hidden"])
    assert named == pictures
    assert all(parsed.attributes["aria-label"])
    assert parsed.tags.count("caption") == parsed.tags.count("table")
    assert set(parsed.attributes["scope"]) == {"col", "row"}


def test_curves_differ_without_colour() -> None:
    """Dashes and marks: eight runs in one picture differ on a black and white print."""
    content = page([run_of(f"run-{n}") for n in range(8)], "").decode()
    overview = content[: content.index("Run run-0")]
    picture = overview[overview.index("<figcaption") - 60_000 : overview.index("<figcaption")]
    dashes = {part.split('"')[1] for part in picture.split("stroke-dasharray=")[1:]}
    assert len(dashes) == 8


def test_the_longest_report_is_small() -> None:
    """Six whole runs of 400 points each, with samples of a thousand characters."""
    samples = tuple(ReportedSample(n, "&" * 1_000, "<" * 1_000) for n in range(8))
    runs = [run_of(f"run-{n}", 400, samples=samples) for n in range(20)]
    content = page(runs, "")
    assert len(content) < 2_000_000
    assert "14 runs more are in the curves and tables only." in Parsed(content).words


def test_runs_on_other_texts_are_not_compared_in_silence() -> None:
    other = run_of("fleet-raven", text=ReportedText("fairy.txt", "", "", "0f", 65, 1_000, 100))
    words = Parsed(page([run_of(), other], "")).words
    assert "Not all were trained on the same text" in words


def test_a_report_says_what_the_history_says(
    verse_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = saved_run(verse_file)
    annotate(name, "My first run & its <note>")
    result = invoked("report", name)
    path = tmp_path / f"{name}.html"
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"Reported {name} in {path} ({path.stat().st_size / 1e3:.0f} KB).\n"
    parsed = Parsed(path.read_bytes())
    evaluated = of(read_history(folder_of(name)), Evaluated)
    rows = [cells for cells in parsed.cells if len(cells) == 6 and cells[0][0].isdigit()]
    assert [(row[0].removesuffix(" (best)"), row[1]) for row in rows] == [
        (f"{event.step}", f"{event.loss:.4f}") for event in evaluated
    ]
    assert parsed.by_tag["h1"] == [name]
    assert parsed.by_tag["blockquote"] == ["My first run & its <note>"]
    assert ["● train.batch_size", "4", "16", "Windows of text in one step."] in parsed.cells
    assert ["model.n_head", "2", "2", "Attention heads in each block."] in parsed.cells


def test_the_command_in_a_report_trains_the_same_run(
    verse_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit, with the settings that were measured and one that has a line break."""
    monkeypatch.chdir(tmp_path)
    name = saved_run(verse_file, "train.seed=7", "model.dropout=0.1", "sample.stop=\n")
    assert invoked("report", name, "-o", "one.html").exit_code == 0
    (command,) = [
        words
        for words in Parsed((tmp_path / "one.html").read_bytes()).by_tag["pre"]
        if words.startswith("tinygpt-tui train")
    ]
    before = {*run_names()}
    assert invoked(*shlex.split(command)[1:]).exit_code == 0
    (again,) = {*run_names()} - before
    first, second = (losses(read_history(folder_of(run))) for run in (name, again))
    assert first == second


def test_the_commands_of_a_fork_and_of_an_extended_run() -> None:
    parent = override(nano("verse.txt"), ["train.batch_size=32", "train.seed=5"])
    config = override(parent, ["train.batch_size=16", "model.dropout=0.1"])
    run = run_of(
        config=config,
        parent="my otter",
        parent_step=250,
        parent_config=parent,
        step=270,
        steps=270,
        changes=(ReportedChange(3, "steps", 9), ReportedChange(264, "steps", 270)),
    )
    first, second = commands(run)
    assert first.startswith("tinygpt-tui train verse.txt --fork 'my otter@250' ")
    assert "--set model.dropout=0.1 --set train.batch_size=16 --set train.seed=5" in first
    assert "n_embd" not in first
    assert second == "tinygpt-tui train --run NAME --steps 6"


def test_the_commands_of_a_run_that_was_taught() -> None:
    """It is left where it was taught, taught there, and goes on; a long text is named."""
    config = override(nano("verse.txt"), ["train.steps=20"])
    changes = (
        ReportedChange(0, "taught", 0.5, "", "tales", mapped=True),
        ReportedChange(7, "taught", 0.1, "a bell\n-"),
        ReportedChange(20, "taught", 0.0, "a bell\n-"),
        ReportedChange(20, "steps", 30),
        ReportedChange(24, "taught", 0.25),
    )
    run = run_of(config=config, changes=changes, step=26, steps=30, done=False)
    first, *others = commands(run)
    assert first.endswith(" --teach tales --share 0.5 --map-unknown --until 7")
    assert [line.removeprefix("tinygpt-tui train --run NAME ") for line in others] == [
        r"--teach 'a bell\n-' --share 0.1",
        r"--teach 'a bell\n-' --share 0.0 --steps 10 --until 24",
        "--teach taught-24.txt --share 0.25 --until 26",
    ]
    (where,) = [words for words in remarks(run) if "taught-24.txt" in words]
    assert "metrics.jsonl" in where


def test_only_a_report_is_overwritten(verse_file: Path, tmp_path: Path) -> None:
    name = saved_run(verse_file)
    path = tmp_path / "report.html"
    path.write_text("my homework")
    result = invoked("report", name, "-o", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        result.stderr == f"Error: {path} exists already, and is no report: write to another path.\n"
    )
    assert path.read_text() == "my homework"
    path.unlink()
    for runs in ((name,), (name, name)):
        assert invoked("report", *runs, "-o", path).exit_code == 0
    assert [one.name for one in tmp_path.glob("*.html*")] == ["report.html"]
    result = invoked("report", "no-such-run", "-o", path)
    assert result.exit_code == 2
    assert "There is no run 'no-such-run'" in result.stderr


def test_a_run_in_training_is_reported_as_it_was_saved(verse_file: Path, tmp_path: Path) -> None:
    name = saved_run(verse_file)
    path = tmp_path / "report.html"
    with locked_elsewhere(name):
        result = invoked("report", name, "-o", path)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Another program trains {name} (process ")
    (notice,) = [p for p in Parsed(path.read_bytes()).by_tag["p"] if p.startswith("In training.")]
    assert notice.endswith("this is how it was when it was last saved, at step 20.")


def test_runs_with_other_tokens_are_compared_in_bits_a_byte() -> None:
    """A lower loss per token may be the higher one per byte."""
    letters = run_of("letters")
    text = replace(letters.text, tokens=Tokens(number=63, bytes_each=1.0))
    letters = replace(letters, text=text)
    tokens = Tokens(kind="bpe", number=1024, characters_each=0.5, bytes_each=0.5)
    learned = replace(letters, run="learned", text=replace(text, tokens=tokens))
    alone = page([learned], "tokens").decode()
    assert "nats a token" in alone
    assert "reads and writes 1,024 tokens learned from its text (byte pair encoding)" in alone
    assert "of 0.50 characters on average" in alone
    assert "different characters" not in alone
    whole = page([learned, letters], "tokens").decode()
    assert "Not all have the same tokens" in whole
    assert "Held-out loss of each run by step, in bits a byte." in whole
    rows = whole[whole.index("<table") :]
    assert f"<td>{letters.trained:,}</td>" in rows
    assert f"<td>{letters.trained // 2:,}</td>" in rows, "characters of text, not tokens"
    assert rows.index("letters") < rows.index("learned")
