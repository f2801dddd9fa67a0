"""Azure's errors in OpenAI's terms.

Its content filter has several forms: the code `contentFilter` of the Images API, and `innererror`
with the categories and `ResponsibleAIPolicyViolation`, as in its other APIs. Beside them come
OpenAI's own refusals, unchanged. Other errors have a name or the status as their code, a text such
as `"429"`, and no type.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tintype_gateway.dialects.common import REASON_CHARACTERS, text
from tintype_gateway.dialects.openai.errors import REFUSAL_CODES
from tintype_gateway.observability.access_log import shown

_POLICY = "ResponsibleAIPolicyViolation"

_NO_DEPLOYMENT = frozenset({"DeploymentNotFound", "OperationNotSupported", "unknown_model"})
"""Codes that mean that the catalog names a deployment that is not there, or is of another kind."""

_DETAILS = ("innererror", "inner_error")
_RESULTS = ("content_filter_result", "content_filter_results", "moderation_details")


def in_openais_terms(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an error of Azure with the fields that OpenAI's would have."""
    code, detail = text(error.get("code")), _detail(error)
    if code in REFUSAL_CODES or _POLICY in (code, text(detail.get("code"))):
        code = code if code in REFUSAL_CODES else "content_filter"
        return {**error, "code": code, "message": _reason(error, detail)}
    if code in _NO_DEPLOYMENT:
        return {**error, "param": "model"}
    # An error with a code is Azure's own. One without may be a proxy's.
    return {**error, "type": text(error.get("type")) or code}


def _reason(error: Mapping[str, Any], detail: Mapping[str, Any]) -> str | None:
    """Return the message of a refusal, and the categories that it was refused for."""
    message = text(error.get("message"))
    categories = [*dict.fromkeys([*_categories(error), *_categories(detail)])]
    missing = [name for name in categories if name not in (message or "")]
    if not missing:
        return message
    told = shown(", ".join(missing), REASON_CHARACTERS)
    return f"{message} ({told})" if message else told


def _detail(error: Mapping[str, Any]) -> Mapping[str, Any]:
    details = (error.get(name) for name in _DETAILS)
    return next((detail for detail in details if isinstance(detail, Mapping)), {})


def _categories(place: Mapping[str, Any]) -> Iterator[str]:
    """Yield the categories that a filter names as filtered or detected."""
    for name in _RESULTS:
        results = place.get(name)
        if not isinstance(results, Mapping):
            continue
        for category, result in results.items():
            if category == "categories" and isinstance(result, list):
                yield from (item for item in result if isinstance(item, str))
            elif isinstance(result, Mapping) and result.get("filtered") is True:
                severity = text(result.get("severity"))
                yield f"{category}: {severity}" if severity else str(category)
