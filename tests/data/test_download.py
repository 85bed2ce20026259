"""Texts from a server that cuts, lies, redirects and never ends; nothing of it is on the network."""

import gzip
import hashlib
import itertools
import socket
import sys
import threading
import time
import zlib
from collections.abc import Iterable, Iterator

import pytest
from text_server import Request, TextServer, head, reach_directly, rest, serving, whole

from data import catalog
from data.download import connection, fetching, known, part
from data.download.address import checked_url, is_public, redirected
from data.download.copies import copy_of, folder_of
from data.download.downloading import download
from data.download.known import KnownText
from data.download.progress import Control, Progress
from data.reading import Reading

TEXT = b"The owl was up before the moon,\nand counted every star aloud;\n" * 400
"""Some 25 KB."""
CUT = 10_000
TAGGED = {"ETag": '"1"'}


@pytest.fixture(scope="module")
def module_server() -> Iterator[TextServer]:
    with serving() as server:
        yield server


@pytest.fixture
def server(module_server: TextServer, monkeypatch: pytest.MonkeyPatch) -> TextServer:
    reach_directly(monkeypatch)
    monkeypatch.setattr(fetching, "PAUSES", (0.0, 0.0, 0.0))
    module_server.requests.clear()
    return module_server


class Watched:
    """The control of a download, and what it has reported."""

    def __init__(self) -> None:
        self.seen: list[Progress] = []
        self.stop = threading.Event()
        self.control = Control(self.seen.append, self.stop)


def get(
    server: TextServer, path: str = "/text.txt", *, mb: int = 1, again: bool = False
) -> tuple[str, list[Progress]]:
    """Download a text and read it; what was reported on the way."""
    watched = Watched()
    url = server.url(path)
    download(url, mb, watched.control, again=again)
    return catalog.load(url).text, watched.seen


def refusal(server: TextServer, path: str = "/text.txt", mb: int = 1) -> str:
    """Why a text cannot be downloaded; nothing is taken for it."""
    with pytest.raises(ValueError, match=r".") as caught:
        get(server, path, mb=mb)
    assert copy_of(server.url(path)) is None
    with pytest.raises(catalog.DownloadNeededError):
        catalog.load(server.url(path))
    return str(caught.value)


def test_a_text_is_asked_for_then_kept(server: TextServer) -> None:
    server.script = lambda request: [whole(TEXT)]
    url = server.url("/a/owl%20song.txt?x=1#part")
    question = catalog.download_question(url)
    assert question.startswith(f"Download {url}? At most 200 MB are taken")
    assert server.requests == []
    text, seen = get(server, "/a/owl%20song.txt?x=1#part")
    assert text == TEXT.decode()
    assert seen[-1] == Progress(url.partition("#")[0], len(TEXT), len(TEXT))
    assert catalog.download_question(url) == ""
    corpus = catalog.load(url)
    assert corpus.name == "owl song.txt"
    assert time.strftime("as of %Y-%m-%d", time.gmtime()) in corpus.source
    assert len(server.requests) == 1


def test_a_cut_connection_goes_on_where_it_was_cut(server: TextServer) -> None:
    def script(request: Request) -> Iterable[bytes]:
        if not request.start:
            return [whole(TEXT, **TAGGED)[: CUT - len(TEXT)]]
        return [rest(TEXT, request.start)]

    server.script = script
    assert get(server)[0] == TEXT.decode()
    first, second = server.requests
    assert first.headers.get("range") is None
    assert second.headers["if-range"] == '"1"'
    assert second.start == CUT


def test_a_later_program_goes_on_too(server: TextServer) -> None:
    cuts = iter([b"HTTP/1.1 500 No\r\n\r\n"] * 3)
    begun = whole(TEXT, **TAGGED)[: CUT - len(TEXT)]
    server.script = lambda request: [begun] if not request.start else [next(cuts)]
    assert "What has come, 0.0 MB, is kept" in refusal(server)
    server.script = lambda request: [rest(TEXT, request.start)]
    assert get(server)[0] == TEXT.decode()
    assert server.requests[-1].start == CUT


def test_where_a_range_is_ignored_it_begins_again(server: TextServer) -> None:
    answers = iter([whole(TEXT, **TAGGED)[:-CUT], whole(TEXT, **TAGGED)])
    server.script = lambda request: [next(answers)]
    assert get(server)[0] == TEXT.decode()


@pytest.mark.parametrize(
    "second",
    [
        whole(TEXT[::-1], ETag='"2"'),  # as If-Range asks for
        rest(TEXT[::-1], len(TEXT) - CUT, '"2"'),  # in spite of If-Range
        rest(TEXT[::-1] + TEXT, len(TEXT) - CUT),
        rest(TEXT, CUT - 5),
        head("416 Range Not Satisfiable", Content_Length=0),
        head("206 Partial Content", Content_Length=5, Content_Range="none") + b"wrong",
    ],
    ids=["200", "another version", "another length", "another place", "416", "no place"],
)
def test_a_text_that_has_changed_meanwhile_is_no_mixture(server: TextServer, second: bytes) -> None:
    answers = iter([whole(TEXT, **TAGGED)[:-CUT], second])
    latest = whole(TEXT[::-1], ETag='"2"')
    server.script = lambda request: [next(answers, latest)]
    assert get(server)[0] == TEXT[::-1].decode()


def test_without_a_version_nothing_is_resumed(server: TextServer) -> None:
    answers = iter([whole(TEXT)[:-CUT]])
    server.script = lambda request: [next(answers, whole(TEXT[::-1], ETag='W/"1"'))]
    assert get(server)[0] == TEXT[::-1].decode()
    assert all("range" not in request.headers for request in server.requests)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (whole(TEXT)[:-1], "was cut after 24,799 of 24,800 bytes"),
        (head(Content_Type="text/plain") + TEXT, "does not say how long it is"),
        (
            head(Transfer_Encoding="chunked") + b"5\r\nthe o\r\n",
            "The connection to 127.0.0.1 was cut",
        ),
        (b"", "does not answer"),
        (b"\x00\x01", "does not answer"),
        (head("404 Not Found", Content_Length=0), "There is no such text at 127.0.0.1 (404)."),
        (head("403 Forbidden", Content_Length=0), "does not give it to everybody (403 Forbidden)"),
        (head("500 Oh", Content_Length=0), "answers 500 Internal Server Error."),
        (head("204 No Content"), "answers 204 No Content."),
        (head("429 Slow", Content_Length=0, Retry_After=3_600), "asks to wait 3,600 seconds"),
        (whole(b"\x89PNG", Content_Type="image/png"), "is image/png, not a text"),
        (whole(TEXT, Content_Encoding="br"), "sends it as br, which is not read here"),
        (whole(TEXT, Content_Encoding="gzip"), "calls gzip is none"),
        (whole(gzip.compress(TEXT)[:-9], Content_Encoding="gzip"), "is damaged"),
        (whole(TEXT, Content_Length=10**9), "has 1,000 MB, and at most 1.0 MB are downloaded"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_downloaded(server: TextServer, answer: bytes, reason: str) -> None:
    server.script = lambda request: [answer]
    assert reason in refusal(server)


@pytest.mark.parametrize("headers", [{}, {"Transfer_Encoding": "chunked"}])
def test_an_endless_body_ends_at_the_limit(server: TextServer, headers: dict[str, str]) -> None:
    chunk = b"%x\r\n%s\r\n" % (50_000, b"x" * 50_000) if headers else b"x" * 50_000
    answer = head(**headers) if headers else head(Content_Length=900_000)
    server.script = lambda request: itertools.chain([answer], itertools.repeat(chunk))
    if headers:
        assert "has more than 1.0 MB, and at most 1.0 MB" in refusal(server)
    else:  # what is more than was announced is not read
        server.script = lambda request: itertools.chain([answer], itertools.repeat(b"so " * 10_000))
        assert len(get(server)[0]) == 900_000


def test_chunks_are_a_whole_text(server: TextServer) -> None:
    parts = [TEXT[at : at + 700] for at in range(0, len(TEXT), 700)]
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in parts)
    server.script = lambda request: [head(Transfer_Encoding="chunked"), chunked, b"0\r\n\r\n"]
    text, seen = get(server)
    assert text == TEXT.decode()
    assert seen[-1].total == -1


@pytest.mark.parametrize("kind", ["text/plain", "application/gzip"])
def test_a_compressed_text_is_expanded(server: TextServer, kind: str) -> None:
    encoding = {"Content_Encoding": "gzip"} if kind == "text/plain" else {}
    server.script = lambda request: [whole(gzip.compress(TEXT), Content_Type=kind, **encoding)]
    assert get(server)[0] == TEXT.decode()


def test_a_bomb_does_not_go_off(server: TextServer) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([packer.compress(bytes(1 << 20)) for _ in range(8)]) + packer.flush()
    assert len(bomb) < 10_000
    server.script = lambda request: [whole(bomb, Content_Encoding="gzip")]
    assert "has expanded more than 1.0 MB" in refusal(server)
    assert sorted(path.name for path in folder_of(server.url()).iterdir()) == ["lock"]


def test_a_slow_server_is_not_waited_for_forever(
    server: TextServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TIMEOUT", 0.03)
    over = threading.Event()

    def script(request: Request) -> Iterator[bytes]:
        yield whole(TEXT)[:-CUT]
        over.wait(2)

    server.script = script
    assert "has sent nothing for" in refusal(server)
    over.set()


def test_a_trickle_counts_as_cut(server: TextServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "SLOW_SECONDS", 0.005)
    monkeypatch.setattr(fetching, "SLOW_BYTES", 10**6)
    over = threading.Event()

    def script(request: Request) -> Iterator[bytes]:
        yield head(Content_Length=10_000)
        while not over.wait(0.001):
            yield b"."

    server.script = script
    assert "sends less than" in refusal(server)
    over.set()


def test_a_redirect_is_followed_and_named(server: TextServer) -> None:
    def script(request: Request) -> Iterable[bytes]:
        if request.path == "/text.txt":
            return [head("302 Found", Location="/moved.txt", Content_Length=0)]
        return [whole(TEXT)]

    server.script = script
    text, seen = get(server)
    assert text == TEXT.decode()
    assert seen[-1].url == server.url("/moved.txt")
    assert server.url("/moved.txt") in catalog.load(server.url()).source


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/text.txt", "redirects more than 5 times"),
        ("http://example.org/a.txt", "is not https"),
        ("file:///a.txt", "is not a valid URL"),
        ("ftp://example.org/a", "is not https"),
        ("https://user:word@example.org/a", "user name or a password"),
        ("http://[", "is not a valid URL"),
    ],
)
def test_where_a_redirect_may_not_lead(server: TextServer, location: str, reason: str) -> None:
    server.script = lambda request: [head("301 Moved", Location=location, Content_Length=0)]
    assert reason in refusal(server)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://127.0.0.1/a", "not https"),
        ("https://127.0.0.1/a", "of this machine or its network"),
        ("https://localhost/a", "of this machine or its network"),
        ("https://[::1]/a", "of this machine or its network"),
        ("https://[::ffff:10.0.0.1]/a", "of this machine or its network"),
        ("https://10.1.2.3/a", "of this machine or its network"),
        ("https://169.254.169.254/latest", "of this machine or its network"),
        ("https://2130706433/a", "of this machine or its network"),
        ("https://rebound.example/a", "of this machine or its network"),
    ],
)
def test_a_public_server_does_not_lead_inside(
    location: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.168.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: inside)
    with pytest.raises(ValueError, match=reason):
        redirected(
            "https://93.184.216.34/a", location, from_public=is_public("https://93.184.216.34/a")
        )


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.org/a.txt", "is not https"),
        ("https://", "is not a valid URL"),
        ("https://a b/", "is not a valid URL"),
        ("https://a\nHost: b/", "is not a valid URL"),
        ("https://example.org:99999/", "is not a valid URL"),
        ("https://user:secret@example.org/", "user name or a password"),
        (f"https://example.org/{'a' * 3_000}", "at most 2,000 characters"),
    ],
)
def test_an_address_that_is_refused_before_anything_is_sent(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        catalog.check_named(url)
    with pytest.raises(ValueError, match=reason):
        catalog.load(url)


def test_an_address_in_any_script_is_requested_in_ascii() -> None:
    assert checked_url("HTTPS://Bücher.example/ä b?q=ü#x".replace(" ", "%20")) == (
        "https://xn--bcher-kva.example/%C3%A4%20b?q=%C3%BC"
    )


def test_what_is_known_by_name_must_be_just_that(
    server: TextServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(TEXT).hexdigest()
    owl = KnownText("An owl", server.url(), digest, len(TEXT), "public domain")
    monkeypatch.setitem(known.KNOWN, "owl", owl)
    with pytest.raises(catalog.DownloadNeededError) as asked:
        catalog.load("owl")
    assert f"Download owl (0.0 MB) from {server.url()}?" in asked.value.question
    server.script = lambda request: [whole(TEXT.replace(b"moon", b"Moon"))]
    with pytest.raises(ValueError, match=r"another text than expected .* thrown away"):
        download("owl", 1, Watched().control)
    assert copy_of("owl") is None
    server.script = lambda request: [whole(TEXT)]
    download("owl", 1, Watched().control)
    assert catalog.load("owl").text == TEXT.decode()


def test_a_damaged_copy_is_not_taken_for_the_text(server: TextServer) -> None:
    server.script = lambda request: [whole(TEXT)]
    get(server)
    copy = copy_of(server.url())
    assert copy is not None
    path = folder_of(copy.address) / copy.sha256
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(catalog.DownloadNeededError) as asked:
        catalog.load(server.url())
    assert "Its copy here is damaged" in asked.value.question
    assert get(server)[0] == TEXT.decode()


def test_fetched_anew_only_if_it_has_changed(
    server: TextServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script = lambda request: [whole(TEXT, **TAGGED)]
    get(server)
    week = time.time() + 7 * 86_400
    monkeypatch.setattr(time, "time", lambda: week)
    note = catalog.load(server.url()).note
    assert note == f"the copy is 7 days old; tinygpt-tui texts get --again {server.url()} renews it"
    server.script = lambda request: [head("304 Not Modified", ETag='"1"')]
    assert get(server, again=True)[0] == TEXT.decode()
    assert server.requests[-1].headers["if-none-match"] == '"1"'
    assert catalog.load(server.url()).note == ""
    server.script = lambda request: [whole(TEXT[::-1], ETag='"2"')]
    assert get(server, again=True)[0] == TEXT[::-1].decode()
    assert len(list(folder_of(server.url()).iterdir())) == 3  # copy.json, its bytes, the lock


def test_a_failed_second_time_leaves_the_first(server: TextServer) -> None:
    server.script = lambda request: [whole(TEXT)]
    get(server)
    server.script = lambda request: [whole(TEXT[::-1])[:-1]]
    with pytest.raises(ValueError, match="was cut"):
        get(server, again=True)
    assert catalog.load(server.url()).text == TEXT.decode()


def test_cancelled_in_the_middle_it_goes_on_later(server: TextServer) -> None:
    watched = Watched()
    server.script = lambda request: [whole(TEXT, **TAGGED)[: CUT - len(TEXT)]]
    cancel = Control(
        lambda progress: watched.stop.set() if progress.received else None, watched.stop
    )
    with pytest.raises(ValueError, match="The download was cancelled"):
        download(server.url(), 1, cancel)
    server.script = lambda request: [rest(TEXT, request.start)]
    assert get(server)[0] == TEXT.decode()
    assert server.requests[-1].start > 0


def test_a_program_that_is_killed_leaves_no_half_text(
    server: TextServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every write to the disk, as it is at that moment, the next program finds no text or all
    of it."""
    found = []
    replace_file = part.replace_file

    def look(*arguments: object, **named: object) -> None:
        replace_file(*arguments, **named)
        found.append(copy_of(server.url()))

    monkeypatch.setattr(part, "replace_file", look)
    monkeypatch.setattr(part, "SYNC_BYTES", 3_000)
    server.script = lambda request: [whole(TEXT, **TAGGED)]
    assert get(server)[0] == TEXT.decode()
    assert len(found) > 2
    assert set(found) == {None}


def test_the_charset_of_the_server_counts_unless_the_user_names_one(server: TextServer) -> None:
    russian = "Я помню чудное мгновенье: передо мной явилась ты.\n" * 40
    content = russian.encode("cp1251")
    server.script = lambda request: [
        whole(content, Content_Type="text/plain; charset=windows-1251")
    ]
    assert get(server)[0] == russian
    assert catalog.load(server.url(), Reading("latin-1")).text != russian
    server.script = lambda request: [whole(content, Content_Type="text/plain; charset=rot13")]
    url = server.url("/wrong")
    download(url, 1, Watched().control)
    assert catalog.load(url, Reading("cp1251")).text == russian


def test_a_web_page_is_text(server: TextServer) -> None:
    page = b"<!DOCTYPE html><script>alert('owl')</script>" * 30
    server.script = lambda request: [whole(page, Content_Type="text/html; charset=utf-8")]
    assert get(server)[0] == page.decode()
    assert catalog.load(server.url()).note == "a web page: its tags are part of the text"


def test_the_proxy_of_the_environment_is_asked(
    server: TextServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script = lambda request: [whole(TEXT)]
    monkeypatch.setenv("http_proxy", server.url(""))
    monkeypatch.setenv("no_proxy", "")
    url = "http://text.localhost/a.txt"
    download(url, 1, Watched().control)
    assert server.requests[-1].path == url


def test_without_a_network_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(
        ValueError, match=r"raw\.githubusercontent\.com cannot be found .*network\?"
    ):
        download("tinyshakespeare", 1, Watched().control)


@pytest.mark.parametrize("address", ["hf:", "hf:a/b/c", "hf:../x", "hf:a b/c", "hf:a/b:"])
def test_a_dataset_is_named_by_owner_and_name(address: str) -> None:
    with pytest.raises(ValueError, match="A dataset is written hf:OWNER/NAME"):
        catalog.check_named(address)


def test_a_dataset_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    question = catalog.download_question("hf:owls/verses:text")
    assert question.startswith("Download hf:owls/verses:text from hub.example?")
    with pytest.raises(ValueError, match=r"pip install 'tinygpt-tui\[hf\]'"):
        download("hf:owls/verses:text", 1, Watched().control)


def test_two_programs_do_not_download_the_same_text(server: TextServer) -> None:
    def script(request: Request) -> Iterable[bytes]:
        with pytest.raises(ValueError, match="Another program is downloading this text"):
            download(server.url(), 1, Watched().control)
        return [whole(TEXT)]

    server.script = script
    assert get(server)[0] == TEXT.decode()


def test_the_books_of_project_gutenberg_are_read_without_what_is_around_them() -> None:
    around = (
        "Title: Owls\r\n*** START OF THIS PROJECT GUTENBERG EBOOK OWLS ***\r\n\r\n\r\nOWLS\r\n\r\n"
        "They fly.\r\n\r\nEnd of Project Gutenberg's Owls\r\n\r\n"
        "*** END OF THIS PROJECT GUTENBERG EBOOK OWLS ***\r\nLicense\r\n"
    )
    assert known.body(around.replace("\r\n", "\n")) == "OWLS\n\nThey fly.\n"
    assert known.body("They fly.\n") == "They fly.\n"
