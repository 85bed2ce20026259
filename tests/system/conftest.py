"""Fixtures of the system tests."""

from pathlib import Path

import pytest


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "rhymes.txt"
    path.write_text("the cat sat on the mat and the rat ran.\n" * 200, encoding="utf-8")
    return path
