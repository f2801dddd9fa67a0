"""xAI's Images API: JSON for generations and for edits, whose images are data URLs.

Sizes go by `aspect_ratio` and `resolution`. `size` and `style` are never sent: xAI refuses them.
The names are those of xai-sdk 1.18, its protocol buffers, and xAI's REST reference.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.costs import is_usable
from tintype_catalog.operations import OperationName
from tintype_gateway.dialects.common import (
    MALFORMED,
    REASON_CHARACTERS,
    json_object,
    malformed,
    plain_base64,
    required,
    retry_after,
    text,
    usd,
)
from tintype_gateway.dialects.provider_parameters import merge
from tintype_gateway.faults import SUMMARIES, kind_of_status
from tintype_gateway.images import lazy_json as blobs
from tintype_gateway.observability.access_log import shown
from tintype_gateway.values.content import InputImage
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse
from tintype_gateway.values.upstream_body import FileBase64, json_body

ENDPOINT = "https://api.x.ai"

OPERATIONS: frozenset[OperationName] = frozenset(("generation", "edit", "variation"))

FIRST_IMAGE = re.compile(
    rb'"data"\s*:\s*\[\s*\{(?:(?!"respect_moderation")[^{}\[\]])*+'
    rb'"respect_moderation"\s*:\s*true\s*,[^{}\[\]]*"b64_json"\s*:\s*\Z'
)
"""Only an image that was said to respect moderation before it begins is passed through: the mark
may also follow the image, and then take it back."""

TICK_USD = Decimal("1e-10")
"""USD of one of the ticks in `cost_in_usd_ticks` (`usage.proto`)."""

_MODERATED = re.compile(r"\bcontent moderation\b|\bmoderation rules\b|\bcontent polic", re.I)
"""How xAI says that it refuses a prompt or an image: it has no code for that."""

_WRONG_KEY = re.compile(r"(incorrect|invalid) api key\b", re.I)
"""How the text of a 400 begins that refuses our key. What follows may quote a request."""

_NO_CREDITS = re.compile(r"\bcredits\b|\bspending limit\b|\bbilling\b", re.I)
"""How xAI says in a 429 that our account cannot pay."""

_NO_MODEL = re.compile(r"(the )?model\b.{0,200}?\b(not found|does not exist)\b", re.I)
"""How the text of a 400 begins that knows no such model."""


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call that asks for this number of the job's images."""
    asked = {
        "model": route.binding.upstream_model,
        "prompt": job.prompt,
        "n": images,
        "response_format": "b64_json",
        "aspect_ratio": job.size.ratio,
        "resolution": job.size.resolution,
        "quality": job.parameters.get("quality"),
        "user": job.parameters.get("user"),
        **_images(job.inputs),
    }
    body = merge(job.extras, {name: value for name, value in asked.items() if value is not None})
    base = (route.binding.endpoint or ENDPOINT).rstrip("/")
    return UpstreamRequest(
        url=f"{base}/v1/images/{'edits' if job.inputs else 'generations'}",
        headers={
            "Authorization": f"Bearer {required(credentials, 'api-key')}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        },
        body=json_body(body) if job.inputs else json.dumps(body, allow_nan=False).encode(),
    )


def mask_convention(task: str | None) -> MaskConvention | None:
    """Return how a mask is read: the protocol has none."""
    return None


def _images(inputs: Sequence[InputImage]) -> dict[str, object]:
    """Return the field of the images: one name for one, and another for several."""
    urls = [
        {"type": "image_url", "url": FileBase64(each.content, f"data:image/{each.format};base64,")}
        for each in inputs
    ]
    if len(urls) == 1:
        return {"image": urls[0]}
    return {"images": urls} if urls else {}


def interpret(response: UpstreamResponse) -> CallResult:
    """Return the images. One that was refused is an entry with `respect_moderation: false`.

    Raises:
        UpstreamFault: The response is not JSON, or has neither an image nor a refusal.
    """
    try:
        document: Any = blobs.loads(response.body)
        entries = document["data"]
        images = tuple(_image(entry) for entry in entries if _is_shown(entry))
        is_refused = any(entry.get("respect_moderation") is False for entry in entries)
        cost = _cost(document)
    except MALFORMED as error:
        raise malformed() from error
    if not images and not is_refused:
        raise malformed()
    return CallResult(images=images, rest_refused=is_refused, cost_usd=cost)


def _is_shown(entry: Mapping[str, Any]) -> bool:
    return entry.get("respect_moderation") is not False and bool(entry.get("b64_json"))


def _image(entry: Mapping[str, Any]) -> GeneratedImage:
    return GeneratedImage(
        plain_base64(entry["b64_json"]), revised_prompt=text(entry.get("revised_prompt")) or None
    )


def _cost(document: Mapping[str, Any]) -> Decimal | None:
    """Return what the call cost, in USD, if the document says so."""
    usage = document.get("usage")
    return usd(usage.get("cost_in_usd_ticks"), TICK_USD) if isinstance(usage, dict) else None


def read_error(response: UpstreamResponse) -> UpstreamFault:
    """Return the fault of a status other than 200.

    An error is `{"error": {"message": ...}}` or `{"code": ..., "error": "..."}`. Only its text
    tells a refusal of content, or of our key, from a request that is invalid.
    """
    document = json_object(response.body)
    message, code = _message_of(document) or _misfit(response), _code_of(document)
    kind = _kind(response.status, message)
    told = shown(message, REASON_CHARACTERS) if kind in ("refused", "invalid") else ""
    return UpstreamFault(
        kind,
        told or SUMMARIES[kind],
        code,
        retry_after_seconds=retry_after(response.headers),
        charged=kind == "refused" and is_usable(_cost(document)),
        cause=message or None,
    )


def _kind(status: int, message: str) -> FaultKind:
    if status in (400, 403, 422) and _MODERATED.search(message):
        return "refused"
    if status == 402 or (status == 429 and _NO_CREDITS.search(message)):
        return "unauthorized"
    if status == 400 and _WRONG_KEY.match(message):
        return "unauthorized"
    if status in (400, 422) and _NO_MODEL.match(message):
        return "misconfigured"
    return kind_of_status(status, own_envelope=bool(message))


def _message_of(document: Mapping[str, Any]) -> str:
    error = document.get("error")
    return text(error.get("message") if isinstance(error, dict) else error) or ""


def _code_of(document: Mapping[str, Any]) -> str | None:
    error = document.get("error")
    return text((error if isinstance(error, dict) else document).get("code"))


def _misfit(response: UpstreamResponse) -> str:
    """Return what xAI says in plain text of a body that has not the types of its fields."""
    told = response.body.decode(errors="replace")
    return told if response.status == 422 and told.startswith("Failed to deserialize") else ""
