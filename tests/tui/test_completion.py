"""Completing a corpus: names of the catalog, and paths."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui.screens.completion import CorpusSuggester, complete


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a few texts."""
    place = tmp_path / "place"
    (place / "poems" / "old").mkdir(parents=True)
    (place / ".secret").mkdir()
    for name in ("poems/owl.txt", "poems/otter.txt", "prose.txt", ".hidden.txt", "Ωmega.txt"):
        (place / name).write_text("x", encoding="utf-8")
    monkeypatch.chdir(place)
    return place


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("ta", "tales"),
        ("tiny", "tinyshakespeare"),
        ("shake", "shakespeare"),
        ("tales", "tales"),
        ("pr", "pride-and-prejudice"),
        ("pro", "prose.txt"),
        ("po", "poems" + os.sep),
        ("p", "pride-and-prejudice"),
        ("poems/", "poems/old/"),
        ("poems/ow", "poems/owl.txt"),
        ("./pr", "./prose.txt"),
        ("poems/../pr", "poems/../prose.txt"),
        (".h", ".hidden.txt"),
        ("Ω", "Ωmega.txt"),
    ],
)
def test_what_was_typed_goes_on(typed: str, completed: str) -> None:
    assert complete(typed) == completed


@pytest.mark.parametrize("typed", ["", "zzz", "nowhere/x", "prose.txt/x", "a\0b/", "~nobody-here/"])
def test_where_there_is_nothing_there_is_no_suggestion(typed: str) -> None:
    assert complete(typed) is None


def test_hidden_files_wait_until_a_dot_is_typed(folder: Path) -> None:
    for path in folder.iterdir():
        if not path.name.startswith("."):
            path.rename(folder / f".{path.name}")

    assert complete(f"{folder}{os.sep}") is None
    assert complete("." + "p") == ".poems/"


def test_an_absolute_path_and_the_home_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))

    assert complete(f"{folder}/pros") == f"{folder}/prose.txt"
    assert complete("~/pros") == "~/prose.txt"
    assert complete("/") is not None


@pytest.fixture
def locked(folder: Path) -> Iterator[Path]:
    """A folder that may not be listed."""
    path = folder / "locked"
    path.mkdir(mode=0o000)
    yield path
    path.chmod(0o700)


def test_a_folder_that_may_not_be_read(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)  # the superuser may read everything

    assert complete(f"{locked}/x") is None


def test_a_loop_of_links(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")

    assert complete("loop/x") is None
    assert complete("loo") == "loop"


@pytest.mark.parametrize("name", ["q\x1b]0;x\x07", "q\u202eb", "q\nb", "q\x9bm", "q\udcff"])
def test_a_name_that_a_terminal_would_obey_is_never_suggested(name: str, folder: Path) -> None:
    (folder / name).write_text("x", encoding="utf-8")
    assert complete("q") is None

    (folder / "qb.txt").write_text("x", encoding="utf-8")
    assert complete("q") == "qb.txt"


async def test_the_form_asks_for_it() -> None:
    assert await CorpusSuggester().get_suggestion("prose") == "prose.txt"
