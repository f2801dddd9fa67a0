"""What the two dialects of Google share: the way to the Gemini API, and its errors.

Vertex AI is another door to the same models, with OAuth tokens in place of keys: not spoken here.
"""

import base64
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from tintype_gateway.dialects.common import MALFORMED, required, retry_after, text
from tintype_gateway.faults import SUMMARIES, kind_of_status
from tintype_gateway.images.base64_view import without_data_url
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse
from tintype_gateway.values.upstream_body import json_body

ENDPOINT = "https://generativelanguage.googleapis.com"
VERSION = "v1beta"

_CHUNK_BYTES = 1 << 18
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LAST_BYTES = (b"IEND\xaeB`\x82", b"\xff\xd9")
"""How a PNG and a JPEG end."""


def call(
    route: Route,
    method: str,
    body: Mapping[str, object],
    credentials: Mapping[str, str],
    *,
    has_files: bool = False,
) -> UpstreamRequest:
    """Return the call of a method of the route's model. The body may have files as values."""
    binding = route.binding
    model = quote(binding.upstream_model, safe="")
    return UpstreamRequest(
        url=f"{(binding.endpoint or ENDPOINT).rstrip('/')}/{VERSION}/models/{model}:{method}",
        headers={
            "x-goog-api-key": required(credentials, "api-key"),
            "Content-Type": "application/json",
            "Accept": "application/json",
        },
        body=json_body(body) if has_files else json.dumps(body).encode(),
    )


def standard_base64(encoded: memoryview | str) -> memoryview | bytes:
    """Return base64 in the standard alphabet and padded, where Google may give either form.

    A `data:` prefix, which a proxy may add, is left out.

    What is so already, as it should be, stays where it is. A text without padding could also be
    one that was cut off: it is completed only where the image in it is.

    Raises:
        ValueError: This is not base64, or it was cut off.
    """
    encoded = without_data_url(encoded)
    view = encoded if isinstance(encoded, memoryview) else memoryview(encoded.encode("ascii"))
    if len(view) % 4 == 0 and not any(b"-" in part or b"_" in part for part in _parts(view)):
        # A view of a whole response shows what stood between quotes: it cannot close them.
        return view if isinstance(encoded, memoryview) else _checked(bytes(view))
    standard = bytes(view).translate(bytes.maketrans(b"-_", b"+/"))
    padded = _checked(standard + b"=" * (-len(standard) % 4))
    if len(padded) > len(standard) and not base64.b64decode(padded[-16:]).endswith(_LAST_BYTES):
        raise ValueError("the base64 text is cut off")
    return padded


def read_error(response: UpstreamResponse) -> UpstreamFault:
    """Return the fault of a status other than 200 (the codes of `google.rpc.Code`)."""
    error = _error(response.body)
    status, message = text(error.get("status")), text(error.get("message")) or ""
    kind = _kind(response.status, status, message, _details(error))
    shown = (message if kind == "invalid" else "") or SUMMARIES[kind]
    delay = _retry_delay(error)
    later = retry_after(response.headers) if delay is None else delay
    return UpstreamFault(kind, shown, status, later, cause=message or None)


def _kind(status: int, code: str | None, message: str, details: list[Any]) -> FaultKind:
    """Sort an error. Google responds to a wrong key with 400, and tells only in the details.

    `status` is what tells Google's own errors from those of something in between.
    """
    if code == "FAILED_PRECONDITION" or _is_about_account(message, details):
        return "unauthorized"
    return kind_of_status(status, own_envelope=code is not None)


def _is_about_account(message: str, details: list[Any]) -> bool:
    """Return whether an error is about our key, or about an account that does not pay."""
    reasons = [text(detail.get("reason")) or "" for detail in details]
    return (
        message.startswith("API key")
        or "only accessible to billed users" in message
        or any(item.startswith("API_KEY_") for item in reasons)
    )


def _retry_delay(error: Mapping[str, Any]) -> int | None:
    """Return whole seconds from `RetryInfo`, rounded up; a delay is written as `36.4s`."""
    for detail in _details(error):
        delay = text(detail.get("retryDelay")) or ""
        if re.fullmatch(r"\d{1,6}(\.\d{1,9})?s", delay, re.ASCII):
            return math.ceil(float(delay[:-1]))
    return None


def _details(error: Mapping[str, Any]) -> list[Any]:
    details = error.get("details")
    return [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []


def _error(body: bytes) -> Mapping[str, Any]:
    """Return the error in a body, which some of Google's servers wrap in a list."""
    try:
        document = json.loads(body)
        error = (document[0] if isinstance(document, list) else document)["error"]
    except MALFORMED:
        return {}
    return error if isinstance(error, dict) else {}


def _checked(encoded: bytes) -> bytes:
    padding = encoded.translate(None, _ALPHABET)  # ten times as fast as a pattern
    if padding not in (b"", b"=", b"==") or not encoded.endswith(padding):
        raise ValueError("an image is not base64")
    return encoded


def _parts(view: memoryview) -> Iterator[bytes]:
    """Yield a text piece by piece: searching a copy that fits a cache costs next to nothing."""
    for start in range(0, len(view), _CHUNK_BYTES):
        yield bytes(view[start : start + _CHUNK_BYTES])
