"""What a provider's fault means to a client."""

from collections.abc import Sequence

from tintype_gateway.errors import (
    ContentRefusedError,
    GatewayError,
    UnavailableError,
    UnsupportedParameterError,
)
from tintype_gateway.values import FailedCall, Route, UpstreamFault

_CODES = {
    "throttled": "provider_throttled",
    "unauthorized": "provider_unauthorized",
    "unavailable": "provider_unavailable",
    "timeout": "timeout",
    "outcome_unknown": "outcome_unknown",
    "store": "image_store_unavailable",
}


_MAY_HAVE_COST = frozenset({"timeout", "outcome_unknown", "store"})


def gravest(failed: Sequence[FailedCall]) -> FailedCall:
    """Return the call that decides for all: one that may have cost money, else the first."""
    return next((call for call in failed if call.fault.kind in _MAY_HAVE_COST), failed[0])


def error_of(fault: UpstreamFault, route: Route) -> GatewayError:
    """Return the error that a client gets for a fault.

    Whether the SDKs may try again depends on one thing only: whether the provider provably did
    nothing.
    """
    if fault.kind == "refused":
        return ContentRefusedError(fault.message)
    if fault.kind == "invalid":
        return UnsupportedParameterError(f"{route.binding.provider}: {fault.message}")
    told = f"{route.binding.provider} ({route.binding.name}): {fault.message}"
    return UnavailableError(
        fault.message if fault.kind == "store" else told,
        code=_CODES[fault.kind],
        retry=fault.unprocessed and fault.kind in ("throttled", "unavailable"),
        retry_after_seconds=fault.retry_after_seconds,
    )
