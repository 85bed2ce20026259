"""Commands whose standard output cannot encode the text: they print replacements, no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import events_of, invoked
from driving import only, saved_run

from engine.protocol import CorpusLoaded, Excerpt

pytestmark = pytest.mark.timeout(60)

ENCODINGS = {
    "ascii": {"PYTHONIOENCODING": "ascii:strict"},
    "latin-1": {"PYTHONIOENCODING": "latin-1:strict"},
    "c-locale": {"PYTHONUTF8": "0"},
}


@pytest.fixture(params=ENCODINGS)
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """A C locale whose standard output has no CJK characters."""
    return {**os.environ, "LC_ALL": "C", **ENCODINGS[request.param]}


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "千字文.txt"
    path.write_text(40 * "天地玄黄，宇宙洪荒。\n日月盈昃，辰宿列张。\n", encoding="utf-8")
    return path


def program(environment: dict[str, str], *arguments: str) -> tuple[str, str]:
    """What a command prints to both streams, as bytes of the narrow encoding. It must succeed."""
    result = subprocess.run(
        [sys.executable, "-c", "from tui.cli.main import main; main()", *arguments],
        capture_output=True,
        env=environment,
        timeout=50,
    )
    out, err = result.stdout.decode("ascii"), result.stderr.decode("ascii")
    assert result.returncode == 0, err
    assert "Traceback" not in err
    return out, err


def in_ascii(*arguments: str) -> tuple[str, str]:
    """The same within this process, whose standard output has ASCII only: for commands that load
    torch, which takes a process seconds. It must succeed."""
    result = invoked(*arguments, encoding="ascii")
    assert result.exit_code == 0, result.stderr
    return result.stdout, result.stderr


def test_training_on_is_reported_with_replacements(text: Path) -> None:
    out, err = in_ascii("train", "--run", saved_run(text))
    assert err == ""
    assert "step      40  sample: ???" in out


def test_json_escapes_what_cannot_be_encoded(text: Path) -> None:
    out, err = in_ascii("train", "--run", saved_run(text), "--json")
    assert err == ""
    events = events_of(out)
    assert only(events, CorpusLoaded).name == "千字文.txt"
    assert only(events, CorpusLoaded).opening == "天地玄黄，宇宙洪荒。"
    assert all(event.prompt.startswith("天") for event in events if isinstance(event, Excerpt))
    assert all(isinstance(json.loads(line), dict) for line in out.splitlines())


def test_a_sample_has_replacements(text: Path) -> None:
    out, err = in_ascii("sample", saved_run(text), "--chars", "30", "--temperature", "0")
    assert len(out) == 30 + len("\n")
    assert set(out) == {"?", "\n"}
    assert err.splitlines()[-1] == (
        "Standard output cannot show some of these characters (shown as ?): "
        "PYTHONIOENCODING=utf-8 writes them."
    )


def test_the_list_of_runs_has_replacements(environment: dict[str, str], text: Path) -> None:
    saved_run(text)
    out, err = program(environment, "runs")
    assert out.splitlines()[-1].rstrip().endswith("???.txt")
    assert err == ""


def test_a_message_escapes_what_cannot_be_encoded(environment: dict[str, str]) -> None:
    for arguments in (["train", "千字文.txt"], ["train", "--preset", "千"]):
        result = subprocess.run(
            [sys.executable, "-c", "from tui.cli.main import main; main()", *arguments],
            capture_output=True,
            env=environment,
            timeout=50,
        )
        assert result.returncode == 2
        assert b"There is no " in result.stderr
        assert b"Traceback" not in result.stderr


def test_a_message_about_a_run_escapes_what_cannot_be_encoded() -> None:
    result = invoked("sample", "千", encoding="ascii")
    assert result.exit_code == 2
    assert result.stderr.startswith("There is no run '\\u5343'")


def test_an_answer_that_cannot_be_decoded_is_none(environment: dict[str, str], text: Path) -> None:
    result = subprocess.run(
        [
            *(sys.executable, "-c", "from tui.cli.main import main; main()"),
            *("runs", "delete", saved_run(text)),
        ],
        input=b"\xff\nn\n",
        capture_output=True,
        env={**environment, "PYTHONIOENCODING": "utf-8:strict"},
        timeout=50,
    )
    assert result.returncode == 1
    assert b"Traceback" not in result.stderr
