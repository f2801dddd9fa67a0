"""The hosts to which the owner of a Secret allows its credentials to be sent.

An entry of the list is `HOST` (https at port 443), `HOST:PORT`, or either of them with `*.` in the
place of one label: `*.example.com` is `a.example.com`, and neither `example.com` nor
`a.b.example.com`. Entries of another form are ignored.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

_ENTRY = re.compile(
    r"(?P<wildcard>\*\.)?(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
)

_DEFAULT_PORTS = {"http": 80, "https": 443}


class _Origin(NamedTuple):
    """The host and port of an endpoint."""

    scheme: str
    host: str
    port: int


class _Entry(NamedTuple):
    """An allowed host."""

    host: str
    port: int | None
    is_wildcard: bool

    def allows(self, origin: _Origin) -> bool:
        if self.port is None and (origin.scheme, origin.port) != ("https", 443):
            return False
        if self.port is not None and self.port != origin.port:
            return False
        if not self.is_wildcard:
            return origin.host == self.host
        label, _, parent = origin.host.partition(".")
        return bool(label) and parent == self.host and not _is_address(origin.host)


def allows(entries: Iterable[str], endpoint: str) -> bool:
    """Return whether the host of an endpoint URL is listed."""
    origin = _origin(endpoint)
    return origin is not None and any(entry.allows(origin) for entry in _entries(entries))


def listed(text: str) -> tuple[str, ...]:
    """Return the entries of a list separated by commas or white space."""
    return tuple(filter(None, re.split(r"[,\s]+", text)))


def entry_for(endpoint: str) -> str:
    """Return the entry that would allow an endpoint, such as `proxy.example.com:8443`."""
    origin = _origin(endpoint)
    if origin is None:
        return endpoint
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return host if origin[::2] == ("https", 443) else f"{host}:{origin.port}"


def _origin(endpoint: str) -> _Origin | None:
    """Return the host and port of an endpoint, or None if parsers could disagree about it."""
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        return None
    entry = _ENTRY.fullmatch(parts.netloc)  # neither user information nor other characters
    if entry is None or entry["wildcard"] or parts.scheme not in _DEFAULT_PORTS or port == 0:
        return None
    return _Origin(
        parts.scheme,
        _normal(entry["host"]),
        port if port is not None else _DEFAULT_PORTS[parts.scheme],
    )


def _entries(entries: Iterable[str]) -> Iterator[_Entry]:
    for text in entries:
        if entry := _ENTRY.fullmatch(text):
            host, is_wildcard = _normal(entry["host"]), bool(entry["wildcard"])
            if is_wildcard and ("." not in host or _is_address(host)):
                continue  # a whole top-level domain is likely a mistake
            port = int(entry["port"]) if entry["port"] else None
            yield _Entry(host, port, is_wildcard)


def _normal(host: str) -> str:
    """Return a host in the form for comparison: in lower case, without a trailing dot."""
    bare = host.strip("[]").lower().removesuffix(".")
    with suppress(ValueError):
        return ip_address(bare).compressed
    return bare


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return host.replace(".", "").isdigit()
    return True
