"""A run is packed and unpacked from the command line."""

from pathlib import Path

import pytest
from command_line import invoked
from driving import saved_run

from engine.storage.paths import run_names
from tui.drawing.words import size

pytestmark = pytest.mark.timeout(60)


def test_a_run_is_packed_and_unpacked(
    verse_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = saved_run(verse_file)
    result = invoked("pack", name)
    path = tmp_path / f"{name}.tinygpt"
    assert (result.exit_code, result.stderr) == (0, "")
    written = size(path.stat().st_size)
    assert result.stdout == f"Packed {name} at step 20 into {path} ({written}).\n"
    invoked("pack", name, "-o", "small.tinygpt", "--without-moments")
    assert (tmp_path / "small.tinygpt").stat().st_size < path.stat().st_size

    result = invoked("unpack", path, "--name", "my own")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "Unpacked as my own, at step 20. Go on with: tinygpt-tui --run 'my own' "
        "(--no-save: without changing it)\n"
    )
    assert run_names() == sorted([name, "my own"])


def test_what_is_refused_is_a_sentence(verse_file: Path) -> None:
    result = invoked("unpack", verse_file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"{verse_file.name} is damaged, or not a packed run: File is not a zip file.\n"
    )
    result = invoked("pack", "no-such-run")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "There is no run 'no-such-run': none is saved yet.\n"
