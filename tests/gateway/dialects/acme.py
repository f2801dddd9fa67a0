"""The dialect of an imaginary provider, written from docs/adding-a-dialect.md alone.

POST /render  {"engine": ..., "text": ..., "count": 1, "px": [256, 256], "sketches": 0}
200           {"renders": [{"file": BASE64}], "blocked": WHY, "tokens": {"in": 1, "out": 2}}
event         {"sketch": BASE64}, {"done": the same as of 200}, {"fault": ...}
other         {"fault": {"id": "BUSY", "text": ...}}
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tintype_catalog.catalog import Binding
from tintype_catalog.costs import TokenUsage
from tintype_gateway.dialects.common import (
    MALFORMED,
    count,
    malformed,
    plain_base64,
    reason,
    required,
    retry_after,
    text,
    usage_of,
)
from tintype_gateway.dialects.provider_parameters import merge
from tintype_gateway.faults import SUMMARIES, begun, kind_of_status
from tintype_gateway.images import lazy_json
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage, Preview
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse

KINDS: Mapping[str, FaultKind] = {"BUSY": "throttled", "TASTE": "refused", "FORM": "invalid"}

FIRST_IMAGE = re.compile(rb'"renders"\s*:\s*\[\s*\{\s*"file"\s*:\s*\Z')


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    body: dict[str, object] = {
        "engine": route.binding.upstream_model,
        "text": job.prompt,
        "count": images,
    }
    if job.size.size is not None:
        body["px"] = [job.size.size.width, job.size.size.height]
    if job.streamed:
        body["sketches"] = job.partial_images
    return UpstreamRequest(
        url=f"{(route.binding.endpoint or 'https://api.acme.test').rstrip('/')}/render",
        headers={
            "X-Acme-Key": required(credentials, "api-key"),
            "Content-Type": "application/json",
        },
        body=json.dumps(merge(job.extras, body)).encode(),
    )


def interpret(response: UpstreamResponse) -> CallResult:
    try:
        return _result(lazy_json.loads(response.body))
    except MALFORMED as error:
        raise malformed() from error


def read_error(response: UpstreamResponse) -> UpstreamFault:
    try:
        fault: Any = json.loads(response.body)["fault"]
        return _fault(fault, response.status, retry_after(response.headers))
    except MALFORMED:
        kind = kind_of_status(response.status, own_envelope=False)
        return UpstreamFault(kind, SUMMARIES[kind], None, retry_after(response.headers))


def streams(binding: Binding) -> bool:
    return True


class EventReader:
    def read(self, data: bytes | bytearray) -> Sequence[Preview | CallResult]:
        try:
            event: Any = lazy_json.loads(data)
            if "fault" in event:
                raise begun(_fault(event["fault"], 500, None))
            if "sketch" in event:
                return [Preview(plain_base64(event["sketch"]))]
            return [_result(event["done"])] if "done" in event else ()
        except MALFORMED as error:
            raise malformed() from error

    def end(self) -> CallResult:
        raise UpstreamFault("outcome_unknown", "the provider's stream ended too soon")


def event_reader() -> EventReader:
    return EventReader()


def _result(document: Any) -> CallResult:
    usage, unusable = usage_of(_usage, document.get("tokens"))
    blocked = document.get("blocked")
    images = tuple(GeneratedImage(plain_base64(each["file"])) for each in document["renders"])
    if not images and not blocked:
        raise malformed()
    return CallResult(
        images=images,
        usage=usage,
        usage_unusable=unusable,
        rest_refused=bool(blocked),
        refusal_reasons=reason(blocked),
    )


def _usage(tokens: Any) -> TokenUsage:
    return TokenUsage(count(tokens["in"]), 0, count(tokens["out"]), 0)


def _fault(fault: Any, status: int, seconds: int | None) -> UpstreamFault:
    code, words = text(fault["id"]), text(fault.get("text"))
    kind = KINDS.get(code or "") or kind_of_status(status, own_envelope=code is not None)
    message = (words if kind in ("refused", "invalid") else None) or SUMMARIES[kind]
    return UpstreamFault(kind, message, code, seconds, cause=words)
