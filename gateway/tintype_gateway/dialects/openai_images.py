"""The OpenAI Images API as openai-python 3.52 speaks it: JSON for generations, and forms for edits
and variations."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.catalog import Binding
from tintype_catalog.costs import TokenUsage
from tintype_catalog.operations import OperationName
from tintype_gateway.dialects.common import (
    MALFORMED,
    count,
    malformed,
    moment,
    plain_base64,
    required,
    retry_after,
    text,
    usage_of,
)
from tintype_gateway.faults import SUMMARIES, begun, kind_of_status
from tintype_gateway.images import lazy_json as blobs
from tintype_gateway.values.content import InputImage
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage, Preview
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse
from tintype_gateway.values.upstream_body import FileBytes, FormPart, StreamedBody, multipart_body

ENDPOINT = "https://api.openai.com"

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

_REFUSAL_CODES = frozenset(
    {"moderation_blocked", "content_policy_violation", "content_filter", "contentFilter"}
)
"""Those of OpenAI, and those of Azure."""

_OUR_PARAMETERS = frozenset({"", "model", "response_format", "stream"})
"""What `translate` decides: not what the client sent by that name."""

_LONGEST_PARAM = 200

_THROTTLE_CODES = frozenset({"rate_limit_exceeded", "slow_down"})
_USER_ERRORS = frozenset({"invalid_request_error", "image_generation_user_error"})

_PREVIEW = "partial_image"
_IMAGE = "completed"
"""How the types of events end, behind `image_generation.` or `image_edit.`."""

OPERATIONS: frozenset[OperationName] = frozenset(("generation", "edit", "variation"))

VARIATIONS = "variations"
"""The task of a model that makes variations by the path of that name, which takes no prompt."""


FIRST_IMAGE = re.compile(rb'"data"\s*:\s*\[\s*\{[^{}\[\]]*"b64_json"\s*:\s*\Z')
"""The text before the first image of a response."""


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call that asks for this number of the job's images, as a stream if it is one."""
    fields = _fields(job, route.binding, images)
    body: bytes | StreamedBody
    if job.inputs:
        body, content_type = multipart_body([*_texts(fields), *_files(job)])
    else:
        body, content_type = json.dumps(fields).encode(), "application/json"
    return UpstreamRequest(
        url=f"{(route.binding.endpoint or ENDPOINT).rstrip('/')}/v1/images/{_path(job)}",
        headers={
            "Authorization": f"Bearer {required(credentials, 'api-key')}",
            "Content-Type": content_type,
            "Accept": "text/event-stream" if job.streamed else "application/json",
        },
        body=body,
    )


def mask_convention(task: str | None) -> MaskConvention | None:
    """Return how a mask is read: transparent pixels change. A variation has no mask."""
    return None if task == VARIATIONS else "alpha"


def _path(job: Job) -> str:
    if job.inputs:
        return VARIATIONS if job.task == VARIATIONS else "edits"
    return "generations"


def _fields(job: Job, binding: Binding, images: int) -> dict[str, object]:
    fields: dict[str, object] = {
        **job.extras,
        **job.parameters,
        "model": binding.upstream_model,
        "prompt": job.prompt,
        "n": images,
        "size": str(job.size.size or "auto"),
    }
    if not job.prompt:
        del fields["prompt"]
    if binding.upstream_model.startswith("dall-e"):
        # The GPT models always respond so, and refuse the field.
        fields["response_format"] = "b64_json"
    if job.streamed:
        fields |= {"stream": True, "partial_images": job.partial_images}
    return fields


def _texts(fields: Mapping[str, object], prefix: str = "") -> Iterator[FormPart]:
    """Yield fields as parts of a form; nested ones are `a[b]` and `a[]`, as the SDK sends them."""
    for name, value in fields.items():
        key = f"{prefix}[{name}]" if prefix else name
        if isinstance(value, Mapping):
            yield from _texts(value, key)
        elif isinstance(value, list | tuple):
            for item in value:
                yield FormPart(f"{key}[]", _form_text(item))
        else:
            yield FormPart(key, _form_text(value))


def _form_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _files(job: Job) -> Iterator[FormPart]:
    """Yield the images and the mask: OpenAI refuses files without a type, or several `image`."""
    name = "image" if len(job.inputs) == 1 else "image[]"
    for number, image in enumerate(job.inputs, 1):
        yield _file(name, f"image-{number}", image)
    if job.mask is not None:
        yield _file("mask", "mask", job.mask)


def _file(name: str, filename: str, image: InputImage) -> FormPart:
    media_type = f"image/{image.format}"
    return FormPart(name, FileBytes(image.content), f"{filename}.{image.format}", media_type)


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


def streams(binding: Binding) -> bool:
    """Return whether the model can respond with a stream: all but the oldest can."""
    return not binding.upstream_model.startswith("dall-e")


def event_reader() -> "EventReader":
    """Return a reader for the events of one call."""
    return EventReader()


class EventReader:
    """Reads the events of one call, each of which stands for itself."""

    def read(self, data: bytes | bytearray) -> Sequence[Preview | CallResult]:
        """Return the image of an event, and for the last one what was generated.

        Events of other kinds are skipped, and so is the `[DONE]` that ends some streams.

        Raises:
            UpstreamFault: The event tells of a fault, or is malformed.
        """
        if data == b"[DONE]":
            return ()
        try:
            return tuple(_read_event(blobs.loads(data)))
        except MALFORMED as error:
            raise malformed() from error

    def end(self) -> CallResult:
        """Raise, since a stream that was not cut has had its image."""
        raise UpstreamFault("outcome_unknown", "the provider's stream ended without an image")


def _read_event(event: Any) -> Iterator[Preview | CallResult]:
    if error := event.get("error"):
        raise _fault_in_stream(error if isinstance(error, dict) else {})
    if event.get("type") == "error":
        raise _fault_in_stream(event)
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


def read_error(response: UpstreamResponse) -> UpstreamFault:
    """Return the fault of a status other than 200 (OpenAI's error guide, and its SDK's classes)."""
    fault = _fault(_error(response.body), response.status)
    fault.retry_after_seconds = retry_after(response.headers)
    return fault


def _fault_in_stream(error: Mapping[str, Any]) -> UpstreamFault:
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
    if code in _REFUSAL_CODES:
        return "refused"
    if code in _BILLING_CODES or "must be verified" in (message or ""):
        return "unauthorized"
    if code == "model_not_found" or (status in (400, 422) and error.get("param") == "model"):
        return "misconfigured"
    # A proxy's error may be called so, too, but has no type.
    return kind_of_status(status, own_envelope=None not in (message, text(error.get("type"))))


def _image(entry: Mapping[str, Any]) -> GeneratedImage:
    return GeneratedImage(
        base64=plain_base64(entry["b64_json"]),
        revised_prompt=text(entry.get("revised_prompt")),
    )


def _usage(usage: Mapping[str, Any]) -> TokenUsage:
    """Read the token counts; without details all input is text and all output is image."""
    inputs = usage.get("input_tokens_details") or {}
    outputs = usage.get("output_tokens_details") or {}
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


def _error(body: bytes) -> Mapping[str, Any]:
    try:
        error = json.loads(body)["error"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return error if isinstance(error, dict) else {}
