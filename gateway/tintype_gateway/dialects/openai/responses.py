"""Responses and events, to OpenAI's types, and what other servers make of them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tintype_catalog.costs import TokenUsage
from tintype_gateway.dialects.base import next_image_pattern
from tintype_gateway.dialects.common import (
    MALFORMED,
    count,
    malformed,
    moment,
    plain_base64,
    text,
    usage_of,
)
from tintype_gateway.dialects.openai.errors import fault_in_stream
from tintype_gateway.images import lazy_json as blobs
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage, Preview
from tintype_gateway.values.upstream import UpstreamResponse

FIRST_IMAGE = re.compile(rb'"data"\s*:\s*\[\s*\{[^{}\[\]]*"b64_json"\s*:\s*\Z')
"""What stands before the first image of a response."""

_NOTHING = rb'"(?:url|revised_prompt)"\s*+:\s*+null\s*+'

NEXT_IMAGE = next_image_pattern(
    before=rb"\{\s*+(?:" + _NOTHING + rb',\s*+)*+"b64_json"\s*+:\s*+',
    after=rb"\s*+(?:,\s*+" + _NOTHING + rb")*+\}\s*+,\s*+",
)

_PREVIEW = "partial_image"
_IMAGE = "completed"
"""How the types of events end, behind `image_generation.` or `image_edit.`."""


def interpret(response: UpstreamResponse) -> CallResult:
    """Return the images, and what else the response says of them.

    Raises:
        UpstreamFault: The response is not JSON, or has no image where one must be.
    """
    try:
        document: Any = blobs.loads(response.body)
        images = tuple(_image(entry) for entry in document["data"])
        return _result(document, images, document.get("created"))
    except MALFORMED as error:
        raise malformed() from error


class EventReader:
    """Reads the events of one call, each of which stands for itself."""

    def __init__(self, in_openais_terms: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict):
        """Read errors in OpenAI's terms, or in others that a function translates to them."""
        self._in_openais_terms = in_openais_terms

    def read(self, data: bytes | bytearray) -> Sequence[Preview | CallResult]:
        """Return the image of an event, and for the last one what was generated.

        Events of other kinds are skipped, and so is the `[DONE]` that ends some streams.

        Raises:
            UpstreamFault: The event tells of a fault, or is malformed.
        """
        if data == b"[DONE]":
            return ()
        try:
            return tuple(self._read_event(blobs.loads(data)))
        except MALFORMED as error:
            raise malformed() from error

    def end(self) -> CallResult:
        """Raise, since a stream that was not cut has had its image."""
        raise UpstreamFault("outcome_unknown", "the provider's stream ended without an image")

    def _read_event(self, event: Any) -> Iterator[Preview | CallResult]:
        if error := event.get("error"):
            error = error if isinstance(error, dict) else {}
            raise fault_in_stream(self._in_openais_terms(error))
        if event.get("type") == "error":
            raise fault_in_stream(self._in_openais_terms(event))
        kind = event["type"].rpartition(".")[2]
        if kind == _PREVIEW:
            yield Preview(
                base64=plain_base64(event["b64_json"]),
                created=moment(event.get("created_at")),
                background=text(event.get("background")),
                quality=text(event.get("quality")),
            )
        if kind == _IMAGE:
            yield _result(event, (_image(event),), event.get("created_at"))


def _result(
    document: Mapping[str, Any], images: tuple[GeneratedImage, ...], created: Any
) -> CallResult:
    usage, unusable = usage_of(_usage, document.get("usage"))
    return CallResult(
        images=images,
        created=moment(created),
        usage=usage,
        usage_unusable=unusable,
        background=text(document.get("background")),
        quality=text(document.get("quality")),
    )


def _image(entry: Mapping[str, Any]) -> GeneratedImage:
    encoded, url = entry.get("b64_json"), entry.get("url")
    prompt = text(entry.get("revised_prompt"))
    if isinstance(url, str) and url and not encoded and not url.startswith("data:"):
        return GeneratedImage(b"", revised_prompt=prompt, url=url)
    return GeneratedImage(plain_base64(encoded or entry["url"]), revised_prompt=prompt)


def _usage(usage: Mapping[str, Any]) -> TokenUsage:
    """Read the token counts; without details all input is text and all output is image."""
    inputs = usage.get("input_tokens_details") or {}
    # Dynamo writes it in the singular.
    outputs = usage.get("output_tokens_details") or usage.get("output_token_details") or {}
    image_input = count(inputs.get("image_tokens") or 0)
    text_output = count(outputs.get("text_tokens") or 0)
    text_input = count(usage["input_tokens"]) - image_input
    cached_text, cached_image = _cached(usage, inputs, text_input)
    return TokenUsage(
        text_input=text_input,
        image_input=image_input,
        image_output=count(usage["output_tokens"]) - text_output,
        text_output=text_output,
        cached_text_input=cached_text,
        cached_image_input=cached_image,
    )


def _cached(
    usage: Mapping[str, Any], inputs: Mapping[str, Any], text_input: int
) -> tuple[int, int]:
    """Return how many tokens of text, and of images, OpenAI had in its cache.

    Its types for images name them beside `input_tokens` (`cached_tokens`, and in
    `cached_tokens_details` `cached_text_tokens` and `cached_image_tokens`), those of its other
    APIs in `input_tokens_details`. A count without details is of text first, which is discounted
    less.
    """
    place = usage if "cached_tokens" in usage or "cached_tokens_details" in usage else inputs
    if details := place.get("cached_tokens_details"):
        prefix = "cached_" if "cached_text_tokens" in details else ""
        return (
            count(details[f"{prefix}text_tokens"]),
            count(details.get(f"{prefix}image_tokens") or 0),
        )
    total = count(place.get("cached_tokens") or 0)
    text_tokens = min(total, text_input)
    return text_tokens, total - text_tokens
