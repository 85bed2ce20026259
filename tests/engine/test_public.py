"""The public interface of `engine`: its names resolve, and the examples in its docstring run."""

import ast
import re
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
import torch
from driving import saved_run

import engine
from engine.storage import library

SESSION, SAVED_RUN = (
    dedent(block)
    for block in re.findall(r"(?:^(?: {4}.*)?\n)+", engine.__doc__ or "", re.MULTILINE)
    if block.strip()
)
"""The two examples: indented blocks of the docstring."""


@pytest.mark.parametrize("name", engine.__all__)
def test_a_public_name_resolves(name: str) -> None:
    value = getattr(engine, name)
    assert isinstance(value, ModuleType) or callable(value)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'engine' has no attribute 'Sesion'"):
        engine.Sesion  # type: ignore[attr-defined]  # noqa: B018


def test_the_type_checker_sees_the_same_names() -> None:
    """The lazy imports stand twice, for Python and for mypy; each from the same module."""
    tree = ast.parse(Path(engine.__file__).read_text(encoding="utf-8"))
    (branch,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == engine._SOURCES  # type: ignore[attr-defined]
    assert sorted(seen) == sorted(engine.__all__) == sorted(dir(engine))


def run_example(source: str) -> dict[str, Any]:
    """Run a script; the names that it leaves."""
    names: dict[str, Any] = {}
    exec(compile(source, "<example>", "exec"), names)
    return names


def test_the_example_of_a_session(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(verse_file.parent)
    run_example(SESSION)
    output = capsys.readouterr().out
    evaluations = re.findall(r"^step (\d+): validation loss \d\.\d+\n", output, re.MULTILINE)
    assert evaluations == ["0", "100"]
    sample = re.split(r"validation loss .*\n", output)[-1]
    assert len(sample) == 100


def test_the_example_of_a_saved_run(verse_file: Path) -> None:
    name = saved_run(verse_file)
    library.rename(name, "amber-otter")
    names = run_example(SAVED_RUN)
    logits = names["model"](torch.zeros(1, 8, dtype=torch.int64))
    assert logits.shape == (1, 8, len(names["saved"].info.corpus.characters))
    assert logits.abs().max() > 0, (
        "the weights are those that were trained: at step 0 the head is zero"
    )
