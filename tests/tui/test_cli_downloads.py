"""Texts from elsewhere on the command line: a yes, a progress, copies with their age."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import TINY, events_of, invoked
from driving import only
from text_server import TextServer, head, reach_directly, serving, whole

from data.download import copies
from engine.protocol import CorpusLoaded

TEXT = b"The owl was up before the moon,\nand counted every star aloud;\n" * 40


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextServer]:
    reach_directly(monkeypatch)
    with serving() as server:
        server.script = lambda request: [whole(TEXT, ETag='"1"')]
        yield server


@pytest.mark.parametrize(
    "arguments",
    [["train"], ["lr-range"], ["lab", "--side", "", "--side", "model.n_layer=2"], ["texts", "get"]],
    ids=lambda arguments: arguments[0],
)
def test_nothing_is_downloaded_without_a_yes(server: TextServer, arguments: list[str]) -> None:
    result = invoked(*arguments, server.url())
    assert result.exit_code == 2
    assert f"Download {server.url()}? At most 200 MB are taken (--download-limit)." in result.stderr
    assert "nothing in it is run" in result.stderr
    assert "To agree, add --yes." in result.stderr
    assert server.requests == []


def test_a_server_of_the_app_names_the_command_that_downloads(server: TextServer) -> None:
    result = invoked("serve", server.url())
    assert result.exit_code == 2
    assert f"first: tinygpt-tui texts get {server.url()}" in result.stderr
    assert server.requests == []


def test_with_a_yes_it_is_downloaded_and_trained_on(server: TextServer) -> None:
    arguments = ("train", server.url(), *TINY, "--steps", "2", "--json")
    result = invoked(*arguments, "--yes")
    assert result.exit_code == 0, result.stderr
    assert only(events_of(result.stdout), CorpusLoaded).characters == len(TEXT)
    assert invoked(*arguments).exit_code == 0  # from its copy
    assert len(server.requests) == 1


def test_a_download_that_fails_says_why(server: TextServer) -> None:
    server.script = lambda request: [head("404 Not Found", Content_Length=0)]
    result = invoked("train", server.url(), "--yes")
    assert result.exit_code == 2
    assert "There is no such text at 127.0.0.1 (404)." in result.stderr


def test_a_text_is_got_told_of_got_again_and_deleted(
    server: TextServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url()
    got = invoked("texts", "get", url, "--yes", columns=300)
    assert (got.exit_code, got.stdout.split(" in ")[0]) == (0, f"{url}: 2 KB from {url},")
    later = time.time() + 3 * 3_600
    monkeypatch.setattr(copies.time, "time", lambda: later)
    assert "here, 2 KB, 3 hours old" in invoked("texts", columns=300).stdout
    assert (
        "is here already, 3 hours old. To download it again, add --again."
        in invoked("texts", "get", url).stdout
    )
    server.script = lambda request: [head("304 Not Modified", ETag='"1"')]
    assert invoked("texts", "get", url, "--again", "--yes").exit_code == 0
    assert "here, 2 KB, new" in invoked("texts", columns=300).stdout
    assert invoked("texts", "delete", url).exit_code == 0
    assert url not in invoked("texts", columns=300).stdout
    assert [*(home / "texts").iterdir()] == []
    assert "There is no copy of" in invoked("texts", "delete", url).stderr


def test_the_catalog_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = invoked("texts", columns=300).stdout
    assert "Jane Austen, Pride and Prejudice" in listed
    assert "550 KB to download" in listed
    assert "  fairy tales from a story grammar" in invoked("texts").stdout


def test_what_is_not_downloaded_is_refused() -> None:
    assert "'tales' is not downloaded" in invoked("texts", "get", "tales", "--yes").stderr
    assert "is not https" in invoked("train", "http://example.org/a.txt", "--yes").stderr
    assert "--download-limit" in invoked("train", "tales", "--download-limit", "0").stderr
