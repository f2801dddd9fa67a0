"""Requests to the API of a gateway, on the standard library's `urllib`."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from typing_extensions import override

BUSY = frozenset({429, 502, 503, 504})
"""The statuses of a gateway that is overloaded or restarts, or limits the rate of calls."""

TIMEOUT_SECONDS = 300.0
"""The longest time without data from the gateway; a slow model takes three minutes."""


class ApiError(Exception):
    """The gateway refused the request, or the response is not valid."""


class BusyError(ApiError):
    """The gateway, or a proxy before it, does not serve the request now, but may do so soon."""


class UnreachableError(Exception):
    """There is no response from the gateway, or only an incomplete one."""


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


class Gateway:
    """Sends requests to the gateway at `url`, with an API key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._key = key

    @contextmanager
    def request(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Iterator[http.client.HTTPResponse]:
        """Give the response to a request; `timeout` is the longest time without data, in seconds.

        Raises:
            ApiError: The gateway responded with an error.
            UnreachableError: The gateway is unreachable, or its response is incomplete.
        """
        if not self.url.startswith(("http://", "https://")):
            raise ApiError(f"{self.url} is not the address of a gateway")
        own = {"Authorization": f"Bearer {self._key}", "User-Agent": "tintype-cli"}
        if body is not None:
            own |= {"Content-Type": body.content_type, "Content-Length": str(body.length)}
        request = urllib.request.Request(  # noqa: S310 - its scheme is checked
            f"{self.url}{path}", body, {**(headers or {}), **own}, method=method
        )
        with _responded(request, timeout) as response:
            yield response

    def document(
        self, method: str, path: str, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the JSON object in the response to a request without a body.

        Raises:
            ApiError, UnreachableError: As `request`.
        """
        with self.request(method, path, headers=headers) as response:
            found: dict[str, Any] = json.load(response)
            return found


def fetched(url: str) -> bytes:
    """Return the image behind a URL of a response, which needs no key.

    Raises:
        ApiError, UnreachableError: As `Gateway.request`.
    """
    if not url.startswith(("http://", "https://")):
        raise ApiError(f"{url} is not the address of an image")
    request = urllib.request.Request(  # noqa: S310 - its scheme is checked
        url, headers={"User-Agent": "tintype-cli"}
    )
    with _responded(request, TIMEOUT_SECONDS) as response:
        return response.read()


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
def _responded(
    request: urllib.request.Request, timeout: float
) -> Iterator[http.client.HTTPResponse]:
    try:
        opener = urllib.request.build_opener(_Handler)
        with opener.open(request, timeout=timeout) as response:
            yield response
    except urllib.error.HTTPError as error:
        with error:
            kind = BusyError if error.code in BUSY else ApiError
            raise kind(_message(error.read(), error.code)) from error
    except http.client.HTTPException as error:
        raise UnreachableError("the response ended too soon") from error
    except OSError as error:
        raise UnreachableError(str(getattr(error, "reason", error))) from error


def _message(body: bytes, status: int) -> str:
    """Return the message of the error envelope, or the status for the page of a proxy."""
    try:
        return error_text(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return f"the server responded with {status}"


def error_text(error: Mapping[str, Any]) -> str:
    """Return what an error object of the API says, with its code if it has one."""
    message, code = error["message"], error.get("code")
    return f"{message} ({code})" if code else str(message)
