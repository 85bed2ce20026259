"""`tinygpt-tui export` as it is called: what it prints, and its exit code."""

import json
import re
from pathlib import Path

from command_line import invoked
from driving import saved_run


def words(text: str) -> str:
    """A text with single spaces: a table has columns, and lines are wrapped."""
    return " ".join(text.split())


def test_export_shows_how_equal_it_is(verse_file: Path, tmp_path: Path) -> None:
    run = saved_run(verse_file)
    path = tmp_path / "for transformers"
    done = invoked("export", f"{run}@best", "--format", "hf", "-o", path, columns=200)
    assert (done.exit_code, done.stderr) == (0, "")
    printed = words(done.stdout)
    assert printed.startswith(f"run {run} at step 20 written {path} (hf, ")
    figure = re.search(
        r"logits largest difference (\S+), of up to \S+, over 128 characters", printed
    )
    assert figure
    assert float(figure[1]) < 1e-5
    assert "text 8 of 8 prompts continued equally, 8 greedy characters each" in printed
    assert "the format has no such setting" in printed

    again = invoked("export", run, "--format", "hf", "-o", path)
    assert again.exit_code == 2
    assert f"{path} is not empty" in words(again.stderr)


def test_export_prints_its_figures_as_json(verse_file: Path, tmp_path: Path) -> None:
    run = saved_run(verse_file)
    done = invoked("export", run, "--format", "hf", "-o", tmp_path / "out", "--json")
    (line,) = done.stdout.splitlines()
    figures = json.loads(line)
    assert figures["type"] == "Exported"
    assert (figures["run"], figures["prompts"], figures["equal_prompts"]) == (run, 8, 8)


def test_export_names_the_option_that_the_format_does_not_have(
    verse_file: Path, tmp_path: Path
) -> None:
    run = saved_run(verse_file, "model.activation=gelu", "model.qk_norm=false")
    for form in ("hf", "gguf"):
        done = invoked("export", run, "--format", form, "-o", tmp_path / "out")
        assert done.exit_code == 2
        assert "The run has model.activation=gelu, model.qk_norm=off" in done.stderr
        assert not (tmp_path / "out").exists()
