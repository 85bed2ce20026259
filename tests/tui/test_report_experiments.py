"""The report on a race or a sweep: what was asked, what came out, and how to do it again."""

import errno
import os
import shlex
from pathlib import Path

import pytest
from command_line import TINY, invoked
from driving import losses, saved_run
from msgspec.structs import replace
from test_report import HOSTILE, Parsed, run_of

from engine.protocol import (
    RaceVerdict,
    RepetitionInfo,
    ReportedRace,
    ReportGathered,
    SweepCase,
    SweepPlan,
    SweepRead,
    TrialResult,
)
from engine.storage.history import read_history
from engine.storage.library import delete
from engine.storage.paths import folder_of, run_names
from engine.storage.race_file import new_race, race_names, read_race, write_race
from engine.storage.sweep_file import SweepResults, begun_sweep
from tui.lab.questions import question_of
from tui.report.about import about
from tui.report.page import page
from tui.sweep.plan import read_plan

ATTENTION = question_of("attention")
SENTENCE = "A is 0.1 better, three times the spread of 3 seeds."


def race_of(runs: tuple[str, ...], sides: int, question: str) -> ReportedRace:
    """A race of two seeds and more that has ended."""
    repetitions = tuple(
        RepetitionInfo(seed, runs[start : start + sides], 20.0, (3.0 + seed / 10,) * sides)
        for seed, start in enumerate(range(0, len(runs), sides), 1)
    )
    found = RaceVerdict(
        *("steps", 20.0, (3.0,) * sides, 0, 1, 0.1, 0.03, "seeds", len(repetitions), SENTENCE, True)
    )
    settings = tuple((f"model.n_head={side + 1}",) for side in range(sides))
    return ReportedRace(
        "calm-owl", question, "steps", len(repetitions), settings, repetitions, found
    )


def test_a_race_is_a_question_its_sides_and_a_verdict_with_its_noise() -> None:
    runs = tuple(run_of(f"calm-owl-{n}") for n in range(4))
    race = race_of(tuple(run.run for run in runs), 2, ATTENTION.title)
    parsed = Parsed(page(runs, "", about(ReportGathered(runs, race=race)), whole=2))
    assert parsed.by_tag["h1"] == ["Race calm-owl"]
    assert parsed.by_tag["blockquote"] == [ATTENTION.title + ATTENTION.before]
    words = " ".join(parsed.by_tag["p"])
    assert SENTENCE in words
    assert "its noise 0.0300: the standard deviation of the difference from seed to seed." in words
    assert "Held-out loss in nats per character: with attention 3.000, without" in words
    assert ["B without attention", "model.n_head=2", "3.0000", "0.0707", "4.328"] in [
        cells[:5] for cells in parsed.cells
    ]
    assert ["calm-owl-3", "B without attention"] in [cells[:2] for cells in parsed.cells]
    assert [one for one in parsed.by_tag["h2"] if one.startswith("Run ")] == [
        "Run calm-owl-0: side A with attention",
        "Run calm-owl-1: side B without attention",
    ]
    assert len([one for one in parsed.attributes["class"] if one.startswith("band s")]) == 6
    early = about(ReportGathered(runs, race=replace(race, verdict=None)))
    parsed = Parsed(page(runs, "", early, whole=2))
    assert "It has not come to a verdict yet." in parsed.by_tag["p"]
    assert ["B without attention", "model.n_head=2", "3.1500", "0.0707"] in [
        cells[:4] for cells in parsed.cells
    ]


@pytest.mark.thorough
@pytest.mark.parametrize("tokens", [(), ("--side", "model.tokenizer=bpe model.vocabulary=300")])
def test_the_command_in_the_report_on_a_race_races_again(
    verse_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: tuple[str, ...]
) -> None:
    """Bit for bit, with two files, a side that takes twice the steps, a side with other tokens, and
    a second seed."""
    monkeypatch.chdir(verse_file.parent)
    more = verse_file.with_name("more.txt")
    more.write_text("and the owl said nothing at all, all night\n" * 9)
    sides = ("--side", "", "--side", "model.context_length=8 model.dropout=0.1", *tokens)
    options = (*TINY, *sides, "--steps", "10", "--seeds", "2", "--question", "Is it 'short'?")
    texts = verse_file, more, "--separator", "\\n␞\\n"
    assert invoked("lab", *texts, *options).exit_code == 0
    (first,) = race_names()
    path = tmp_path / "race.html"
    assert invoked("report", first, "-o", path).exit_code == 0
    (command,) = (words for words in Parsed(path.read_bytes()).by_tag["pre"] if " lab " in words)
    unit = "bits per byte" if tokens else "nats per character"
    parsed = Parsed(path.read_bytes())
    assert f"mean loss ({unit})" in parsed.words
    if tokens:  # counted as on the axis of the race
        each = read_race(first).characters_each[2]
        (steps, trained) = next(
            (int(cells[3]), int(cells[4])) for cells in parsed.cells if cells[0] == f"{first}-C"
        )
        assert trained == round(steps * 64 * each)
    assert command.startswith("tinygpt-tui lab verse.txt more.txt --separator ")
    assert invoked(*shlex.split(command)[1:]).exit_code == 0
    (again,) = {*race_names()} - {first}
    (one, two) = (read_race(name) for name in (first, again))
    assert replace(two, created="", repetitions=(), verdict=None) == replace(
        one, created="", repetitions=(), verdict=None
    )
    for before, after in zip(one.repetitions, two.repetitions, strict=True):
        assert after.losses == before.losses
        for old, new in zip(before.runs, after.runs, strict=True):
            assert losses(read_history(folder_of(new))) == losses(read_history(folder_of(old)))


def sweep(verse_file: Path, folder: Path, *found: float) -> Path:
    """A sweep of one case with two seeds, of which so many runs have ended; its file."""
    file = folder / "rates.toml"
    file.write_text(f"text = '{verse_file}'\nseeds = 2\n# <mine>\n[[case]]\n")
    plan = read_plan(file)
    with begun_sweep(plan.saved) as begun:
        for trial, loss in zip(plan.trials, found, strict=False):
            run = saved_run(verse_file, f"train.seed={trial.seed}")
            done = TrialResult(trial.key, "no change", trial.seed, "done", run, loss, 20, 4.0)
            SweepResults(begun).add(done)
    return file


def test_a_sweep_is_reported_by_its_file_or_its_name(
    verse_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = sweep(verse_file, tmp_path, 2.0, 2.2)
    assert invoked("report", file).exit_code == 0
    assert invoked("report", "rates", "-o", "by-name.html").exit_code == 0
    parsed, by_name = (
        Parsed((tmp_path / name).read_bytes()) for name in ("rates.html", "by-name.html")
    )
    assert by_name.cells == parsed.cells
    assert parsed.by_tag["h1"] == ["Sweep rates"]
    assert ["no change (best)", "2", "2.1000", "0.1414", "3.030", "4s"] in parsed.cells
    assert "Lowest mean loss at the end: 2.1000, with no change" in parsed.words
    assert file.read_text().strip() in parsed.by_tag["pre"]
    assert "tinygpt-tui sweep rates.toml" in parsed.by_tag["pre"]
    assert "band s0" in parsed.attributes["class"]


def test_what_is_missing_of_a_sweep_is_said(verse_file: Path, tmp_path: Path) -> None:
    file = sweep(verse_file, tmp_path)
    assert "No run of the sweep 'rates' has ended yet with a loss." in refused(file)
    sweep(verse_file, tmp_path, 2.0)
    path = tmp_path / "rates.html"
    assert invoked("report", file, "-o", path).exit_code == 0
    assert "1 of 2 runs have ended." in Parsed(path.read_bytes()).by_tag["p"]
    for run in run_names():
        delete(run)
    assert "The runs of the sweep 'rates' were deleted or renamed." in refused(file)


def refused(*arguments: object) -> str:
    """What is said of a report that cannot be written."""
    result = invoked("report", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_what_cannot_be_reported_is_refused_in_a_sentence(
    verse_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = saved_run(verse_file)
    race = new_race("Which?", "steps", 1, ((), ()))
    write_race(run, replace(race, repetitions=(RepetitionInfo(1, (run, run)),)))
    write_race("calm-owl", replace(race, repetitions=(RepetitionInfo(1, (run, run)),)))
    assert refused(run) == (
        f"{run!r} is the name of a run and a race: write run:{run} or race:{run}.\n"
    )
    for name, heading in ((f"run:{run}", run), (f"race:{run}", f"Race {run}")):
        path = tmp_path / f"{heading}.html"
        assert invoked("report", name, "-o", path).exit_code == 0
        assert Parsed(path.read_bytes()).by_tag["h1"] == [heading]
    assert "'calm-owl' is the name of a race, which is reported alone." in refused(
        f"run:{run}", "calm-owl"
    )
    for name in ("no-such", "run:no-such"):
        assert "There is no run 'no-such'" in refused(name)
    assert "There is no race 'no-such'" in refused("race:no-such")
    assert "The sweep 'no-such' has not been begun" in refused("sweep:no-such")
    assert "There is no folder" in refused(f"run:{run}", "-o", tmp_path / "no" / "report.html")
    assert "is a folder" in refused(f"run:{run}", "-o", tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tui.report.file.replace_file", full)
    assert "It could not be reported: " in refused(f"run:{run}", "-o", tmp_path / "full.html")


def test_the_largest_reports_are_small_and_hold_no_markup_of_others() -> None:
    """Twelve runs of a race and thirty of a sweep, each with as many points as are gathered."""
    runs = tuple(run_of(f"{HOSTILE}{n}", 400) for n in range(30))
    names = tuple(run.run for run in runs)
    race = ReportGathered(runs[:12], race=race_of(names[:12], 4, HOSTILE))
    cases = tuple(SweepCase((f"a={HOSTILE}{n}",), (f"{n}",)) for n in range(30))
    results = tuple(
        TrialResult(f"{n}", case.label, 1, "done", names[n], 2.0 + n, 400, 4.0)
        for n, case in enumerate(cases)
    )
    plan = SweepPlan("rates", 1, cases, HOSTILE)
    swept = ReportGathered(runs, whole=4, sweep=SweepRead("rates", plan, results))
    for gathered in (replace(race, whole=4), swept):
        content = page(gathered.runs, "", about(gathered), gathered.whole)
        assert len(content) < 2_000_000
        assert {"script", "img"}.isdisjoint(Parsed(content).tags)
