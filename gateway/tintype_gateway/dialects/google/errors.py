"""Google's errors: `google.rpc.Status` as JSON, of the Gemini API as of Vertex AI."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from tintype_gateway.dialects.common import MALFORMED, retry_after, text
from tintype_gateway.faults import SUMMARIES, kind_of_status
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.upstream import UpstreamResponse


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
