"""The response profile `openai`: our documents, narrowed to what OpenAI's schema allows.

The profile `router` says null where nobody knows, and has the words of every provider. Clients that
are typed by OpenAI's schema take neither. So here each field has OpenAI's type and one of its
values, or is left out; where an event must have it, it is `auto`. Fields of ours that OpenAI does
not have stay, as clients skip what they do not know, but are never null.
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
"""The enumerations of OpenAI's `ImagesResponse`. Those of its events have `auto` besides."""

_UNCOUNTED = token_counts(TokenUsage(0, 0, 0, 0))
"""The tokens of a provider that counts none, or of all but the last image of a call."""


def response_of(fields: Fields) -> dict[str, object]:
    """Return the fields of a response, but for its images, as OpenAI's schema has them."""
    told = {name: value for name, value in fields.items() if _is_openais(name, value)}
    return _narrowed(told, "created")


def event_of(fields: Fields) -> dict[str, object]:
    """Return the fields of an event of a stream, but for its image, as OpenAI's schema has them."""
    told = {name: value if _is_openais(name, value) else AUTO for name, value in fields.items()}
    return _narrowed(told, "created_at")


def image_of(fields: Fields) -> dict[str, object]:
    """Return the fields of an image that was delivered: others are not in a response."""
    return {
        name: value for name, value in fields.items() if value is not None and name != "flagged"
    }


def _is_openais(name: str, value: object) -> bool:
    return name not in _VALUES or value in _VALUES[name]


def _narrowed(fields: Fields, created: str) -> dict[str, object]:
    """Return fields without null, with the time as it is now where the provider tells none."""
    narrowed = image_of(fields) | {created: fields[created] or int(time.time())}
    usage = fields.get("usage")
    if isinstance(usage, Mapping):
        counted = {name: value for name, value in usage.items() if value is not None}
        narrowed["usage"] = {**_UNCOUNTED, **counted}
    return narrowed
