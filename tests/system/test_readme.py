"""What the README says is so."""

import re
from pathlib import Path
from xml.etree import ElementTree

from click.testing import CliRunner

from tui.app import TinyGPTApp
from tui.cli.main import main
from tui.screens.help import KEYS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_key_table_is_that_of_the_help_screen() -> None:
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", README, re.MULTILINE)
    told = [(re.findall(r"`([^`]+)`", keys), does.replace("`", "")) for keys, does in rows]
    assert told == [(keys.split(), does) for keys, does in KEYS]


def test_every_key_of_the_app_is_in_the_help() -> None:
    app_keys = {
        TinyGPTApp.get_key_display(None, binding)  # type: ignore[arg-type]
        for binding in TinyGPTApp.BINDINGS
    }
    told = {key.lower() if len(key) > 1 else key for keys, _ in KEYS for key in keys.split()}
    assert {key.lower() if len(key) > 1 else key for key in app_keys} <= told


def test_its_make_commands_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([\w-]+)", README)) <= targets


def test_its_command_lines_are_understood() -> None:
    """Every tinygpt-tui line parses: each option is known to the command it is given to."""
    lines = re.findall(r"^tinygpt-tui .*?(?=\s*(?:#|$))", README, re.MULTILINE)
    assert len(lines) >= 8
    for line in lines:
        words = line.replace('"ROMEO:"', "ROMEO:").split()[1:]
        name = words[0] if words[0] in main.commands else "app"
        arguments = words[words[0] == name :]
        main.commands[name].make_context(name, arguments)


def test_help_names_the_commands() -> None:
    output = CliRunner().invoke(main, ["--help"]).output
    for command in ("train", "sample", "runs"):
        assert f"tinygpt-tui {command}" in output


def test_its_picture_moves_by_itself_and_can_stand_still() -> None:
    """One SVG under 3 MB that loads nothing, with a still where animation is not wanted."""
    (name,) = re.findall(r"!\[.*?\]\((.*?)\)", README)
    picture = (ROOT / name).read_text(encoding="utf-8")
    assert len(picture.encode()) < 3_000_000
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
    assert "@keyframes" in picture
    assert "@media(prefers-reduced-motion:reduce)" in picture
    loaded = re.findall(r"(?:href|src)=|url\(|@import|<script|<image|<foreignObject", picture)
    assert not loaded


def test_it_is_short() -> None:
    assert len(README.split()) < 1_200


def test_its_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    for page in [*pages, *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_files_that_the_documentation_names_exist() -> None:
    """The tests that are named as evidence, and the files of the tree."""
    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    text += (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in set(re.findall(r"\b(?:tests|engine|tui|data)/[\w/]+\.(?:py|tcss)", text)):
        assert (ROOT / name).is_file(), name
