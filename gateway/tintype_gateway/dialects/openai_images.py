"""The OpenAI Images API, `POST /v1/images/generations`, as openai-python 3.52 speaks it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tintype_catalog.costs import TokenUsage
from tintype_gateway.answers import MALFORMED, malformed, plain_base64, text
from tintype_gateway.images import blobs
from tintype_gateway.values import (
    FaultKind,
    GeneratedImage,
    Generation,
    Job,
    Route,
    UpstreamAnswer,
    UpstreamFault,
    UpstreamRequest,
)

ENDPOINT = "https://api.openai.com"

_MAX_TOKENS = 10**9
"""More than any call can use: a count that no price can be meant for."""

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

_REFUSAL_CODES = frozenset({"moderation_blocked", "content_policy_violation"})


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call that asks for so many of the job's images."""
    binding = route.binding
    body: dict[str, object] = {
        **job.extras,
        **job.parameters,
        "model": binding.upstream_model,
        "prompt": job.prompt,
        "n": images,
        "size": str(job.size.size or "auto"),
    }
    if binding.upstream_model.startswith("dall-e"):
        # The GPT models always answer so, and refuse the field.
        body["response_format"] = "b64_json"
    return UpstreamRequest(
        url=f"{(binding.endpoint or ENDPOINT).rstrip('/')}/v1/images/generations",
        headers={
            "Authorization": f"Bearer {credentials['api-key']}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        },
        body=json.dumps(body).encode(),
        timeout_seconds=binding.timeout_seconds,
    )


def interpret(answer: UpstreamAnswer) -> Generation:
    """Return the images, and what else the answer says of them.

    Raises:
        UpstreamFault: The answer is not JSON, or has no image where one must be.
    """
    try:
        document: Any = blobs.loads(answer.body)
        images = tuple(_image(entry) for entry in document["data"])
        usage = document.get("usage")
        return Generation(
            images=images,
            created=int(document.get("created") or 0),
            usage=None if usage is None else _usage(usage),
            background=text(document.get("background")),
            quality=text(document.get("quality")),
        )
    except MALFORMED as error:
        raise malformed() from error


def read_error(answer: UpstreamAnswer) -> UpstreamFault:
    """Return what a status other than 200 means (OpenAI's error guide, and its SDK's classes)."""
    error = _error(answer.body)
    code, message = text(error.get("code")), text(error.get("message")) or ""
    kind = _kind(answer.status, code, message)
    told = (message if kind in ("refused", "invalid") else "") or _SUMMARIES[kind]
    unprocessed = kind in ("throttled", "unauthorized") or answer.status == 503
    return UpstreamFault(kind, told, code, _retry_after(answer.headers), unprocessed)


_SUMMARIES: Mapping[FaultKind, str] = {
    "refused": "the provider refuses the content of the request",
    "invalid": "the provider refuses the request",
    "throttled": "the provider limits our rate",
    "unauthorized": "the provider refuses our credentials, or our account with it",
    "unavailable": "the provider cannot serve the model now",
}
"""What is said where there is no message, and in place of those that speak of our account, and
may quote our key."""


def _kind(status: int, code: str | None, message: str) -> FaultKind:
    if code in _REFUSAL_CODES:
        return "refused"
    if code in _BILLING_CODES or status in (401, 403) or "must be verified" in message:
        return "unauthorized"
    if status == 429:
        return "throttled"
    return "invalid" if status in (400, 422) else "unavailable"


def _image(entry: Mapping[str, Any]) -> GeneratedImage:
    return GeneratedImage(
        base64=plain_base64(entry["b64_json"]),
        revised_prompt=text(entry.get("revised_prompt")),
    )


def _usage(usage: Mapping[str, Any]) -> TokenUsage:
    """Read the token counts; without details all input is text and all output is image."""
    inputs = usage.get("input_tokens_details") or {}
    outputs = usage.get("output_tokens_details") or {}
    image_input = int(inputs.get("image_tokens", 0))
    text_output = int(outputs.get("text_tokens", 0))
    counts = TokenUsage(
        text_input=int(usage["input_tokens"]) - image_input,
        image_input=image_input,
        image_output=int(usage["output_tokens"]) - text_output,
        text_output=text_output,
    )
    if not all(0 <= count <= _MAX_TOKENS for count in counts):
        raise ValueError("a token count cannot be meant")
    return counts


def _error(body: bytes) -> Mapping[str, Any]:
    try:
        error = json.loads(body)["error"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return error if isinstance(error, dict) else {}


def _retry_after(headers: Mapping[str, str]) -> int | None:
    """Return whole seconds from `retry-after-ms` or `retry-after`, rounded up."""
    milliseconds = headers.get("retry-after-ms", "")
    if re.fullmatch(r"\d{1,9}", milliseconds):
        return -(-int(milliseconds) // 1000)
    seconds = headers.get("retry-after", "")
    return int(seconds) if re.fullmatch(r"\d{1,6}", seconds) else None
