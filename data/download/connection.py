"""One request over HTTP: its redirects, and what its answer says before the text begins.

The standard library's client: a request for a file needs no more, and a first install stays small
(docs/decisions.md). Proxies that the environment names are used.
"""

import http.client
import re
import socket
import ssl
import urllib.request
from collections.abc import Iterable, Mapping
from email.message import Message
from typing import NamedTuple
from urllib.error import URLError

from data.download.address import host_of, is_public, redirected
from data.safe_text import safe_text

TIMEOUT = 20.0
"""Seconds without a byte after which a connection counts as cut."""
MAX_REDIRECTS = 5
_USER_AGENT = "tinygpt-tui"
_REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Status codes after which a later request may succeed."""
_WHOLE, _PARTIAL, _UNCHANGED, _BEYOND = 200, 206, 304, 416
_TEXT_TYPES = re.compile(
    r"text/|application/(octet-stream|(x-)?gzip|json|xml|x-ndjson|jsonlines|.*\+(json|xml))|$"
)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class InterruptedDownloadError(Exception):
    """The download can go on later. The message is user-facing; `wait`: seconds that the server
    asked for, or 0."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class ChangedThereError(InterruptedDownloadError):
    """What the server has does not go on where the download was cut: it begins again."""


class Answer(NamedTuple):
    """The answer to a request, before its body is read."""

    body: http.client.HTTPResponse
    url: str  # after redirects
    start: int  # the first byte of the body in the file
    length: int  # of the file; -1: the server does not say
    validator: str  # names this version of the file; empty: the server does not say
    charset: str
    compressed: bool  # with gzip
    unchanged: bool  # the file is the one that `validator` of the request names: no body


def request(url: str, *, start: int = 0, validator: str = "", known: str = "") -> Answer:
    """Request a file, from byte `start` on if it is still the version of `validator`, and not at all
    if it is the version `known`.

    ValueError, with a user-facing message, where the server refuses or what it has is no text;
    InterruptedDownloadError where a later request may succeed.
    """
    # Without compression, the length is that of the text, and a part of it can be asked for.
    headers = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"}
    if start and validator:
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    if known.startswith(('"', "W/")):
        headers["If-None-Match"] = known
    elif known:
        headers["If-Modified-Since"] = known
    opener = _opener()
    from_public = False
    for _ in range(MAX_REDIRECTS + 1):
        response = _open(opener, url, headers)
        if response.status not in _REDIRECTS:
            return _answer(response, url)
        location = response.headers.get("Location", "")
        response.close()
        from_public = from_public or is_public(url)
        url = redirected(url, location, from_public=from_public)
    raise ValueError(f"{host_of(url)} redirects more than {MAX_REDIRECTS} times.")


def _opener() -> urllib.request.OpenerDirector:
    """A client that uses proxies and leaves redirects and refusals to `request`."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _open(
    opener: urllib.request.OpenerDirector, url: str, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    """The response of one server, whatever its status."""
    host = host_of(url)
    try:
        response = opener.open(urllib.request.Request(url, headers=dict(headers)), timeout=TIMEOUT)
    except URLError as error:
        raise _unreachable(host, error.reason) from None
    except (OSError, http.client.HTTPException) as error:
        raise InterruptedDownloadError(
            f"{host} does not answer: {safe_text(str(error)) or type(error).__name__}."
        ) from None
    assert isinstance(response, http.client.HTTPResponse), "no other scheme is requested"
    return response


def _unreachable(host: str, reason: str | BaseException) -> Exception:
    """Why no server answers."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        why = safe_text(reason.verify_message)
        return ValueError(
            f"The certificate of {host} is not valid ({why}): nothing was downloaded."
        )
    words = safe_text(getattr(reason, "strerror", None) or str(reason))
    if isinstance(reason, socket.gaierror):
        return ValueError(f"{host} cannot be found ({words}): is there a network?")
    return InterruptedDownloadError(f"{host} cannot be reached: {words}.")


def _refusal(host: str, code: int, wait: str) -> Exception:
    """What a status code means."""
    words = http.client.responses.get(code, "")
    if code in _PASSING:
        seconds = float(wait) if wait.isascii() and wait.isdecimal() and len(wait) < 6 else 0.0
        return InterruptedDownloadError(f"{host} answers {code} {words}.", seconds)
    match code:
        case 404 | 410:
            return ValueError(f"There is no such text at {host} ({code}).")
        case 401 | 403 | 407:
            return ValueError(f"{host} does not give it to everybody ({code} {words}).")
        case _:
            return ValueError(f"{host} answers {code} {words}.")


def _answer(response: http.client.HTTPResponse, url: str) -> Answer:
    """What the headers say. Where they refuse, the response is closed."""
    try:
        return _read_headers(response, url)
    except BaseException:
        response.close()
        raise


def _read_headers(response: http.client.HTTPResponse, url: str) -> Answer:
    host, headers, status = host_of(url), response.headers, response.status
    validator = _validator(headers)
    if status == _UNCHANGED:
        response.close()
        return Answer(response, url, 0, 0, validator, "", compressed=False, unchanged=True)
    if status == _BEYOND:
        raise ChangedThereError(f"{host} has no more than had come before.")
    if status not in (_WHOLE, _PARTIAL):
        raise _refusal(host, status, headers.get("Retry-After", ""))
    kind = headers.get_content_type() if "Content-Type" in headers else ""
    if not _TEXT_TYPES.match(kind):
        raise ValueError(f"What {host} has there is {safe_text(kind)}, not a text.")
    encodings = headers.get("Content-Encoding", "").strip().casefold()
    if encodings not in ("", "identity", "gzip", "x-gzip"):
        raise ValueError(f"{host} sends it as {safe_text(encodings)}, which is not read here.")
    start, length = 0, _number(headers.get("Content-Length", ""))
    in_chunks = "Transfer-Encoding" in headers  # they have an end that is marked
    if status == _PARTIAL:
        found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        if found is None:
            raise InterruptedDownloadError(f"{host} does not say which part it sends.")
        start, length = int(found[1]), _number(found[3])
    elif in_chunks:
        length = -1
    if length < 0 and not in_chunks:
        raise ValueError(
            f"{host} does not say how long it is, so that nobody would notice a cut connection."
        )
    charset = headers.get_content_charset("")
    compressed = encodings in ("gzip", "x-gzip")
    return Answer(response, url, start, length, validator, charset, compressed, unchanged=False)


def _validator(headers: Message) -> str:
    """What names the version of a file byte for byte: its ETag, unless that is a weak one, or when
    it was modified."""
    tag: str = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _number(digits: str) -> int:
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 16 else -1


def chunks(answer: Answer) -> Iterable[bytes]:
    """The body as it comes. InterruptedDownloadError where the connection is cut."""
    host = host_of(answer.url)
    try:
        # read1: what has come is not held back until there is more.
        while chunk := answer.body.read1(1 << 16):
            yield chunk
    except TimeoutError:
        raise InterruptedDownloadError(
            f"{host} has sent nothing for {TIMEOUT:.0f} seconds."
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise InterruptedDownloadError(
            f"The connection to {host} was cut: {safe_text(str(error)) or type(error).__name__}."
        ) from None
