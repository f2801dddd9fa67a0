"""A client of the images API that needs only the standard library."""

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_SECONDS = 300
"""The longest time without data from the gateway; a slow model takes three minutes."""

MICRO = 1_000_000


class ApiError(Exception):
    """The gateway refused the request, or the response is not valid."""


class UnreachableError(Exception):
    """There is no response from the gateway, or only an incomplete one."""


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


class Client:
    """Sends requests to the gateway at `url`, with an API key."""

    def __init__(self, url: str, key: str) -> None:
        self._url = f"{url.rstrip('/')}/v1/images/generations"
        self._key = key

    def generate(self, body: Mapping[str, object]) -> Iterator[Adjusted | Partial | FinalImage]:
        """Yield adjustments, previews and images, in the order of their arrival.

        Raises:
            ApiError: The gateway responded with an error.
            UnreachableError: The gateway is unreachable, or its response is incomplete.
        """
        streamed = {**body, "stream": True, "response_format": "b64_json"}
        with _response(self._request(streamed)) as response:
            if changes := response.headers.get("Tintype-Adjusted"):
                yield Adjusted(changes)
            yield from parse_events(events(response))

    def _request(self, body: Mapping[str, object]) -> urllib.request.Request:
        if not self._url.startswith(("http://", "https://")):
            raise ApiError(f"{self._url} is not the address of a gateway")
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "User-Agent": "tintype-generate",
        }
        return urllib.request.Request(self._url, json.dumps(body).encode(), headers)  # noqa: S310


@contextmanager
def _response(request: urllib.request.Request) -> Iterator[http.client.HTTPResponse]:
    """Give the response to a request.

    Raises:
        ApiError: The gateway responded with an error.
        UnreachableError: The gateway is unreachable, or its response is incomplete.
    """
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            yield response
    except urllib.error.HTTPError as error:
        with error:
            raise ApiError(_message(error.read(), error.code)) from error
    except http.client.HTTPException as error:
        raise UnreachableError("the response ended too soon") from error
    except OSError as error:
        raise UnreachableError(str(getattr(error, "reason", error))) from error


def events(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the data of each complete server-sent event."""
    data: list[bytes] = []
    for line in lines:
        text = line.rstrip(b"\r\n")
        if text.startswith(b"data:"):
            data.append(text[5:])
        elif not text and data:
            yield json.loads(b"\n".join(data))
            data = []


def parse_events(received: Iterable[Mapping[str, Any]]) -> Iterator[Partial | FinalImage]:
    """Yield the images and previews in the events of a stream.

    Raises:
        ApiError: The stream contains an error event.
        UnreachableError: The stream ended without an image.
    """
    finished = 0
    for event in received:
        match event.get("type"):
            case "error":
                raise ApiError(event["error"]["message"])
            case "image_generation.partial_image":
                yield Partial(event["partial_image_index"] + 1)
            case "image_generation.completed":
                finished += 1
                content = base64.b64decode(event.get("b64_json") or "")
                yield FinalImage(
                    content,
                    _properties(event),
                    refused=bool(event.get("flagged")),
                    reason=event.get("flag_reason"),
                )
    if not finished:
        raise UnreachableError("the response ended before an image was finished")


def _properties(event: Mapping[str, Any]) -> str:
    used = event.get("usage", {}).get("credits_used")
    seed = event.get("seed")
    parts = [
        event.get("size"),
        None if used is None else f"{used / MICRO:.6g} credits",
        None if seed is None else f"seed {seed}",
    ]
    return ", ".join(str(part) for part in parts if part)


def _message(body: bytes, status: int) -> str:
    """Return the message of the error envelope, or the status for the page of a proxy."""
    try:
        error = json.loads(body)["error"]
        return f"{error['message']} ({error['code']})" if error["code"] else str(error["message"])
    except (ValueError, KeyError, TypeError):
        return f"the server responded with {status}"
