"""Errors of OpenAI, and of other servers: FastAPI's `detail`, a bare text, and plain text."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tintype_gateway.dialects.common import REASON_CHARACTERS, retry_after, text
from tintype_gateway.faults import SUMMARIES, begun, kind_of_status
from tintype_gateway.observability.access_log import shown
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.upstream import UpstreamResponse

_BILLING_CODES = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_usage_limit_exceeded",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "billing_hard_limit_reached",
    }
)
"""Codes that mean that our own account with the provider cannot pay."""

REFUSAL_CODES = frozenset(
    {"moderation_blocked", "content_policy_violation", "content_filter", "contentFilter"}
)
"""Those of OpenAI, and those of Azure."""

_OUR_PARAMETERS = frozenset({"", "model", "response_format", "stream"})
"""What `translate` decides: not what the client sent by that name."""

_LONGEST_PARAM = 200

_THROTTLE_CODES = frozenset({"rate_limit_exceeded", "slow_down"})
_USER_ERRORS = frozenset({"invalid_request_error", "image_generation_user_error"})


def read_error(response: UpstreamResponse) -> UpstreamFault:
    """Return what a status other than 200 means (OpenAI's error guide, and its SDK's classes)."""
    error = error_in(response.body)
    if error and retry_after(response.headers) is not None:  # LocalAI, while it loads a model
        error = {"type": "busy", **error}
    return fault_of(error, response)


def fault_of(error: Mapping[str, Any], response: UpstreamResponse) -> UpstreamFault:
    """Return what an error in OpenAI's terms means; an empty one is the text of the response."""
    fault = _fault(error or _plain_text(response), response.status)
    fault.retry_after_seconds = retry_after(response.headers)
    return fault


def fault_in_stream(error: Mapping[str, Any]) -> UpstreamFault:
    """Return what an event of an error means: the call was under way, so that it may have cost.

    The status that it would have had is only in what kind of error it is.
    """
    if error.get("code") in _THROTTLE_CODES:
        return begun(_fault(error, 429))
    return begun(_fault(error, 400 if error.get("type") in _USER_ERRORS else 500))


def _fault(error: Mapping[str, Any], status: int) -> UpstreamFault:
    code, message = text(error.get("code")), text(error.get("message")) or ""
    kind = _kind(status, error)
    told = (message if kind in ("refused", "invalid") else "") or SUMMARIES[kind]
    param = _param(error) if kind in ("refused", "invalid") else None
    return UpstreamFault(kind, told, code, param=param, cause=message or None)


def _param(error: Mapping[str, Any]) -> str | None:
    """Return the field that an error names, if the client knows it by this name."""
    param = (text(error.get("param")) or "")[:_LONGEST_PARAM]
    return None if param.partition(".")[0] in _OUR_PARAMETERS else param


def _kind(status: int, error: Mapping[str, Any]) -> FaultKind:
    code, message = text(error.get("code")), text(error.get("message"))
    if code in REFUSAL_CODES:
        return "refused"
    if code in _BILLING_CODES or "must be verified" in (message or ""):
        return "unauthorized"
    if code == "model_not_found" or (status in (400, 422) and error.get("param") == "model"):
        return "misconfigured"
    # A proxy's error may be called so, too, but has no type.
    return kind_of_status(status, own_envelope=None not in (message, text(error.get("type"))))


def error_in(body: bytes) -> Mapping[str, Any]:
    """Return the error of a JSON body in OpenAI's terms: `message`, `type`, `param` and `code`."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    error = document.get("error")
    if isinstance(error, dict):
        return error
    if "detail" in document:
        return _detail(document["detail"])
    # stable-diffusion.cpp writes {"error": "server_error", "message": "..."}, too.
    told = (text(document.get("message")) or text(error)) if text(error) else None
    return {"message": shown(told, REASON_CHARACTERS)} if told else {}


def _plain_text(response: UpstreamResponse) -> Mapping[str, Any]:
    told = response.body.decode(errors="replace").strip()
    is_markup = told.startswith(("<", "{", "[")) or "html" in response.headers.get(
        "content-type", ""
    )
    is_text = bool(told) and not is_markup and "\ufffd" not in told
    return {"message": shown(told, REASON_CHARACTERS)} if is_text else {}


def _detail(detail: object) -> Mapping[str, Any]:
    """Return what FastAPI says: a text, or a list of fields with what is wrong with each."""
    if isinstance(detail, list):
        faults = [*_field_faults(detail)]
        told = "; ".join(f"{field}: {message}" if field else message for field, message in faults)
        field = faults[0][0] if faults else ""
    else:
        told, field = text(detail) or "", ""
        if isinstance(detail, dict):
            told = text(detail.get("message")) or text(detail.get("error")) or ""
    if not told:
        return {"type": "detail"}
    return {"message": shown(told, REASON_CHARACTERS), "type": "detail", "param": field}


def _field_faults(detail: list[Any]) -> Iterator[tuple[str, str]]:
    for item in detail:
        if isinstance(item, dict) and (message := text(item.get("msg"))):
            place = item.get("loc")
            steps = [*map(str, place)] if isinstance(place, list) else []
            yield ".".join(steps[1:] if steps[:1] == ["body"] else steps), message
