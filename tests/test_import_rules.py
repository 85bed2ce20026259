"""The import contracts in `pyproject.toml` fail when they should: each bad import, in a copy."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("data", "engine", "tui")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources, to add a bad import to."""
    folder = tmp_path / "copy"
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path, contract: str) -> tuple[bool, str]:
    """Whether a contract is kept there, and the report."""
    program = (
        "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--contract", contract],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Analyzed" in done.stdout, done.stdout + done.stderr
    return done.returncode == 0, done.stdout


def append(path: Path, line: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")


@pytest.mark.parametrize(
    "contract", ["packages", "engine", "engine-draws-nothing", "data", "boundary", "cli", "server"]
)
def test_the_contract_is_kept(copy: Path, contract: str) -> None:
    kept, report = lint(copy, contract)
    assert kept, report


@pytest.mark.parametrize(
    ("contract", "importer", "imported"),
    [
        ("packages", "data.catalog", "engine.config"),
        ("packages", "engine.config", "tui.state"),
        ("engine", "engine.storage.history", "engine.session.thread"),
        ("engine", "engine.storage.history", "engine.training.trainer"),
        ("engine", "engine.training.trainer", "engine.generation.sampler"),
        ("engine", "engine.model.gpt", "engine.training.trainer"),
        ("engine", "engine.model.gpt", "engine.protocol"),
        ("engine", "engine.settings", "engine.config"),
        ("engine", "engine.settings", "engine.device"),
        ("engine-draws-nothing", "engine.session.session", "rich.console"),
        ("engine-draws-nothing", "engine.model.gpt", "textual.app"),
        ("data", "data.files", "torch"),
        ("data", "data.files", "textual.app"),
        ("boundary", "tui.state", "engine.session.session"),
        ("boundary", "tui.panes.loss", "engine.storage.library"),
        ("boundary", "tui.cli.train", "engine.model.gpt"),
        ("boundary", "tui.app", "torch"),
        ("cli", "tui.app", "tui.cli.main"),
        ("server", "tui.cli.main", "aiohttp"),
        ("server", "tui.app", "textual_serve"),
    ],
)
def test_a_bad_import_breaks_the_contract(
    copy: Path, contract: str, importer: str, imported: str
) -> None:
    append(copy / (importer.replace(".", "/") + ".py"), f"import {imported}")
    kept, report = lint(copy, contract)
    assert not kept
    external = imported.partition(".")[0] not in PACKAGES
    assert f"{importer} -> {imported.partition('.')[0] if external else imported}" in report


@pytest.mark.parametrize("name", ["novel.py", "novel/__init__.py"])
def test_a_module_in_no_layer_breaks_the_contract(copy: Path, name: str) -> None:
    path = copy / "engine" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    kept, report = lint(copy, "engine")
    assert not kept
    assert "engine.novel" in report


@pytest.mark.parametrize("module", ["novel", "storage.novel"])
def test_the_screen_may_not_import_a_new_module(copy: Path, module: str) -> None:
    (copy / "engine" / f"{module.replace('.', '/')}.py").write_text("")
    append(copy / "tui" / "state.py", f"import engine.{module}")
    kept, report = lint(copy, "boundary")
    assert not kept
    assert f"tui.state -> engine.{module}" in report
