"""Datasets of the Hugging Face Hub, from a server on loopback that answers as the Hub does."""

import io
import json
import random
import threading
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

import pytest
from text_server import Request, TextServer, head, serving, whole

from data import catalog
from data.download.copies import copy_of
from data.download.downloading import download
from data.download.progress import Control, Progress

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

VERSE = "The owl was up before the moon,\nand counted every star aloud;"
COMMIT = "5" * 40


def table(**columns: list[object]) -> bytes:
    """A Parquet file with these columns."""
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file, row_group_size=100)
    return file.getvalue()


class FakeHub:
    """A dataset owls/verses, by its files."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.revisions = ["refs/convert/parquet"]
        self.sent = 0

    def answer(self, request: Request) -> Iterable[bytes]:
        """What the Hub answers."""
        path = unquote(unquote(request.path.partition("?")[0]))
        if path.startswith("/api/datasets/owls/verses"):
            rest = path.removeprefix("/api/datasets/owls/verses")
            if not any(revision in rest for revision in self.revisions) and rest:
                return self._missing("RevisionNotFound")
            if rest.startswith("/paths-info"):
                return [self._json(self._entries())]
            if rest.startswith("/tree"):
                return [self._json(self._entries())]
            siblings = [{"rfilename": name} for name in self.files]
            return [self._json({"id": "owls/verses", "sha": COMMIT, "siblings": siblings})]
        if path.startswith("/datasets/owls/verses/resolve/"):
            name = next(name for name in self.files if path.endswith(name))
            return [self._part(self.files[name], request)]
        return self._missing("RepoNotFound")

    def _entries(self) -> list[dict[str, object]]:
        return [
            {"type": "file", "path": name, "size": len(content), "oid": COMMIT}
            for name, content in self.files.items()
        ]

    def _part(self, content: bytes, request: Request) -> bytes:
        first, _, last = request.headers["range"].removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last) + 1]
        self.sent += len(part)
        place = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
        status = "206 Partial Content"
        return head(status, Content_Length=len(part), Content_Range=place, ETag='"1"') + part

    def _json(self, value: object) -> bytes:
        return whole(json.dumps(value).encode(), Content_Type="application/json")

    def _missing(self, code: str) -> list[bytes]:
        return [head("404 Not Found", Content_Length=0, X_Error_Code=code)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextServer]:
    for name in ("http_proxy", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url("").rstrip("/"))
        yield server


def get(address: str, mb: int = 1, *, again: bool = False) -> list[Progress]:
    """Download a dataset; what was reported on the way."""
    seen: list[Progress] = []
    download(address, mb, Control(seen.append, threading.Event()), again=again)
    return seen


def hub_of(server: TextServer, files: dict[str, bytes]) -> FakeHub:
    hub = FakeHub(files)
    server.script = hub.answer
    return hub


def test_a_column_is_a_text(server: TextServer) -> None:
    rows = [f"{VERSE} {number}" for number in range(250)]
    hub_of(
        server,
        {
            "default/test/0000.parquet": table(text=["not this"]),
            "default/train/0000.parquet": table(label=list(range(250)), text=rows),
            "default/train/0001.parquet": table(label=[1, 2], text=[None, "the last\n"]),
        },
    )
    question = catalog.download_question("hf:owls/verses")
    assert question.startswith("Download hf:owls/verses from 127.0.0.1? At most 200 MB are taken")
    assert server.requests == []
    seen = get("hf:owls/verses")
    corpus = catalog.load("hf:owls/verses")
    assert corpus.text == "".join(f"{row}\n\n" for row in [*rows, "the last"])
    assert corpus.name == "owls/verses"
    assert "default/train, column text" in corpus.source
    assert seen[-1].received == len(corpus.text.encode())


def test_another_column_and_only_its_bytes(server: TextServer) -> None:
    noise = [random.Random(number).randbytes(3_000).hex() for number in range(3_000)]
    files = {"default/train/0000.parquet": table(noise=noise, verse=[VERSE] * 3_000)}
    hub = hub_of(server, files)
    get("hf:owls/verses:verse")
    assert catalog.load("hf:owls/verses:verse").text == f"{VERSE}\n\n" * 3_000
    with pytest.raises(ValueError, match="no column 'prose' with text: it has noise, verse"):
        get("hf:owls/verses:prose")
    assert hub.sent < 200_000 < len(files["default/train/0000.parquet"]) / 50


def test_no_more_than_was_agreed_to(server: TextServer) -> None:
    hub_of(server, {"default/train/0000.parquet": table(text=[VERSE * 100] * 1_000)})
    get("hf:owls/verses")
    corpus = catalog.load("hf:owls/verses")
    assert 990_000 < len(corpus.text) <= 1_000_000
    assert corpus.note == "the first 1.0 MB of it (--download-limit)"


def test_without_converted_files_those_of_the_dataset_itself(server: TextServer) -> None:
    hub = hub_of(server, {"data/train-0.parquet": table(verse=[VERSE])})
    hub.revisions = ["main"]
    get("hf:owls/verses")
    assert catalog.load("hf:owls/verses").text == f"{VERSE}\n\n"


def test_the_newest_version_is_not_fetched_again(server: TextServer) -> None:
    hub = hub_of(server, {"default/train/0000.parquet": table(text=[VERSE])})
    get("hf:owls/verses")
    before = hub.sent
    get("hf:owls/verses", again=True)
    assert hub.sent == before


def test_what_the_hub_does_not_have(server: TextServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub_of(server, {"default/train/0000.parquet": table(label=[1])})
    with pytest.raises(ValueError, match=r"owls/verses has no column with text\."):
        get("hf:owls/verses")
    with pytest.raises(ValueError, match="has no dataset owls/none, or does not give it"):
        get("hf:owls/none")
    hub_of(server, {"default/train/0000.parquet": b"PAR1 and nothing else"})
    with pytest.raises(ValueError, match="owls/verses cannot be read"):
        get("hf:owls/verses")
    hub_of(server, {"verses.csv": b"text"})
    with pytest.raises(ValueError, match="no Parquet files of owls/verses"):
        get("hf:owls/verses")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ValueError, match=r"127\.0\.0\.1 cannot be reached"):
        get("hf:owls/verses")
    assert copy_of("hf:owls/verses") is None
