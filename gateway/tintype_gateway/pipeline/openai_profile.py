"""The response profile `openai`, which contains only values that OpenAI's schema allows.

The profile `router` has null for unknown values, and values of every provider. Clients that are
generated from OpenAI's schema reject both. In this profile each of OpenAI's fields has OpenAI's
type and one of its values, or is absent; if an event requires the field, it is `auto`. Additional
fields of the gateway stay, because clients ignore unknown fields, but are never null.
"""

import time
from collections.abc import Mapping

from tintype_catalog.costs import TokenUsage
from tintype_gateway.api.response_headers import token_counts

Fields = Mapping[str, object]

AUTO = "auto"

_VALUES: Mapping[str, frozenset[str]] = {
    "background": frozenset({"transparent", "opaque"}),
    "output_format": frozenset({"png", "jpeg", "webp", "gif", "svg"}),
    "quality": frozenset({"low", "medium", "high", "xhigh", "max"}),
    "size": frozenset({"1024x1024", "1024x1536", "1536x1024"}),
}
"""The enumerations of OpenAI's `ImagesResponse`. Those of its events also have `auto`."""

_UNCOUNTED = token_counts(TokenUsage(0, 0, 0, 0))
"""The tokens if the provider counts none, and of all but the last image of a call."""


def response_of(fields: Fields) -> dict[str, object]:
    """Return the fields of a response, except its images, in OpenAI's schema."""
    known = {name: value for name, value in fields.items() if _is_openais(name, value)}
    return _narrowed(known, "created")


def event_of(fields: Fields) -> dict[str, object]:
    """Return the fields of an event of a stream, except its image, in OpenAI's schema."""
    known = {name: value if _is_openais(name, value) else AUTO for name, value in fields.items()}
    return _narrowed(known, "created_at")


def image_of(fields: Fields) -> dict[str, object]:
    """Return the fields of a delivered image: a response has no others."""
    return {
        name: value for name, value in fields.items() if value is not None and name != "flagged"
    }


def _is_openais(name: str, value: object) -> bool:
    return name not in _VALUES or value in _VALUES[name]


def _narrowed(fields: Fields, created: str) -> dict[str, object]:
    """Return the fields without null; the current time replaces a missing timestamp."""
    narrowed = image_of(fields) | {created: fields[created] or int(time.time())}
    usage = fields.get("usage")
    if isinstance(usage, Mapping):
        counted = {name: value for name, value in usage.items() if value is not None}
        narrowed["usage"] = {**_UNCOUNTED, **counted}
    return narrowed
