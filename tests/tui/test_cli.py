"""The commands without the app, as a user or a script runs them."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from command_line import PROGRAM, TINY, events_of, invoked, locked_elsewhere
from driving import history_of, of, only, run_to_end, saved_run, tiny

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
from engine.storage.library import summaries
from engine.storage.manifest import checkpoints_of
from engine.storage.paths import folder_of, run_names
from engine.storage.saved_run import load_run
from tui import __version__
from tui.cli.runs import change_saved, list_runs
from tui.cli.sample import sample
from tui.cli.train import train

pytestmark = pytest.mark.timeout(100)


@pytest.mark.parametrize("command", [PROGRAM, [sys.executable, "-m", "tui"]])
def test_the_version(command: list[str]) -> None:
    result = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout == f"tinygpt-tui, version {__version__}\n"


def test_json_is_one_event_a_line_and_the_run_is_saved(verse_file: Path) -> None:
    result = invoked("train", verse_file, *TINY, "--steps", "20", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    events = events_of(result.stdout)
    assert [e.step for e in of(events, StepDone)] == list(range(1, 21))
    assert [e.step for e in of(events, Evaluated)] == [0, 10, 20]
    assert isinstance(events[-1], Saved)
    assert run_names() == [only(events, Opened).run]


def test_without_saving_it_trains_and_says_that_nothing_is_kept(verse_file: Path) -> None:
    result = invoked("train", verse_file, *TINY, "--steps", "20", "--no-save")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert "not saved (--no-save): what it learns ends with this program" in lines
    assert lines[-1].startswith("not saved (--no-save): ")
    assert lines[-1].endswith(" ends here, at step 20")
    assert run_names() == []


def test_a_saved_run_trains_so_many_steps_more(verse_file: Path) -> None:
    name = saved_run(verse_file)
    result = invoked("train", "--run", name, "--steps", "7")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        "trains on to step 27: the learning rate rises to 20% of its peak and falls to zero; "
        "the loss may rise first"
    ) in result.stdout.splitlines()
    progress = load_run(name).manifest.progress
    assert (progress.step, progress.steps, progress.done) == (27, 27, True)


def test_steps_and_minutes_of_a_saved_run_are_not_both_taken(verse_file: Path) -> None:
    result = invoked("train", "--run", saved_run(verse_file), "--steps", "7", "--minutes", "1")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: Steps and minutes are two ways to say how much more it trains: give one of them.\n"
    )


def test_a_signal_saves_the_run_and_ends(verse_file: Path) -> None:
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
                process.send_signal(signal.SIGTERM)
                break
        lines += process.stdout.readlines()
        errors = process.stderr.read()
    assert process.returncode == 128 + signal.SIGTERM
    assert errors == ""
    events = events_of("".join(lines))
    last = of(events, StepDone)[-1].step
    saved = only(events, Saved)
    assert saved.step == last
    assert load_run(saved.run).manifest.progress.step == last


def test_sample_streams_the_prompt_and_what_follows(verse_file: Path) -> None:
    name = saved_run(verse_file)
    first = invoked("sample", name, "--prompt", "The owl☃", "--chars", "60", "--seed", "3")
    assert first.exit_code == 0
    assert first.stderr == "Left out, since the text has no such characters: ☃\n"
    assert first.stdout.startswith("The owl")
    assert len(first.stdout) == len("The owl") + 60 + len("\n")


def test_a_line_break_is_typed_as_in_the_app(verse_file: Path) -> None:
    name = saved_run(verse_file)
    prompt = "aloud;\\nthe mouse"
    result = invoked("sample", name, "--prompt", prompt, "--chars", "200", "--stop", "\\n")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("aloud;\nthe mouse")
    assert len(result.stdout.splitlines()) == 2, "it stops at a line break"


def test_a_line_break_in_a_setting_is_typed_as_in_a_prompt(verse_file: Path) -> None:
    given = ("--steps", "1", "--set", "sample.stop=x\\n", "--json", *TINY)
    events = events_of(invoked("train", verse_file, *given).stdout)
    assert only(events, Opened).config.sample.stop == "x\n"
    name = only(events, Opened).run
    again = invoked("train", "--run", name, "--steps", "1", "--set", "sample.stop=\\n", "--json")
    events = events_of(again.stdout)
    assert only(events, Opened).config.sample.stop == "\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
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
        (
            ["train", "{text}", "--minutes", "0"],
            "--minutes 0 is no time to train: without it, steps say when the run ends.",
        ),
        (
            ["train", "--run", "amber-otter", "--minutes", "0.0"],
            "--minutes 0 is no time to train: without it, steps say when the run ends.",
        ),
        (
            ["train", "--run", "amber-otter", "--steps", "0"],
            "train.steps goes from 1 to 10,000,000, and 0 is outside.",
        ),
        (
            ["train", "{text}", "--steps", "10", "--minutes", "1"],
            "Steps and minutes are two ways to say when a run ends: give one of them, not both.",
        ),
        (
            ["train", "{text}", "--minutes", "1", "--set", "train.steps=5"],
            "Steps and minutes are two ways to say when a run ends: give one of them, not both.",
        ),
        (
            ["train", "{text}", "--device", "cpu", "--set", "train.device=cuda"],
            "--device and --set train.device say the same: give one.",
        ),
        (
            ["train", "{text}", "--changed-text"],
            "--changed-text is about a saved run: it goes with --run.",
        ),
        (
            ["train", "{text}", "--run", "amber-otter"],
            "A saved run has its own text: --run goes without '",
        ),
        (
            ["train", "--run", "amber-otter", "--preset", "small"],
            "A saved run keeps its size: --run goes without --preset.",
        ),
        (
            ["--run", "amber-otter", "--set", "model.n_layer=8"],
            "model.n_layer is fixed once a model is trained. A saved run may change ",
        ),
        (
            ["train", "--run", "amber-otter", "--set", "train.threads=1000"],
            "train.threads goes from 0 to 256, and 1,000 is outside.",
        ),
        (["train", "tiny-shakespere"], "There is no text and no file named 'tiny-shakespere'"),
        (["sample", "amber-otter"], "There is no run 'amber-otter': none is saved yet."),
    ],
    ids=[
        *("preset", "setting", "range", "no minutes", "no more minutes", "no more steps"),
        *("steps and minutes", "minutes and set steps"),
        *("option and set", "changed text", "run and text", "run and preset", "fixed", "run range"),
        *("corpus", "run"),
    ],
)
def test_invalid_input_is_refused_with_a_message(
    verse_file: Path, arguments: list[str], message: str
) -> None:
    line = [argument.format(text=verse_file) for argument in arguments]
    result = invoked(*line)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith((message, f"Error: {message}"))


def test_training_prints_lines_of_text(
    verse_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(Open(tiny(verse_file)), as_json=False) == 0
    result = capsys.readouterr()
    assert result.err == ""
    lines = result.out.splitlines()
    assert lines[0].startswith("verse.txt: 1,637 characters, 35 different (")
    assert lines[1].startswith(f"run {run_names()[0]}: nano, ")
    assert lines[1].endswith(" parameters, cpu, 1 thread, float32")
    assert [line[:19] for line in lines if "validation loss" in line] == [
        "step       0  valid",
        "step      10  valid",
        "step      20  valid",
    ]
    assert any("sample: The owl" in line for line in lines)
    name = run_names()[0]
    assert lines[-3].startswith(f"saved {name} at step 20 in ")
    assert lines[-2] == f"go on in the app: tinygpt-tui --run {name}"
    assert lines[-1] == f"go on here:       tinygpt-tui train --run {name}"
    evaluations = [line for line in lines if "validation loss" in line]
    assert "training loss" not in evaluations[0], "before the first step there is none"
    for line in evaluations[1:]:
        assert re.search(
            r"validation loss \d\.\d{4}  training loss \d\.\d{3}  [\d,]+ char/s  ", line
        )


def test_a_saved_run_trains_for_the_same_length_again(
    verse_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = saved_run(verse_file)
    assert train(OpenRun(name), as_json=True) == 0
    events = events_of(capsys.readouterr().out)
    assert only(events, Saved).step == 40
    assert [e.step for e in of(events, StepDone)] == list(range(1, 41))


def test_the_signal_handlers_are_restored(verse_file: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert train(Open(tiny("/no/such/text.txt")), as_json=True) == 2
    assert signal.getsignal(signal.SIGINT) is before


def once_printed(
    monkeypatch: pytest.MonkeyPatch, kind: type[Event], do: Callable[[], object]
) -> None:
    """Do something before the first event of this kind is printed as JSON."""
    done = False

    def printed(event: Event) -> str:
        nonlocal done
        if isinstance(event, kind) and not done:
            done = True
            do()
        return to_json(event)

    monkeypatch.setattr("tui.cli.train.to_json", printed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_each_signal_that_ends_it_has_an_exit_code(
    verse_file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    once_printed(monkeypatch, StepDone, lambda: signal.raise_signal(number))
    assert train(Open(tiny(verse_file, "train.steps=1000000")), as_json=True) == 128 + number
    saved = only(events_of(capsys.readouterr().out), Saved)
    assert load_run(saved.run).manifest.progress.step == saved.step < 10


@pytest.fixture
def interrupted_on_opening(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C as soon as the run is open, before its first step."""
    once_printed(monkeypatch, Opened, lambda: signal.raise_signal(signal.SIGINT))


@pytest.mark.usefixtures("interrupted_on_opening")
def test_ctrl_c_before_the_first_step_leaves_no_run(
    verse_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(Open(tiny(verse_file)), as_json=True) == 130
    events = events_of(capsys.readouterr().out)
    assert [e for e in events if isinstance(e, StepDone | Saved)] == []
    assert run_names() == []


@pytest.mark.usefixtures("interrupted_on_opening")
def test_ctrl_c_before_the_first_step_of_a_saved_run_ends_too(
    verse_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = saved_run(verse_file)
    assert train(OpenRun(name), as_json=True) == 130
    assert of(events_of(capsys.readouterr().out), Saved) == []
    assert load_run(name).manifest.progress.step == 20


def test_a_full_disk_ends_training_with_a_message(
    verse_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.storage.atomic.os.fsync", fsync)
    assert train(Open(tiny(verse_file)), as_json=False) == 1
    result = capsys.readouterr().err
    assert result.startswith("The run could not be saved: ")
    assert "No space left on device. It needs 0 MB; " in result
    assert " MB are free. TINYGPT_HOME names another folder for runs" in result
    assert result.endswith(" and --no-save trains without saving.\n")
    assert result.count("\n") == 1


def test_a_sample_is_streamed(verse_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Output(io.StringIO):
        flushed: list[str] = []

        def flush(self) -> None:
            self.flushed.append(self.getvalue())

    name = saved_run(verse_file)
    output = Output()
    monkeypatch.setattr(sys, "stdout", output)
    assert sample(name, "The owl", ["sample.characters=20000"]) == 0
    lengths = [len(text) for text in dict.fromkeys(output.flushed)]
    assert lengths[0] == len("The owl")
    assert lengths[-1] == len("The owl") + 20_000 + 1
    assert len(lengths) > 5


class Terminal(io.StringIO):
    """A standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("no_colour", [False, True])
def test_a_terminal_shows_the_prompt_in_bold(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch, no_colour: bool
) -> None:
    """Bold is no colour: NO_COLOR leaves it."""
    if no_colour:
        monkeypatch.setenv("NO_COLOR", "1")
    name = saved_run(verse_file)
    monkeypatch.setattr(sys, "stdout", output := Terminal())
    assert sample(name, "The owl\n", ["sample.characters=5"]) == 0
    assert output.getvalue().startswith("\x1b[1mThe owl\n\x1b[0m")
    assert len(output.getvalue()) == len("\x1b[1mThe owl\n\x1b[0m") + 5 + len("\n")


def test_a_sample_without_its_prompt(verse_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = saved_run(verse_file)
    assert sample(name, "The owl", ["sample.characters=5"]) == 0
    whole = capsys.readouterr().out
    assert sample(name, "The owl", ["sample.characters=5"], show_prompt=False) == 0
    assert "The owl" + capsys.readouterr().out == whole


def test_a_sample_follows_the_settings_of_its_run(
    verse_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny(verse_file, "sample.characters=12", "sample.temperature=0")
    name = only(run_to_end(Open(config), Train()), Opened).run
    assert sample(name, "The owl") == 0
    first = capsys.readouterr().out
    assert len(first) == len("The owl") + 12 + len("\n")
    assert sample(name, "The owl", ["sample.seed=7"]) == 0
    assert capsys.readouterr().out == first, "at temperature 0 the seed changes nothing"


def test_the_runs_as_lines_of_json(verse_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list_runs(as_json=True) == 0
    assert capsys.readouterr() == ("", "")
    name = saved_run(verse_file)
    assert change_saved(AnnotateRun(name, "a note with ☃")) == 0
    assert list_runs(as_json=True) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == msgspec.to_builtins(summaries()[0])


def test_the_list_of_runs(verse_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list_runs() == 0
    assert "No run is saved yet in " in capsys.readouterr().out
    name = saved_run(verse_file)
    assert list_runs() == 0
    title, row = capsys.readouterr().out.splitlines()
    assert title.split()[:3] == ["run", "step", "best"]
    assert row.split()[:4] == [name, "20", "/", "20"]
    best = summaries()[0]
    figures = [f"{best.best_loss:.4f}", f"{best.best_bits_per_byte:.4f}"]
    start = title.index("best")
    assert row[start : title.index("last used")].split() == figures
    assert title.split()[3] == "bits/byte"
    assert row.split()[-3:] == ["nano", "4K", "verse.txt"]


def test_a_narrow_terminal_shows_the_first_columns(
    verse_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    name = saved_run(verse_file)
    assert change_saved(AnnotateRun(name, 20 * "a long note, ")) == 2, "too long"
    assert change_saved(AnnotateRun(name, 10 * "a long note, ")) == 0
    list_runs()
    captured = capsys.readouterr()
    _, row = captured.out.splitlines()
    assert captured.err == "A note has 200 characters at most, not 260.\n"
    assert row.split()[:4] == [name, "20", "/", "20"]
    assert row.rstrip().endswith("…")
    assert len(row) <= 80


NO_READER = "Nothing reads the output any more, so training ends here.\n"


def assert_saved_with_its_history() -> None:
    """The only run is saved at its last step."""
    (run,) = summaries()
    assert run.step > 0
    history = [e.step for e in history_of(load_run(run.name)) if isinstance(e, StepDone)]
    assert history == list(range(1, run.step + 1))


def test_a_broken_pipe_saves_the_run(verse_file: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, "train", str(verse_file), *TINY, "--steps=100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        evaluations = (line for line in process.stdout if "validation loss" in line)
        next(evaluations)  # before the first step
        next(evaluations)
        process.stdout.close()
        assert process.stderr is not None
        result = process.stderr.read()
    assert (process.returncode, result) == (1, NO_READER)
    assert_saved_with_its_history()


def test_a_broken_pipe_saves_the_run_that_is_printed_as_json(
    verse_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        once_printed(monkeypatch, StepDone, lambda: os.close(reading))
        assert train(Open(tiny(verse_file, "train.steps=100000")), as_json=True) == 1
    assert capsys.readouterr().err == NO_READER
    assert_saved_with_its_history()


def test_falling_back_to_an_older_checkpoint_prints_a_note(verse_file: Path) -> None:
    name = saved_run(verse_file)
    model = checkpoints_of(folder_of(name))[-1] / "model.safetensors"
    model.write_bytes(model.read_bytes()[:1000])
    for command in (["sample"], ["train", "--run"]):  # the second one continues the training
        result = invoked(*command, name).stderr
        assert result.startswith("Opened as it was at step 10, since model in checkpoint ")


def test_training_is_refused_while_another_program_trains_the_run(verse_file: Path) -> None:
    name = saved_run(verse_file)
    with locked_elsewhere(name):
        result = invoked("train", "--run", name)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Another program trains '{name}' (process ")
    assert "step" not in result.stdout


def test_a_sample_needs_no_confirmation_of_a_changed_text(verse_file: Path) -> None:
    name = saved_run(verse_file)
    corpus = folder_of(name) / "corpus.txt"
    corpus.write_text(corpus.read_text() + "owl")
    result = invoked("sample", name, "--prompt", "The owl", "--chars", "5")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("The owl")


def test_saved_runs_are_renamed_and_deleted(verse_file: Path) -> None:
    name = saved_run(verse_file)
    assert change_saved(RenameRun(name, "mine")) == 0
    assert [run.name for run in summaries()] == ["mine"]
    assert change_saved(DeleteRun("mine")) == 0
    assert summaries() == []
