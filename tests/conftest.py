"""What tests of every room share: a home of their own, and texts to learn from."""

from pathlib import Path

import pytest
from hypothesis import settings

# A test that is slow because the machine is busy has not failed. Everyone gets the same examples;
# `--hypothesis-profile=hunt` looks for new ones.
settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.register_profile("hunt", deadline=None)
settings.load_profile("same")

SHAKESPEARE = Path(__file__).parents[2] / "shared" / "data" / "tinyshakespeare.txt"

VERSE = """\
The owl was up before the moon,
and counted every star aloud;
the mouse below him hummed a tune
and hid her lantern in a cloud.

"How many, owl?" the mouse would say.
"One more than yesterday," said he.
"And one goes out at break of day:
the one that I was first to see."
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own for each test: nothing is read from or left in the person's."""
    folder = tmp_path / "home"
    monkeypatch.setenv("TINYGPT_HOME", str(folder))
    return folder


@pytest.fixture
def verse_file(tmp_path: Path) -> Path:
    """A small text file: eight lines, six times over, 1,637 characters."""
    path = tmp_path / "verse.txt"
    path.write_text("\n".join([VERSE] * 6), encoding="utf-8")
    return path


@pytest.fixture
def shakespeare_file() -> Path:
    """The 1.1 MB of Shakespeare next to the checkout, where it is."""
    if not SHAKESPEARE.is_file():
        pytest.skip(f"{SHAKESPEARE} is not here")
    return SHAKESPEARE
