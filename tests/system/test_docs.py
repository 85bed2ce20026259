"""What the documentation says is so: files, links, the tree of the code, the picture."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hatchling.metadata.core import CoreMetadata, ProjectMetadata
from hatchling.plugin.manager import PluginManager

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_pictures_load_nothing_and_what_moves_can_stand_still() -> None:
    """SVGs under 3 MB, with a still where animation is not wanted; that of a web page is a PNG."""
    names = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert names == ["docs/picture.svg", "docs/read.svg", "docs/time.svg", "docs/report.png"]
    report = (ROOT / names.pop()).read_bytes()
    assert report.startswith(b"\x89PNG")
    assert len(report) < 300_000
    for name in names:
        picture = (ROOT / name).read_text(encoding="utf-8")
        assert len(picture.encode()) < 3_000_000
        assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
        assert ("@keyframes" in picture) == (name == "docs/picture.svg")
        assert "@media(prefers-reduced-motion:reduce)" in picture
        loaded = re.findall(r"(?:href|src)=|url\(|@import|<script|<image|<foreignObject", picture)
        assert not loaded


def package_metadata() -> CoreMetadata:
    """What a package index gets to know of this version."""
    return ProjectMetadata(str(ROOT), PluginManager()).core


def test_on_a_package_index_the_pictures_load_from_the_public_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TINYGPT_URL", "https://example.org/tinygpt-tui")
    metadata = package_metadata()
    assert metadata.urls["Source"] == "https://example.org/tinygpt-tui"
    links = re.findall(r"(!?)\[.*?\]\((.*?)\)", metadata.readme)
    assert ("!", "https://example.org/tinygpt-tui/raw/HEAD/docs/picture.svg") in links
    assert ("", "https://example.org/tinygpt-tui/blob/HEAD/docs/architecture.md") in links
    assert all(target.startswith("https://") for _, target in links)


def test_on_a_package_index_nothing_is_broken_without_a_public_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TINYGPT_URL", raising=False)
    metadata = package_metadata()
    assert metadata.urls == {}
    assert "](" not in metadata.readme
    assert "docs/architecture.md: how the code is laid out" in metadata.readme


def test_the_readme_is_short() -> None:
    assert len(README.split()) < 1_200


def test_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    for page in [*pages, *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_files_that_the_documentation_names_exist() -> None:
    """Modules and the tests that are given as evidence."""
    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    text += (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in set(re.findall(r"\b(?:tests|engine|tui|data)/[\w/]+\.(?:py|tcss)", text)):
        assert (ROOT / name).is_file(), name


def test_the_tree_in_the_architecture_page_is_that_of_the_code() -> None:
    """One line per module; a package's `__init__.py` has none unless it holds code."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (tree,) = re.findall(r"```\n(engine/\n.*?)```", page, re.DOTALL)
    documented: set[str] = set()
    folders: list[str] = []
    for indent, name in re.findall(r"^( *)([\w.]+/?)", tree, re.MULTILINE):
        folders = folders[: len(indent) // 2]
        if name.endswith("/"):
            folders.append(name)
        else:
            documented.add("".join(folders) + name)
    there = {
        path.relative_to(ROOT).as_posix()
        for package in ("data", "engine", "tui")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".tcss")
        and (path.name != "__init__.py" or path.parent == ROOT / "engine")
    }
    assert documented == there
