"""A client of the images API that needs nothing but Python: the command works without extras."""

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
"""How long the gateway may be silent: a slow model takes three minutes."""

MICRO = 1_000_000


class ApiError(Exception):
    """The gateway refused, or the answer is not one."""


class UnreachableError(Exception):
    """The gateway does not answer, or not to the end."""


@dataclass(frozen=True)
class Adjusted:
    """The model does not take the request as it is, and gets another one."""

    changes: str
    """What was changed, as the header of the answer says it."""


@dataclass(frozen=True)
class Partial:
    """An image is on its way."""

    step: int
    """Which preview this is, from 1."""


@dataclass(frozen=True)
class FinalImage:
    """An image is finished, or was withheld."""

    content: bytes = field(repr=False)
    facts: str = ""
    """Its size, price and seed, as people read them."""

    refused: bool = False
    reason: str | None = None
    """Why it was withheld, in the provider's words."""


class Client:
    """The gateway at `url`, asked with `key`."""

    def __init__(self, url: str, key: str) -> None:
        self._url = f"{url.rstrip('/')}/v1/images/generations"
        self._key = key

    def generate(self, body: Mapping[str, object]) -> Iterator[Adjusted | Partial | FinalImage]:
        """Yield what happens to the images that are asked for.

        Raises:
            ApiError: The gateway refused.
            UnreachableError: The gateway cannot be reached, or its response ended too soon.
        """
        streamed = {**body, "stream": True, "response_format": "b64_json"}
        with _opened(self._request(streamed)) as answer:
            if changes := answer.headers.get("Tintype-Adjusted"):
                yield Adjusted(changes)
            yield from parse_events(events(answer))

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
def _opened(request: urllib.request.Request) -> Iterator[http.client.HTTPResponse]:
    """Give the answer to a request.

    Raises:
        ApiError: The gateway refused.
        UnreachableError: The gateway cannot be reached, or its response ended too soon.
    """
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            yield answer
    except urllib.error.HTTPError as error:
        with error:
            raise ApiError(_message(error.read(), error.code)) from error
    except http.client.HTTPException as error:
        raise UnreachableError("the response ended too soon") from error
    except OSError as error:
        raise UnreachableError(str(getattr(error, "reason", error))) from error


def events(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the data of each server-sent event; one that no blank line ends is none."""
    data: list[bytes] = []
    for line in lines:
        text = line.rstrip(b"\r\n")
        if text.startswith(b"data:"):
            data.append(text[5:])
        elif not text and data:
            yield json.loads(b"\n".join(data))
            data = []


def parse_events(received: Iterable[Mapping[str, Any]]) -> Iterator[Partial | FinalImage]:
    """Yield the images, whole or partial, that the events of a stream carry.

    Raises:
        ApiError: An event says that the gateway could not go on.
        UnreachableError: No image was finished.
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
                    _facts(event),
                    refused=bool(event.get("flagged")),
                    reason=event.get("flag_reason"),
                )
    if not finished:
        raise UnreachableError("the response ended before an image was finished")


def _facts(event: Mapping[str, Any]) -> str:
    used = event.get("usage", {}).get("credits_used")
    seed = event.get("seed")
    known = [
        event.get("size"),
        None if used is None else f"{used / MICRO:.6g} credits",
        None if seed is None else f"seed {seed}",
    ]
    return ", ".join(str(fact) for fact in known if fact)


def _message(body: bytes, status: int) -> str:
    """Return what the error envelope says, or what little a proxy's answer does."""
    try:
        error = json.loads(body)["error"]
        return f"{error['message']} ({error['code']})" if error["code"] else str(error["message"])
    except (ValueError, KeyError, TypeError):
        return f"the server responded with {status}"
