"""What the simulator remembers of a request: its body in a form that tests can read. Pure."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from tintype_simulator.control.faults import with_leaves
from tintype_simulator.multipart import MultipartError, Part, is_multipart, parse_multipart

LONGEST_TEXT = 65_536
"""Longer texts, which are images, are logged by their length and their digest only."""


@dataclass(frozen=True)
class ReceivedBody:
    """A body, as the log of requests shows it."""

    shown: object
    """JSON as it is, a form as a list of its parts, anything else as text."""

    digest: bytes
    """Equal for requests that mean the same: the boundary of a form does not count."""


def received_body(content_type: str, body: bytes) -> ReceivedBody:
    """Return what the log keeps of a body with this `Content-Type`."""
    if is_multipart(content_type):
        try:
            parts = parse_multipart(content_type, body)
        except MultipartError:
            pass
        else:
            pieces = hashlib.sha256(b"".join(digests(parts)))
            return ReceivedBody([shown_part(part) for part in parts], pieces.digest())
    return ReceivedBody(shown_value(readable(body)), hashlib.sha256(body).digest())


def shown_value(value: object) -> object:
    """Return a value with its long texts abbreviated, or a note where it is nested too deeply."""
    try:
        return with_leaves(value, abbreviated)
    except RecursionError:
        return "<nested too deeply to be shown>"


def digests(parts: list[Part]) -> Iterator[bytes]:
    """Yield what tells one form from another."""
    for part in parts:
        head = json.dumps([part.name, part.filename, part.content_type]).encode()
        yield hashlib.sha256(head).digest() + hashlib.sha256(part.content).digest()


def shown_part(part: Part) -> dict[str, object]:
    """Return a part of a form: a text with its value, a file with its length and its digest."""
    if part.filename is None:
        value = abbreviated(part.content.decode(errors="replace"))
        return {"name": part.name, "content_type": part.content_type, "value": value}
    return {
        "name": part.name,
        "filename": part.filename,
        "content_type": part.content_type,
        "bytes": len(part.content),
        "sha256": hashlib.sha256(part.content).hexdigest(),
    }


def abbreviated(leaf: object) -> object:
    """Return a long text as its length and its digest, and everything else as it is."""
    if not isinstance(leaf, str) or len(leaf) <= LONGEST_TEXT:
        return leaf
    digest = hashlib.sha256(leaf.encode(errors="surrogatepass")).hexdigest()
    return f"<{len(leaf)} characters, SHA-256 {digest}>"


def readable(body: bytes | str) -> object:
    """Return the JSON in a body, or its text if there is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body if isinstance(body, str) else body.decode(errors="replace")
