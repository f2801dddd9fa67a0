"""Metrics and spans of calls to providers: duration, outcome and token usage."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tintype_catalog.costs import is_usable
from tintype_catalog.providers import telemetry_name
from tintype_gateway.faults import rule_of, sells_time
from tintype_gateway.observability import spans
from tintype_gateway.observability.metrics import (
    GEN_AI_DURATION,
    GEN_AI_TOKENS,
    IMAGES_REFUSED,
    MISCONFIGURED_CALLS,
    PROVIDER_DURATION,
    PROVIDER_REQUESTS,
    UNSETTLED_CALLS,
    USAGE_UNUSABLE,
)
from tintype_gateway.observability.request_meter import current_meter
from tintype_gateway.upstream.fault_reports import report
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Route

log = logging.getLogger(__name__)


@contextmanager
def observed_call(plan: Plan, route: Route, asked: int) -> Iterator[None]:
    """Observe the call to a provider that the block makes for a number of images."""
    with spans.calling(plan, route, asked), current_meter().calling():
        outcome, unsettled, started = "success", False, time.perf_counter()
        try:
            yield
        except UpstreamFault as fault:
            may_have_cost = rule_of(fault).may_have_cost or fault.charged
            outcome, unsettled = fault.kind, may_have_cost and not sells_time(route, fault)
            report(fault, plan, route)
            raise
        except (asyncio.CancelledError, GeneratorExit):  # the client disconnected during the call
            outcome, unsettled = "cancelled", True
            raise
        finally:
            _observe(plan, route, outcome, time.perf_counter() - started)
            if unsettled:
                UNSETTLED_CALLS.labels(route.binding.provider, outcome).inc()
            if outcome == "misconfigured":
                MISCONFIGURED_CALLS.labels(route.binding.provider, route.binding.name).inc()
            if outcome == "refused":
                IMAGES_REFUSED.labels(route.binding.provider, plan.model.id).inc(asked)


def observe_usage(plan: Plan, route: Route, result: CallResult) -> None:
    """Observe the tokens and the cost of the current call, if its provider reports them."""
    _observe_cost(route, result)
    usage = result.usage
    if usage is None:
        if result.images and (result.usage_unusable or _is_by_token(route)):
            _note_unusable(route, "no usable token counts")
        return
    spans.used(usage)
    provider, trace = telemetry_name(route.binding.dialect), spans.exemplar()
    name, tokens = plan.operation.name, GEN_AI_TOKENS.labels
    tokens(name, provider, "input").observe(usage.text_input + usage.image_input, trace)
    tokens(name, provider, "output").observe(usage.text_output + usage.image_output, trace)


def _is_by_token(route: Route) -> bool:
    return route.binding.pricing.type == "per_token"


def _observe_cost(route: Route, result: CallResult) -> None:
    is_known = is_usable(result.cost_usd)
    if result.images and not is_known and route.binding.pricing.charge == "Reported":
        _note_unusable(route, "no usable report of the cost")
    if result.refusals_charged or (is_known and not result.images):
        UNSETTLED_CALLS.labels(route.binding.provider, "refused").inc()


def _note_unusable(route: Route, message: str) -> None:
    """Count and log images without usable figures of theirs: the price table's apply."""
    provider, binding = route.binding.provider, route.binding.name
    USAGE_UNUSABLE.labels(provider, binding).inc()
    request_id = current_meter().request_id
    extra = {"request_id": request_id, "provider": provider, "binding": binding}
    log.warning(message, extra=extra)


@contextmanager
def observed_finish(plan: Plan, route: Route) -> Iterator[None]:
    """Count the images that are lost if the block fails: the provider charges for them."""
    try:
        yield
    except UpstreamFault as fault:
        report(fault, plan, route)
        UNSETTLED_CALLS.labels(route.binding.provider, fault.kind).inc()
        raise
    except asyncio.CancelledError:
        UNSETTLED_CALLS.labels(route.binding.provider, "cancelled").inc()
        raise


def _observe(plan: Plan, route: Route, outcome: str, seconds: float) -> None:
    provider, trace = route.binding.provider, spans.exemplar()
    PROVIDER_DURATION.labels(provider, route.region, outcome).observe(seconds, trace)
    PROVIDER_REQUESTS.labels(provider, plan.model.id, outcome).inc()
    error_type = "" if outcome == "success" else outcome
    service = telemetry_name(route.binding.dialect)
    GEN_AI_DURATION.labels(plan.operation.name, service, error_type).observe(seconds, trace)
