"""What the dialects of AWS Bedrock share: the call of a model, and its errors."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from tintype_gateway.dialects.parsing import MALFORMED
from tintype_gateway.dialects.retry_after import retry_after
from tintype_gateway.values import (
    AwsSigner,
    FaultKind,
    Route,
    UpstreamAnswer,
    UpstreamFault,
    UpstreamRequest,
)

SERVICE = "bedrock"
"""What signatures are scoped to; the name of the host, `bedrock-runtime`, is another one."""


def invoke(
    route: Route, body: Mapping[str, object], credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call of the route's model.

    The `:` of a model's id goes over the wire as `%3A`, as AWS's own SDKs send it. A bearer key
    comes before a pair of access keys, as in those SDKs.

    Raises:
        UpstreamFault: The credentials hold neither.
    """
    binding = route.binding
    host = binding.endpoint or f"https://bedrock-runtime.{route.region}.amazonaws.com"
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    bearer = credentials.get("aws-bearer-token")
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    return UpstreamRequest(
        url=f"{host.rstrip('/')}/model/{quote(binding.upstream_model, safe='')}/invoke",
        headers=headers,
        body=json.dumps(body).encode(),
        signer=None if bearer else _signer(route.region, credentials),
    )


def _signer(region: str, credentials: Mapping[str, str]) -> AwsSigner:
    try:
        return AwsSigner(
            service=SERVICE,
            region=region,
            access_key_id=credentials["aws-access-key-id"],
            secret_access_key=credentials["aws-secret-access-key"],
            session_token=credentials.get("aws-session-token"),
        )
    except KeyError as error:
        raise UpstreamFault(
            "unauthorized", f"the credentials have no {error.args[0]}", unprocessed=True
        ) from error


class Meaning(NamedTuple):
    """What an error says of the call."""

    kind: FaultKind
    unprocessed: bool = False
    """Whether no model has seen the call."""


_REFUSED = Meaning("refused")
_INVALID = Meaning("invalid")
_UNAUTHORIZED = Meaning("unauthorized", unprocessed=True)
_THROTTLED = Meaning("throttled", unprocessed=True)
_ABSENT = Meaning("unavailable", unprocessed=True)
_FAILED = Meaning("unavailable")

ERRORS: Mapping[str, Meaning] = {
    "ValidationException": _INVALID,
    "ServiceQuotaExceededException": _THROTTLED,
    "ThrottlingException": _THROTTLED,
    "ModelNotReadyException": _THROTTLED,
    "AccessDeniedException": _UNAUTHORIZED,
    "ExpiredTokenException": _UNAUTHORIZED,
    "IncompleteSignatureException": _UNAUTHORIZED,
    "InvalidSignatureException": _UNAUTHORIZED,
    "MissingAuthenticationTokenException": _UNAUTHORIZED,
    "UnrecognizedClientException": _UNAUTHORIZED,
    "ResourceNotFoundException": _ABSENT,
    "ServiceUnavailableException": _ABSENT,
    "ModelTimeoutException": Meaning("timeout"),
    # The model had the call and says that it made no picture: the outcome is known.
    "ModelErrorException": _FAILED,
    "InternalServerException": _FAILED,
}
"""The errors of botocore's model of `bedrock-runtime`, and AWS's common ones for credentials, some
of which other services answer with status 400."""

_STATUSES: Mapping[int, Meaning] = {
    400: _INVALID,
    401: _UNAUTHORIZED,
    403: _UNAUTHORIZED,
    404: _ABSENT,
    408: Meaning("timeout"),
    429: _THROTTLED,
    503: _ABSENT,
}
"""What an error of no known name means: one of a proxy, or one that is new."""

_SUMMARIES: Mapping[FaultKind, str] = {
    "invalid": "the provider refuses the request",
    "throttled": "the provider limits our rate",
    "unauthorized": "the provider refuses our credentials, or our account with it",
    "unavailable": "the provider cannot serve the model now",
    "timeout": "the model did not finish in the provider's own time",
}
"""What is said in place of messages that speak of our account, and may quote our signature."""


def read_error(answer: UpstreamAnswer) -> UpstreamFault:
    """Return what a status other than 200 means.

    Only a ValidationException speaks of nothing but the request, so only its message is passed on.
    """
    body = _object(answer.body)
    name = _name(answer.headers, body)
    message = (_text(body, "message", "Message") if name == "ValidationException" else None) or ""
    kind, unprocessed = _of_message(message) or ERRORS.get(name) or _of_status(answer.status)
    told = (message if kind in ("refused", "invalid") else "") or _SUMMARIES[kind]
    return UpstreamFault(kind, told, name or None, retry_after(answer.headers), unprocessed)


def _of_message(message: str) -> Meaning | None:
    """Return what a ValidationException means that is more than an invalid request.

    A model that the region does not have, or not by that id, is a fault of our catalog, and
    another route may do better.
    """
    if "blocked by our content filters" in message:
        return _REFUSED
    if "model identifier is invalid" in message or "with on-demand throughput" in message:
        return _ABSENT
    return None


def _of_status(status: int) -> Meaning:
    return _STATUSES.get(status, _FAILED)


def _name(headers: Mapping[str, str], body: Mapping[str, Any]) -> str:
    """Return the name of an error, from where botocore looks for it, without its namespaces."""
    told = headers.get("x-amzn-errortype") or _text(body, "code", "Code", "__type") or ""
    return told.partition(":")[0].rpartition("#")[2]


def _text(body: Mapping[str, Any], *names: str) -> str | None:
    return next((body[name] for name in names if isinstance(body.get(name), str)), None)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except MALFORMED:
        return {}
    return document if isinstance(document, dict) else {}
