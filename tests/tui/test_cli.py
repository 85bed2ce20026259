"""Training, writing and listing without a screen, as a person or a script would run them."""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from driving import history_of, of, only, run_to_end, tiny

from engine.config import SampleConfig
from engine.protocol import (
    AnnotateRun,
    DeleteRun,
    Evaluated,
    Event,
    Open,
    Opened,
    OpenRun,
    RenameRun,
    Saved,
    StepDone,
    Train,
    from_json,
    to_json,
)
from engine.storage.lock import locked
from engine.storage.manifest import checkpoints_of
from engine.storage.paths import folder_of, run_names
from engine.storage.saved_run import load_run
from tui.cli import headless

pytestmark = pytest.mark.timeout(30)

PROGRAM = [sys.executable, "-W", "error", "-c", "from tui.cli.main import main; main()"]

TINY = [
    *("--preset", "nano", "--device", "cpu"),
    *("--set", "model.n_embd=16", "--set", "model.n_layer=1", "--set", "model.context_length=16"),
    *("--set", "train.batch_size=4", "--set", "train.evaluation_interval=10"),
    *("--set", "train.threads=1", "--set", "train.precision=float32"),
]


def program(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command as a person gives it."""
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=50
    )


def events_of(lines: Sequence[str]) -> list[Event]:
    return [from_json(line) for line in lines]


def saved_run(corpus: object) -> str:
    return only(run_to_end(Open(tiny(corpus)), Train()), Opened).run


def test_json_is_one_event_a_line_and_the_run_is_saved(verse_file: Path) -> None:
    told = program("train", verse_file, *TINY, "--steps", "20", "--json")
    assert (told.returncode, told.stderr) == (0, "")
    lines = told.stdout.splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    events = events_of(lines)
    assert [e.step for e in of(events, StepDone)] == list(range(1, 21))
    assert [e.step for e in of(events, Evaluated)] == [0, 10, 20]
    assert isinstance(events[-1], Saved)
    assert run_names() == [only(events, Opened).run]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_the_run_and_ends(verse_file: Path, number: signal.Signals) -> None:
    arguments = ["train", str(verse_file), *TINY, "--steps", "1000000", "--json"]
    with subprocess.Popen(
        [*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if isinstance(from_json(line), StepDone):
                process.send_signal(number)
                break
        lines += process.stdout.readlines()
        errors = process.stderr.read()
    assert process.returncode == 128 + number
    assert errors == ""
    events = events_of(lines)
    last = of(events, StepDone)[-1].step
    saved = only(events, Saved)
    assert saved.step == last
    assert load_run(saved.run).manifest.progress.step == last


def test_sample_streams_the_prompt_and_what_follows(verse_file: Path) -> None:
    name = saved_run(verse_file)
    first = program("sample", name, "--prompt", "The owl☃", "--chars", "60", "--seed", "3")
    assert first.returncode == 0
    assert first.stderr == "It has never seen these characters: ☃\n"
    assert first.stdout.startswith("The owl")
    assert len(first.stdout) == len("The owl") + 60 + len("\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["train", "{text}", "--preset", "smal"],
            "There is no preset 'smal'; near it: small.",
        ),
        (
            ["train", "{text}", "--set", "train.stepz=5"],
            "There is no setting 'train.stepz'; near it: train.steps",
        ),
        (
            ["train", "{text}", "--steps", "0"],
            "train.steps goes from 1 to 10,000,000, and 0 is outside.",
        ),
        (["train", "tiny-shakespere"], "There is no corpus and no file named 'tiny-shakespere'"),
        (["sample", "amber-otter"], "There is no run 'amber-otter': none is saved yet."),
    ],
    ids=["preset", "setting", "range", "corpus", "run"],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    verse_file: Path, arguments: list[str], sentence: str
) -> None:
    told = program(*(argument.format(text=verse_file) for argument in arguments))
    assert told.returncode == 2
    assert told.stdout == ""
    assert sentence in told.stderr
    assert "Traceback" not in told.stderr
    assert told.stderr.splitlines()[-1].startswith((sentence, f"Error: {sentence}"))


# The same, within this process: each start of torch costs a second and a half.


def test_a_run_in_words(verse_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert headless.train(Open(tiny(verse_file)), as_json=False) == 0
    told = capsys.readouterr()
    assert told.err == ""
    lines = told.out.splitlines()
    assert lines[0].startswith("verse.txt: 1,637 characters, 35 different (")
    assert lines[1].startswith(f"run {run_names()[0]}: nano, ")
    assert [line[:19] for line in lines if "validation loss" in line] == [
        "step       0  valid",
        "step      10  valid",
        "step      20  valid",
    ]
    assert any("writes: The owl" in line for line in lines)
    assert lines[-1].startswith(f"saved {run_names()[0]} at step 20 in ")


def test_a_saved_run_trains_as_much_again(
    verse_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = saved_run(verse_file)
    assert headless.train(OpenRun(name), as_json=True) == 0
    events = events_of(capsys.readouterr().out.splitlines())
    assert only(events, Saved).step == 40
    assert [e.step for e in of(events, StepDone)] == list(range(1, 41))


def test_the_handler_of_ctrl_c_is_put_back(verse_file: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert headless.train(Open(tiny("/no/such/text.txt")), as_json=True) == 2
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def interrupted_on_opening(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while torch is loading: the run is just open, and no step taken yet."""

    def interrupt(event: Event) -> str:
        if isinstance(event, Opened):
            signal.raise_signal(signal.SIGINT)
        return to_json(event)

    monkeypatch.setattr(headless, "to_json", interrupt)


@pytest.mark.usefixtures("interrupted_on_opening")
def test_ctrl_c_before_the_first_step_leaves_no_run(
    verse_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert headless.train(Open(tiny(verse_file)), as_json=True) == 130
    events = events_of(capsys.readouterr().out.splitlines())
    assert [e for e in events if isinstance(e, StepDone | Saved)] == []
    assert run_names() == []


@pytest.mark.usefixtures("interrupted_on_opening")
def test_ctrl_c_before_the_first_step_of_a_saved_run_ends_too(
    verse_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = saved_run(verse_file)
    assert headless.train(OpenRun(name), as_json=True) == 130
    assert of(events_of(capsys.readouterr().out.splitlines()), Saved) == []
    assert load_run(name).manifest.progress.step == 20


def test_a_full_disk_is_told_and_ends_it(
    verse_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.storage.atomic.os.fsync", fsync)
    assert headless.train(Open(tiny(verse_file)), as_json=False) == 1
    told = capsys.readouterr().err
    assert told.startswith("The run could not be saved: ")
    assert "No space left on device. It needs 0 MB; " in told
    assert told.endswith(" MB are free.\n")
    assert told.count("\n") == 1


def test_the_text_appears_while_it_is_written(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Paper(io.StringIO):
        flushed: list[str] = []

        def flush(self) -> None:
            self.flushed.append(self.getvalue())

    name = saved_run(verse_file)
    paper = Paper()
    monkeypatch.setattr(sys, "stdout", paper)
    assert headless.sample(name, "The owl", SampleConfig(characters=20_000)) == 0
    lengths = [len(text) for text in dict.fromkeys(paper.flushed)]
    assert lengths[0] == len("The owl")
    assert lengths[-1] == len("The owl") + 20_000 + 1
    assert len(lengths) > 5


def test_the_list_of_runs(verse_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    headless.list_runs()
    assert "No run is saved yet in " in capsys.readouterr().out
    name = saved_run(verse_file)
    headless.list_runs()
    title, row = capsys.readouterr().out.splitlines()
    assert title.split()[:3] == ["run", "step", "best"]
    assert row.split()[:4] == [name, "20", "/", "20"]
    assert row.split()[-2:] == ["nano", "verse.txt"]


def test_a_narrow_list_keeps_what_matters_whole(
    verse_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    name = saved_run(verse_file)
    assert headless.change_runs(AnnotateRun(name, 20 * "a long note, ")) == 2, "too long"
    assert headless.change_runs(AnnotateRun(name, 10 * "a long note, ")) == 0
    headless.list_runs()
    captured = capsys.readouterr()
    _, row = captured.out.splitlines()
    assert captured.err == "A note has 200 characters at most, not 260.\n"
    assert row.split()[:4] == [name, "20", "/", "20"]
    assert row.rstrip().endswith("…")
    assert len(row) <= 80


def test_a_reader_that_goes_away_costs_nothing(verse_file: Path) -> None:
    for form in ("--json", "--steps=100000"):
        with subprocess.Popen(
            [*PROGRAM, "train", str(verse_file), *TINY, "--steps=100000", form],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            exams = (line for line in process.stdout if "Evaluated" in line or "right" in line)
            next(exams)  # before the first step
            next(exams)
            process.stdout.close()
            assert process.stderr is not None
            told = process.stderr.read()
        assert process.returncode == 1
        assert told == "The output has no reader any more: the run ends here.\n"
    for run in headless.saved_runs():
        whole = [e.step for e in history_of(load_run(run.name)) if isinstance(e, StepDone)]
        assert whole == list(range(1, run.step + 1))
    assert len(headless.saved_runs()) == 2


def test_an_older_checkpoint_is_not_taken_in_silence(verse_file: Path) -> None:
    name = saved_run(verse_file)
    model = checkpoints_of(folder_of(name))[-1] / "model.safetensors"
    model.write_bytes(model.read_bytes()[:1000])
    for command in (["sample"], ["train", "--run"]):  # the second one trains it on
        told = program(*command, name).stderr
        assert told.startswith("Opened as it was at step 10, since model in checkpoint ")


def test_a_run_that_another_program_trains_is_refused_at_once(verse_file: Path) -> None:
    name = saved_run(verse_file)
    with locked(folder_of(name)):
        told = program("train", "--run", name)
    assert told.returncode == 2
    assert told.stderr.startswith(f"Another program trains '{name}' (process ")
    assert "step" not in told.stdout


def test_of_a_changed_text_a_sample_needs_no_yes(verse_file: Path) -> None:
    name = saved_run(verse_file)
    corpus = folder_of(name) / "corpus.txt"
    corpus.write_text(corpus.read_text() + "owl")
    told = program("sample", name, "--prompt", "The owl", "--chars", "5")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("The owl")


def test_saved_runs_are_renamed_and_deleted(verse_file: Path) -> None:
    name = saved_run(verse_file)
    assert headless.change_runs(RenameRun(name, "mine")) == 0
    assert [run.name for run in headless.saved_runs()] == ["mine"]
    assert headless.change_runs(DeleteRun("mine")) == 0
    assert headless.saved_runs() == []
