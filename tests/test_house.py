"""The rules of the code that no linter has: the size of files and functions, and lazy imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui import __version__

ROOT = Path(__file__).parents[1]
PACKAGES = ("data", "engine", "tui")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 60

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def place(path: Path, line: int) -> str:
    """Where to look."""
    return f"{path.relative_to(ROOT)}:{line}"


def test_the_files_are_found() -> None:
    assert len(FILES) > 50


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert [place(path, n) for path, n in lengths.items() if n > MOST_LINES] == []


def test_no_function_is_too_long() -> None:
    long = [
        f"{place(path, node.lineno)} {node.name}: {length} lines"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, FUNCTIONS)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1)
        > MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []


def lazy_imports(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports of our own modules inside a function, each once."""
    found = {
        node.lineno: node
        for function in ast.walk(tree)
        if isinstance(function, FUNCTIONS)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and is_ours(node)
    }
    yield from (node for _, node in sorted(found.items()))


def is_ours(node: ast.Import | ast.ImportFrom) -> bool:
    names = (
        [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
    )
    return any(name.partition(".")[0] in PACKAGES for name in names)


def unexplained(source: str) -> list[int]:
    """The lines of lazy imports without a reason: a comment on the line, or above the block of
    imports that it is in."""
    lines = ["", *source.splitlines()]
    missing = []
    explained_to = -1
    """The last line of the imports that are explained so far, while they follow each other."""
    for node in lazy_imports(ast.parse(source)):
        own = "#" in lines[node.lineno]
        above = lines[node.lineno - 1].lstrip().startswith("#")
        if own or above or explained_to == node.lineno - 1:
            explained_to = -1 if own else node.end_lineno or node.lineno
        else:
            missing.append(node.lineno)
    return missing


def test_an_import_inside_a_function_says_why() -> None:
    missing = [
        place(path, line)
        for path in FILES
        for line in unexplained(path.read_text(encoding="utf-8"))
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ("from engine import config", [2]),
        ("from engine import config  # brings torch", []),
        ("# brings torch\n    from engine import config\n    import tui.app", []),
        ("# brings torch\n\n    from engine import config", [4]),
        ("from engine import a  # why\n    from engine import b", [3]),
        ("import json", []),
        ("if True:\n        from data import files", [3]),
    ],
)
def test_a_reason_is_found(body: str, missing: list[int]) -> None:
    assert unexplained(f"def function():\n    {body}\n") == missing


def test_the_version_stands_in_one_place() -> None:
    sources = [*FILES, ROOT / "pyproject.toml", ROOT / "Makefile"]
    holding = [
        str(path.relative_to(ROOT))
        for path in sources
        if f'"{__version__}"' in path.read_text(encoding="utf-8")
    ]
    assert holding == ["tui/__init__.py"]
