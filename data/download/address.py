"""Which addresses a text may be fetched from."""

from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from data.safe_text import safe_text

MAX_LENGTH = 2_000
"""Characters of an address."""
_LOCAL = "localhost"
_UNQUOTED = "/%:@!$&'()*+,;=~"


def checked_url(url: str) -> str:
    """The URL as it is requested: without a fragment, in ASCII. ValueError, with a user-facing
    message, for one that is invalid or not secure."""
    shown = safe_text(url[:80])
    if len(url) > MAX_LENGTH:
        raise ValueError(f"A URL has at most {MAX_LENGTH:,} characters, not {len(url):,}.")
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:
        raise ValueError(f"'{shown}' is not a valid URL.") from None
    if not host or any(character <= " " or character == "\x7f" for character in url):
        raise ValueError(f"'{shown}' is not a valid URL.")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "A URL with a user name or a password would be kept in the files of the run: download "
            "the text with another program."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError(
            f"'{shown}' is not https: over http anybody on the way can change the text. "
            "Only an address of this machine may be http."
        )
    bracketed = f"[{host}]" if ":" in host else host
    path, query = quote(parts.path or "/", _UNQUOTED), quote(parts.query, _UNQUOTED + "?")
    return urlunsplit((parts.scheme, bracketed + port, path, query, ""))


def redirected(url: str, location: str, *, from_public: bool) -> str:
    """The URL that a redirect leads to. `from_public`: whether a public address was part of the way.
    ValueError, with a user-facing message, where a redirect may not lead to."""
    shown = safe_text(location[:80])
    try:
        target = checked_url(_joined(url, location))
    except ValueError as error:
        raise ValueError(
            f"{host_of(url)} redirects to an address that is not used. {error}"
        ) from None
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
        raise ValueError(f"{host_of(url)} redirects to '{shown}', which is not https.")
    if from_public and not is_public(target):
        raise ValueError(
            f"{host_of(url)} redirects to '{shown}', an address of this machine or its network."
        )
    return target


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise ValueError(f"'{safe_text(location[:80])}' is not a valid URL.") from None


def host_of(url: str) -> str:
    """The host that a URL names, safe to draw."""
    return safe_text(urlsplit(url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or number."""
    if host == _LOCAL or host.endswith("." + _LOCAL):
        return True
    from ipaddress import ip_address  # seldom asked for, like what is imported below

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(url: str) -> bool:
    """Whether a URL leads to the internet. A name is looked up, unless a proxy will do that."""
    import socket
    from ipaddress import ip_address
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host):
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        pass  # a name
    if parts.scheme in getproxies() and not proxy_bypass(host):
        return True
    try:
        found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except OSError:
        return True  # it cannot be reached, which connecting to it will report
    # A zone, as in fe80::1%eth0, is not part of the number.
    return all(ip_address(str(each[4][0]).partition("%")[0]).is_global for each in found)
