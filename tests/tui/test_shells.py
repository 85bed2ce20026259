"""Completion in a shell: what a half-typed line may continue to."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from data.catalog import names
from engine.config import FREE_TEXT, PRESETS, all_settings
from engine.storage.paths import folder_of
from tui.cli.commands import COMMANDS, COMPLETION
from tui.cli.hints import PROGRAM
from tui.cli.main import main
from tui.cli.shells import SHELLS

HOSTILE = ["evil\x1b]0;x\x07", "two\nlines", "a\u202eb", "-rf", "--help"]
"""Names of folders, which a terminal, a script or the program would obey."""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder with texts, and runs with all kinds of names."""
    for name in ("amber-otter", "amber-owl", "brave bear (2)", "it's $(x)", *HOSTILE):
        folder_of(name).mkdir(parents=True)
        (folder_of(name) / "run.json").write_text("{}", encoding="utf-8")
    folder = tmp_path / "place"
    (folder / "poems").mkdir(parents=True)
    for name in ("letters.txt", "my book.txt", "poems/owl.txt"):
        (folder / name).write_text("x", encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def answered(line: str, monkeypatch: pytest.MonkeyPatch, shell: str = "fish") -> list[str]:
    """The lines that a shell gets for what follows the program's name."""
    monkeypatch.setenv("COMP_LINE", f"{PROGRAM} {line}")
    return SHELLS[shell](main, {}, PROGRAM, COMPLETION).complete().splitlines()


KEYS = [f"{key}=" for key in (*all_settings(), *FREE_TEXT)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tr", ["train"]),
        ("ta", ["tales"]),
        ("po", ["poems/"]),
        ("--pre", ["--preset"]),
        ("--preset ", [*PRESETS]),
        ("--preset nano --run amber-ot", ["amber-otter", "amber-otter@best"]),
        ("--run amber", ["amber-otter", "amber-owl"]),
        ("--run=amber-ow", ["--run=amber-owl", "--run=amber-owl@best"]),
        ("--run amber-otter@", ["amber-otter@best"]),
        ("--fork amber-ot", ["amber-otter"]),
        ("train poems/", ["poems/owl.txt"]),
        ("train 'my b", ["my book.txt"]),
        ("train letters.txt --device cu", ["cuda"]),
        ("train --set ", KEYS),
        ("train --set train.dev", ["train.device="]),
        ("train --set train.device=cu", ["train.device=cuda"]),
        ("train --set log.tensorboard=", ["log.tensorboard=on", "log.tensorboard=off"]),
        ("train --set train.steps=", []),
        ("train --set nonsense=", []),
        ("--run amber-otter --set model.", ["model.dropout="]),
        ("sample amber-ow", ["amber-owl", "amber-owl@best"]),
        ("sample amber-owl --no", ["--no-prompt"]),
        ("inspect brave", ["brave bear (2)", "brave bear (2)@best"]),
        ("runs ", ["delete", "note", "rename"]),
        ("runs rename amber-ow", ["amber-owl"]),
        ("settings train.dev", ["train.device"]),
        ("export amber-owl --format t", ["tensorboard"]),
        ("export amber-owl -o po", ["poems/"]),
        ("pack amber-ow", ["amber-owl"]),
        ("unpack le", ["letters.txt"]),
        ("completion ", ["bash", "zsh", "fish"]),
        ("sample amber-owl --prompt ", []),
        ("nonsense --run nobody", []),
        ("--run nobody@", []),
    ],
)
def test_a_line_goes_on(line: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert answered(line, monkeypatch) == words


def test_the_first_word_is_a_command_or_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files wait until one is begun, so that they do not hide the commands."""
    assert {*answered("", monkeypatch)} == {*COMMANDS, *names()}
    options = answered("--", monkeypatch)
    assert {"--run", "--set", "--version", "--help"} <= {*options}
    assert len({*options}) == len(options)


def test_no_name_that_a_terminal_would_obey_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = ["amber-otter", "amber-owl", "brave bear (2)", "it's $(x)"]
    for line in ("--run ", "sample ", "runs delete ", "--fork "):
        assert answered(line, monkeypatch) == runs


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--run brave", [r"brave\ bear\ \(2\)", r"brave\ bear\ \(2\)@best"]),
        (r"--run brave\ b", [r"brave\ bear\ \(2\)", r"brave\ bear\ \(2\)@best"]),
        ("--run 'brave", ["brave bear (2)", "brave bear (2)@best"]),
        ('--run "brave', ["brave bear (2)", "brave bear (2)@best"]),
        ("--run it", [r"it\'s\ \$\(x\)", r"it\'s\ \$\(x\)@best"]),
        ("--run 'it", []),
        ('--run "it', []),
        ("--run amber-otter@", ["@best"]),
        (r"--run brave\ bear\ \(2\)@b", ["@best"]),
        ("--run=amber-ow", ["amber-owl", "amber-owl@best"]),
        ("train --set train.device=cu", ["cuda"]),
        ("train --set=train.device=cu", ["cuda"]),
    ],
)
def test_bash_gets_it_quoted_and_from_the_last_break_on(
    line: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answered(line, monkeypatch, "bash") == words


def test_errors_are_silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("TINYGPT_HOME", str(tmp_path / "file"))
    assert answered("--run ", monkeypatch) == []
    monkeypatch.setenv("TINYGPT_HOME", "~nobody-here")
    assert answered("--run ", monkeypatch) == []
    monkeypatch.delenv("COMP_LINE")
    assert SHELLS["bash"](main, {}, PROGRAM, COMPLETION).complete() != ""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_runs_the_script() -> None:
    """It completes in a second, and loads neither torch nor the screen."""
    script = CliRunner().invoke(main, ["completion", "bash"]).stdout
    script = script.replace("2>/dev/null)", "2>&3)")  # what it loads is listed there
    program = Path(sys.executable).with_name(PROGRAM)
    line = f"{program} --run amber-ot"
    asked = f"""{script}
COMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDS=({line}) COMP_CWORD=2
export PYTHONPROFILEIMPORTTIME=1
exec 3>&2
_tinygpt_tui_completion {program}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["amber-otter", "amber-otter@best"]
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "tui.cli.shells" in loaded
    assert not loaded & {"torch", "numpy", "numba", "textual", "rich"}


@pytest.mark.parametrize("shell", SHELLS)
def test_each_script_asks_the_program(shell: str) -> None:
    script = CliRunner().invoke(main, ["completion", shell]).stdout
    assert f"{COMPLETION}={shell}_complete" in script
    assert "2>/dev/null" in script
