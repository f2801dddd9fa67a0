"""What the dialects of AWS Bedrock share: the call of a model, and its errors."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from tintype_catalog.providers import SERVICES, own_host
from tintype_gateway.dialects.common import MALFORMED, required, retry_after
from tintype_gateway.faults import SUMMARIES, kind_of_status
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import AwsSigner, UpstreamRequest, UpstreamResponse
from tintype_gateway.values.upstream_body import StreamedBody, json_body

Task = TypeVar("Task")

SERVICE = "bedrock"
"""What signatures are scoped to; the name of the host, `bedrock-runtime`, is another one."""


MAX_BODY_BYTES = 25_000_000
"""The most bytes of a body, for any model: botocore's model of `bedrock-runtime` says so."""


def invoke(
    route: Route,
    body: Mapping[str, object],
    credentials: Mapping[str, str],
    *,
    has_files: bool = False,
) -> UpstreamRequest:
    """Return the call of the route's model.

    The `:` of a model's id goes over the wire as `%3A`, as AWS's own SDKs send it. A bearer key
    comes before a pair of access keys, as in those SDKs.

    Args:
        route: The route.
        body: The members of the body.
        credentials: The binding's credentials.
        has_files: Whether any value in the body may be a `FileBase64`.

    Raises:
        UpstreamFault: The credentials hold neither, or the body is larger than Bedrock allows.
    """
    binding = route.binding
    host = binding.endpoint or f"https://{own_host(SERVICES[binding.dialect], route.region)}"
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    bearer = credentials.get("aws-bearer-token")
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    return UpstreamRequest(
        url=f"{host.rstrip('/')}/model/{quote(binding.upstream_model, safe='')}/invoke",
        headers=headers,
        body=_bounded(json_body(body)) if has_files else json.dumps(body).encode(),
        signer=None if bearer else _signer(route.region, credentials),
    )


def task_of(tasks: Mapping[str, Task], name: str) -> Task:
    """Return the row of a task.

    Raises:
        UpstreamFault: The catalog, which another release may have checked, names an unknown task.
    """
    if name not in tasks:
        raise UpstreamFault("misconfigured", f"this gateway has no task {name!r}")
    return tasks[name]


def _bounded(body: StreamedBody) -> StreamedBody:
    """Return a body with images, unless they are too large together."""
    if body.length > MAX_BODY_BYTES:
        message = (
            f"the images and the mask take {body.length} bytes in base64, and the provider takes "
            f"at most {MAX_BODY_BYTES}: send smaller files"
        )
        raise UpstreamFault("invalid", message, param="image")
    return body


def _signer(region: str, credentials: Mapping[str, str]) -> AwsSigner:
    return AwsSigner(
        service=SERVICE,
        region=region,
        access_key_id=required(credentials, "aws-access-key-id"),
        secret_access_key=required(credentials, "aws-secret-access-key"),
        session_token=credentials.get("aws-session-token"),
    )


ERRORS: Mapping[str, FaultKind] = {
    "ValidationException": "invalid",
    "ServiceQuotaExceededException": "throttled",
    "ThrottlingException": "throttled",
    "ModelNotReadyException": "throttled",
    "AccessDeniedException": "unauthorized",
    "ExpiredTokenException": "unauthorized",
    "IncompleteSignatureException": "unauthorized",
    "InvalidSignatureException": "unauthorized",
    "MissingAuthenticationTokenException": "unauthorized",
    "UnrecognizedClientException": "unauthorized",
    "ResourceNotFoundException": "misconfigured",
    "ServiceUnavailableException": "unavailable",
    "ModelTimeoutException": "timeout",
    # The model had the call and says that it made no image. InternalServerException says nothing
    # of the kind: like any other 500, it leaves the outcome unknown.
    "ModelErrorException": "failed",
    "InternalServerException": "outcome_unknown",
}
"""The errors of botocore's model of `bedrock-runtime`, and AWS's common ones for credentials, some
that other services respond with status 400. Others mean what their status does."""


def read_error(response: UpstreamResponse) -> UpstreamFault:
    """Return the fault of a status other than 200.

    Only a ValidationException speaks of nothing but the request, so only its message is passed on.
    """
    body = _object(response.body)
    name = _name(response.headers, body)
    message = _text(body, "message", "Message") or response.headers.get("x-amzn-errormessage", "")
    kind = (
        (_kind_of_validation(message) if name == "ValidationException" else None)
        or ERRORS.get(name)
        or kind_of_status(response.status, own_envelope=bool(name))
    )
    is_shown = name == "ValidationException" and kind in ("refused", "invalid")
    shown = (message if is_shown else "") or SUMMARIES[kind]
    later = retry_after(response.headers)
    return UpstreamFault(kind, shown, name or None, later, cause=message or None)


def _kind_of_validation(message: str) -> FaultKind | None:
    """Return what a ValidationException means that is more than an invalid request.

    A model that the region does not have, or not by that id, is a mistake in the catalog, and
    another route may do better.
    """
    if "blocked by our content filters" in message:
        return "refused"
    if "model identifier is invalid" in message or "with on-demand throughput" in message:
        return "misconfigured"
    return None


def _name(headers: Mapping[str, str], body: Mapping[str, Any]) -> str:
    """Return the name of an error, from where botocore looks for it, without its namespaces."""
    name = headers.get("x-amzn-errortype") or _text(body, "code", "Code", "__type") or ""
    return name.partition(":")[0].rpartition("#")[2]


def _text(body: Mapping[str, Any], *names: str) -> str | None:
    return next((body[name] for name in names if isinstance(body.get(name), str)), None)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except MALFORMED:
        return {}
    return document if isinstance(document, dict) else {}
