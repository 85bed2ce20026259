"""The wheel is complete: the app starts from an empty environment, in another folder."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from terminal import Terminal

from tui import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("tinygpt_tui-*.whl")
    return built


def test_the_wheel_starts_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Only the wheel is installed there; its dependencies come from this environment's packages,
    by a path file, which does not carry over an editable install."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))
    install = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    subprocess.run(
        [*install, "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True,
        capture_output=True,
    )
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with Terminal(
        [str(environment / "bin" / "tinygpt-tui"), "tales", "--preset", "nano"],
        columns=120,
        lines=40,
        cwd=str(elsewhere),
        env={"TINYGPT_HOME": str(tmp_path / "home"), "PYTHONPATH": ""},
    ) as terminal:
        terminal.wait_for("● untrained")
        terminal.type("q")
        assert terminal.wait_for_end() == 0


def test_the_wheel_holds_the_three_packages_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"tinygpt_tui-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"data", "engine", "tui"}
    assert "tui/app.tcss" in names
    tales = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("data/tales/*.txt")}
    assert tales
    assert tales <= set(names)
