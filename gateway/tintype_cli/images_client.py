"""A client of the images API, on the standard library's `urllib`."""

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from typing_extensions import override

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


class Body(Protocol):
    """The body of a request, in pieces."""

    @property
    def content_type(self) -> str:
        """The media type."""

    @property
    def length(self) -> int:
        """The bytes of the whole body."""

    def __iter__(self) -> Iterator[bytes]: ...


class JsonBody:
    """An object as JSON."""

    content_type = "application/json"

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._content = json.dumps(fields).encode()
        self.length = len(self._content)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body, in one piece."""
        yield self._content


class Client:
    """Sends requests to the gateway at `url`, with an API key."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._key = key

    def images(
        self, path: str, body: Body, headers: Mapping[str, str] | None = None
    ) -> Iterator[Adjusted | Partial | FinalImage]:
        """Yield adjustments, previews and images, in the order of their arrival.

        `body` must ask for a stream, and `path` is that of the operation, such as
        `/v1/images/edits`.

        Raises:
            ApiError: The gateway responded with an error.
            UnreachableError: The gateway is unreachable, or its response is incomplete.
        """
        with _response(self._request(path, body, headers or {})) as response:
            if changes := response.headers.get("Tintype-Adjusted"):
                yield Adjusted(changes)
            yield from parse_events(events(response))

    def _request(self, path: str, body: Body, headers: Mapping[str, str]) -> urllib.request.Request:
        if not self._url.startswith(("http://", "https://")):
            raise ApiError(f"{self._url} is not the address of a gateway")
        own = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": body.content_type,
            "Content-Length": str(body.length),
            "User-Agent": "tintype-cli",
        }
        return urllib.request.Request(  # noqa: S310 - its scheme is checked
            f"{self._url}{path}",
            body,
            {**headers, **own},
        )


class _SendsWhatItCan(http.client.HTTPConnection):
    """A connection whose server may refuse a request before it has read it: it responds and closes.

    The error of what could not be sent is less than what the response says, which is read next.
    """

    @override
    def request(self, *arguments: Any, **named: Any) -> None:
        self.connect()
        with suppress(BrokenPipeError, ConnectionResetError):
            super().request(*arguments, **named)


class _TlsConnection(_SendsWhatItCan, http.client.HTTPSConnection):
    pass


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    @override
    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SendsWhatItCan, request)

    @override
    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_TlsConnection, request)


@contextmanager
def _response(request: urllib.request.Request) -> Iterator[http.client.HTTPResponse]:
    """Give the response to a request.

    Raises:
        ApiError: The gateway responded with an error.
        UnreachableError: The gateway is unreachable, or its response is incomplete.
    """
    try:
        opener = urllib.request.build_opener(_Handler)
        with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
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
            case str(kind) if kind.endswith(".partial_image"):
                yield Partial(event["partial_image_index"] + 1)
            case str(kind) if kind.endswith(".completed"):
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
