"""The consequences of each kind of fault: retries, circuits, idempotency keys, client errors."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from tintype_gateway.errors import (
    BusyError,
    ContentPolicyError,
    ContentRefusedError,
    GatewayError,
    UnavailableError,
    UnsupportedParameterError,
)
from tintype_gateway.values.events import FailedCall
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.routes import Route

Retry = Literal["any route", "another route", "never"]
"""The routes on which the gateway may retry the call."""

Circuit = Literal["opens", "counts", "ignores"]
"""Whether the route's circuit opens at once, counts a failure, or counts a success."""


class Rule(NamedTuple):
    """The consequences of one kind of fault."""

    code: str
    """The class and the fields of the client's error."""

    error: type[GatewayError] = UnavailableError
    retry: Retry = "never"
    """Not `never` only if the provider provably made no image: an image costs money."""

    circuit: Circuit = "ignores"
    should_retry: bool = False
    """Whether `x-should-retry` allows the official SDKs to retry automatically."""

    may_have_cost: bool = False
    """Whether the provider may have made an image. The call then counts as unsettled, and the
    idempotency key stays in use, so that a repeat cannot pay the provider twice."""

    quotes_request: bool = False
    """Whether the provider's message may quote the request, so that it must not be logged."""


RULES: Mapping[FaultKind, Rule] = {
    "refused": Rule("moderation_blocked", ContentRefusedError, quotes_request=True),
    "invalid": Rule("unsupported_parameter", UnsupportedParameterError, quotes_request=True),
    "throttled": Rule("provider_throttled", retry="any route", circuit="opens", should_retry=True),
    "busy": Rule("provider_busy", BusyError, retry="another route", should_retry=True),
    "unavailable": Rule(
        "provider_unavailable", retry="any route", circuit="counts", should_retry=True
    ),
    "unauthorized": Rule("provider_unauthorized", retry="another route", circuit="opens"),
    "misconfigured": Rule("provider_unavailable", retry="another route", circuit="opens"),
    "failed": Rule("provider_unavailable", circuit="counts"),
    "image_missing": Rule("image_missing", quotes_request=True),
    "timeout": Rule("timeout", circuit="counts", may_have_cost=True),
    "outcome_unknown": Rule("outcome_unknown", circuit="counts", may_have_cost=True),
    "store": Rule("image_store_unavailable", may_have_cost=True),
    "upload": Rule("upload_storage_unavailable", retry="any route", should_retry=True),
    "denied": Rule("content_policy", ContentPolicyError, quotes_request=True),
    "unjudged": Rule("guardrail_unavailable", may_have_cost=True),
}

SUMMARIES: Mapping[FaultKind, str] = {
    "refused": "the provider refuses the content of the request",
    "invalid": "the provider refuses the request",
    "throttled": "the provider throttles the gateway's requests",
    "unavailable": "the provider cannot serve the model now",
    "unauthorized": "the provider refuses the gateway's credentials or account",
    "misconfigured": "the provider has no such model or endpoint",
    "failed": "the provider failed to make the image",
    "timeout": "the provider reports a timeout",
    "outcome_unknown": "the provider failed; it may have made the image",
    "denied": "the policy of this gateway refuses the images",
}
"""The messages for clients if the provider sent none, and in place of messages about the gateway's
account, which may quote its key or signature."""

_SAME_CODES = frozenset(
    {
        *("missing_required_parameter", "unknown_parameter", "invalid_type", "invalid_value"),
        *("unsupported_parameter", "unsupported_value"),
    }
)
"""OpenAI's error codes for parameters that the gateway passes on."""


def rule_of(fault: UpstreamFault) -> Rule:
    """Return the consequences of a fault."""
    return RULES[fault.kind]


def sells_time(route: Route, fault: UpstreamFault) -> bool:
    """Return whether a failed call is charged by its time: it has interrupted a sold image.

    Other prices are those of an image, which the client did not get.
    """
    return fault.sold_milliseconds is not None and route.binding.pricing.type == "per_second"


def kind_of_status(status: int, *, own_envelope: bool) -> FaultKind:
    """Return the kind of fault of a status other than 200.

    Args:
        status: The HTTP status.
        own_envelope: Whether the body has the form of the provider's own errors. Otherwise the
            response may come from a proxy that had already forwarded the call.
    """
    if status in (401, 403):
        return "unauthorized"
    if status in (400, 422):
        return "invalid"
    if status == 429:
        return "throttled"
    if status == 408:
        return "timeout"
    if status in (404, 405, 410) or 300 <= status < 400:
        return "misconfigured"
    if status in _NOT_REACHED or (status == 503 and own_envelope):
        return "unavailable"
    return "failed" if 400 <= status < 500 and status != _GIVEN_UP else "outcome_unknown"


_NOT_REACHED = frozenset({521, 522})
"""Cloudflare's statuses for a provider that it could not connect to."""

_GIVEN_UP = 499
"""Nginx's status for a client that disconnected: the provider may have worked until then."""


def begun(fault: UpstreamFault) -> UpstreamFault:
    """Return the fault of a call that the provider had already started.

    The provider may have processed such a call.
    """
    return fault if rule_of(fault).retry == "never" else replace(fault, kind="outcome_unknown")


def gravest(failed: Sequence[FailedCall]) -> FailedCall:
    """Return the failure to report for several: one that may have cost money, else the first."""
    return next((call for call in failed if rule_of(call.fault).may_have_cost), failed[0])


def withheld(reason: str | None) -> str:
    """Return the error of an image that the provider refused for its content."""
    return "the provider withheld the image" + (f": {reason}" if reason else "")


def error_of(fault: UpstreamFault, route: Route) -> GatewayError:
    """Return the error that a client gets for a fault."""
    rule, provider = rule_of(fault), route.binding.provider
    messages = {
        "refused": fault.message,
        "invalid": f"{provider}: {fault.message}",
        "store": fault.message,
        "upload": fault.message,
        "denied": fault.message,
        "unjudged": fault.message,
    }
    same_code = fault.kind == "invalid" and fault.code in _SAME_CODES
    return rule.error(
        messages.get(fault.kind, f"{provider} ({route.binding.name}): {fault.message}"),
        code=fault.code if same_code else rule.code,
        param=fault.param,
        retry=rule.should_retry or fault.uncharged,
        retry_after_seconds=fault.retry_after_seconds,
        may_have_cost=rule.may_have_cost,
    )
