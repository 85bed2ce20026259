"""The app starts as it is installed, from the wheel and from a checkout, in any folder."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from starting import program
from terminal import Terminal

from tui import __version__

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]


def hostile_folder(tmp_path: Path, *names: str) -> Path:
    """A folder with modules that are named as our packages and end whatever imports them."""
    folder = tmp_path / "hostile"
    for name in names:
        module = folder / name
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(f"raise SystemExit('this is the foreign {name}')\n")
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("tinygpt_tui-*.whl")
    return built


def test_the_wheel_starts_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Only the wheel is installed there; its dependencies come from this environment's packages,
    by a path file, which does not carry over an editable install. The folder and PYTHONPATH offer
    foreign packages of the same names."""
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
    folder = hostile_folder(tmp_path, "data/__init__.py", "engine.py", "tui/__init__.py")
    with Terminal(
        [str(environment / "bin" / "tinygpt-tui"), "tales", "--preset", "nano"],
        columns=120,
        lines=40,
        cwd=str(folder),
        env={"TINYGPT_HOME": str(tmp_path / "home"), "PYTHONPATH": "."},
    ) as terminal:
        terminal.wait_for("● untrained")
        terminal.type("q")
        assert terminal.wait_for_end() == 0


@pytest.mark.parametrize(
    ("command", "foreign"),
    [
        ([program()], ("data.py", "engine/__init__.py", "tui.py")),
        ([sys.executable, "-m", "tinygpt_tui"], ("data/__init__.py", "engine.py", "tui.py")),
        ([sys.executable, "-m", "tui"], ("data.py", "engine.py")),
    ],
    ids=["command", "python -m tinygpt_tui", "python -m tui"],
)
def test_a_checkout_starts_beside_foreign_packages(
    command: list[str], foreign: tuple[str, ...], tmp_path: Path
) -> None:
    done = subprocess.run(
        [*command, "--version"],
        cwd=hostile_folder(tmp_path, *foreign),
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == (f"tinygpt-tui, version {__version__}\n", "")


def test_the_wheel_holds_the_packages_and_the_command_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"tinygpt_tui-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        *("data", "engine", "tui", "tinygpt_tui.py"),
    }
    assert {"tui/app.tcss", "tui/occasional.tcss", "tui/serving/page.html"} <= {*names}
    tales = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("data/tales/*.txt")}
    assert tales
    assert tales <= set(names)
