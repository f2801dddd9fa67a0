"""Requests for images, and the events of their streams."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tintype_cli.http_client import ApiError, Body, Gateway, UnreachableError, fetched

MICRO = 1_000_000


@dataclass(frozen=True)
class Adjusted:
    """The gateway adjusted fields of the request to the model."""

    changes: str
    """The changes, from the header `Tintype-Adjusted`."""


@dataclass(frozen=True)
class Partial:
    """A preview of an image."""

    step: int
    """The number of the preview, from 1."""


@dataclass(frozen=True)
class FinalImage:
    """A complete image, or one that the provider withheld."""

    content: bytes = field(repr=False)
    properties: str = ""
    """Its size, price and seed, as text."""

    refused: bool = False
    reason: str | None = None
    """The provider's reason for withholding it."""


class Event(NamedTuple):
    """A server-sent event."""

    number: int
    """Its `id`; 0 where it has none."""

    data: Mapping[str, Any]


def request_images(
    gateway: Gateway, path: str, body: Body, headers: Mapping[str, str]
) -> Iterator[Adjusted | Partial | FinalImage]:
    """Yield adjustments, previews and images, in the order of their arrival.

    `body` must ask for a stream, and `path` is that of the operation, such as `/v1/images/edits`.

    Raises:
        ApiError: The gateway responded with an error.
        UnreachableError: The gateway is unreachable, or its response is incomplete.
    """
    with gateway.request("POST", path, body, headers) as response:
        if changes := response.headers.get("Tintype-Adjusted"):
            yield Adjusted(changes)
        yield from parse_events(events(response))


def events(lines: Iterable[bytes]) -> Iterator[Event]:
    """Yield each complete server-sent event."""
    number, data = 0, list[bytes]()
    for line in lines:
        text = line.rstrip(b"\r\n")
        if text.startswith(b"data:"):
            data.append(text[5:])
        elif text.startswith(b"id:"):
            number = int(text[3:])
        elif not text and data:
            yield Event(number, json.loads(b"\n".join(data)))
            data = []


def parse_events(received: Iterable[Event]) -> Iterator[Partial | FinalImage]:
    """Yield the images and previews in the events of a stream.

    Raises:
        ApiError: The stream contains an error event.
        UnreachableError: The stream ended without an image.
    """
    finished = 0
    for _, data in received:
        if data.get("type") == "error":
            raise ApiError(data["error"]["message"])
        found = image_in(data)
        finished += isinstance(found, FinalImage)
        if found is not None:
            yield found
    if not finished:
        raise UnreachableError("the response ended before an image was finished")


def image_in(event: Mapping[str, Any]) -> Partial | FinalImage | None:
    """Return the preview or the image of an event; None if it has neither."""
    kind = str(event.get("type"))
    if kind.endswith(".partial_image"):
        return Partial(event["partial_image_index"] + 1)
    return final_image(event) if kind.endswith(".completed") else None


def final_image(fields: Mapping[str, Any]) -> FinalImage:
    """Return the image in an event or in an item of `data`, fetched where it is behind a URL.

    Raises:
        ApiError, UnreachableError: It could not be fetched.
    """
    url = fields.get("url")
    content = fetched(url) if url else base64.b64decode(fields.get("b64_json") or "")
    return FinalImage(
        content,
        _properties(fields),
        refused=bool(fields.get("flagged")),
        reason=fields.get("flag_reason"),
    )


def in_credits(micro: int) -> str:
    """Return micro-credits as text, in credits."""
    return f"{micro / MICRO:.6g} credits"


def _properties(fields: Mapping[str, Any]) -> str:
    used = (fields.get("usage") or {}).get("credits_used")
    seed = fields.get("seed")
    parts = [
        fields.get("size"),
        None if used is None else in_credits(used),
        None if seed is None else f"seed {seed}",
    ]
    return ", ".join(str(part) for part in parts if part)
