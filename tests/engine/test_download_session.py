"""A session on texts that are not here: it asks, downloads while it trains, and can be cancelled."""

import threading
from collections.abc import Iterable, Iterator

import msgspec
import pytest
from driving import Driver, is_a, of, only, saved_run, tiny
from text_server import Request, TextServer, head, reach_directly, serving, whole

import data.download.remote
import data.files
from data.download.copies import texts_folder
from data.reading import Reading
from engine.protocol import (
    Busy,
    CancelDownload,
    Close,
    ConfirmationRequired,
    CorpusLoaded,
    DownloadEnded,
    Downloading,
    DownloadText,
    Event,
    Failed,
    Fork,
    Open,
    Opened,
    OpenRace,
    StepDone,
    Train,
)
from engine.storage import corpus_text

TEXT = b"The owl was up before the moon,\nand counted every star aloud;\n" * 40


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextServer]:
    reach_directly(monkeypatch)
    with serving() as server:
        server.script = lambda request: [whole(TEXT)]
        yield server


def asked(events: Iterable[Event]) -> ConfirmationRequired:
    """The question, before which nothing was requested."""
    return only(events, ConfirmationRequired)


def test_a_run_on_a_url_is_asked_about_then_opened(server: TextServer) -> None:
    config = tiny(server.url())
    question = asked(Driver().when(is_a(ConfirmationRequired), Close()).run(Open(config)))
    assert server.requests == []
    assert question.command == Open(config, download=True)
    driver = Driver().when(is_a(Opened), Close())
    events = driver.run(question.command)
    assert only(events, CorpusLoaded).name == "text.txt"
    assert only(events, DownloadEnded).complete
    assert len(server.requests) == 1
    assert [type(event) for event in events].index(DownloadEnded) < [
        type(event) for event in events
    ].index(CorpusLoaded)
    assert of(Driver().when(is_a(Opened), Close()).run(Open(config)), ConfirmationRequired) == []


def test_a_fork_and_a_race_ask_too(server: TextServer, verse_file: object) -> None:
    name = saved_run(verse_file)
    fork = Fork(name, corpus=server.url(), reading=Reading(download_mb=3))
    race = OpenRace((tiny(server.url()), tiny(server.url(), "model.n_layer=2")))
    for command in (fork, race):
        question = asked(Driver().when(is_a(ConfirmationRequired), Close()).run(command))
        assert question.command == msgspec.structs.replace(command, download=True)
        assert f"Download {server.url()}" in question.question
    assert (
        "At most 3 MB"
        in asked(Driver().when(is_a(ConfirmationRequired), Close()).run(fork)).question
    )


def test_a_large_download_is_read_in_pieces_and_the_same_text(
    server: TextServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script = lambda request: [whole(TEXT, Content_Type="text/plain; charset=latin-1")]
    opening = Open(tiny(server.url()), download=True)
    small = only(Driver().when(is_a(Opened), Close()).run(opening), CorpusLoaded)
    for module in (data.files, data.download.remote, corpus_text):
        monkeypatch.setattr(module, "LARGE_BYTES", 1_000)

    events = Driver().when(is_a(Opened), Close()).run(opening)
    steps = [event.what for event in of(events, Busy) if event.done == 0 and event.stoppable]
    assert steps == [
        f"{what} {server.url()}" for what in ("checking", "reading", "counting", "encoding")
    ]
    assert only(events, CorpusLoaded) == small
    assert len(server.requests) == 1

    (copy,) = (file for file in texts_folder().glob("*/*") if len(file.name) == 64)
    copy.write_bytes(TEXT[::-1])
    events = Driver().when(is_a(ConfirmationRequired), Close()).run(Open(opening.config))
    assert "Its copy here is damaged." in asked(events).question


def test_what_cannot_be_downloaded_leaves_the_open_run(
    server: TextServer, verse_file: object
) -> None:
    server.script = lambda request: [head("404 Not Found", Content_Length=0)]
    driver = Driver().when(is_a(Opened), Open(tiny(server.url()), download=True))
    driver.when(is_a(Failed), Train())
    driver.when(is_a(StepDone, step=2), Close())
    events = driver.run(Open(tiny(verse_file)))
    assert only(events, Failed) == Failed("There is no such text at 127.0.0.1 (404).", "open")
    assert not only(events, DownloadEnded).complete


def test_training_goes_on_during_a_download_which_can_be_cancelled(
    server: TextServer, verse_file: object
) -> None:
    over = threading.Event()

    def script(request: Request) -> Iterator[bytes]:
        yield whole(TEXT)[:-100]
        over.wait(5)

    server.script = script
    driver = Driver()
    driver.when(is_a(Opened), Train(), Open(tiny(server.url()), download=True))
    driver.when(
        lambda event: isinstance(event, Downloading) and event.received > 0, CancelDownload()
    )
    driver.when(is_a(DownloadEnded), Close())
    events = driver.run(Open(tiny(verse_file, "train.steps=100000")))
    over.set()
    begun = next(n for n, event in enumerate(events) if isinstance(event, Downloading))
    assert of(events[begun:], StepDone)
    assert "The download was cancelled" in only(events, Failed).message
    assert len(of(events, Opened)) == 1


def test_closing_does_not_wait_for_a_server(server: TextServer) -> None:
    over = threading.Event()

    def script(request: Request) -> Iterator[bytes]:
        over.wait(5)
        yield b""

    server.script = script
    driver = Driver().when(is_a(Downloading), DownloadText("tinyshakespeare", 1), Close())
    events = driver.run(DownloadText(server.url(), 1))
    over.set()
    assert "is being downloaded already" in only(events, Failed).message
