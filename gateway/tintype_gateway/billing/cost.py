"""The ceiling of a job and the cost of its calls, in micro-credits."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tintype_catalog.catalog import Model
from tintype_catalog.costs import (
    AUTO,
    Demand,
    call_usd,
    ceiling_usd,
    expected_usd,
    micro_credits,
    reported_usd,
)
from tintype_catalog.input_tokens import NO_INPUTS, Inputs
from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import Size, max_pixels
from tintype_gateway.values.events import FinishedCall
from tintype_gateway.values.images import CallResult
from tintype_gateway.values.job import Job
from tintype_gateway.values.plan import Plan

_UNKNOWN_SIZE = Size(1024, 1024)
"""What an image counts as that states no size, where none was asked for either."""


def ceiling(job: Job, model: Model, pricing: Pricing, per_usd: int) -> int:
    """Return the most that the job can cost, in micro-credits at `per_usd` of them for one USD."""
    demand = _demand(job, model, max_pixels(model.size))
    return micro_credits(ceiling_usd(pricing, demand), per_usd)


def cost(job: Job, model: Model, calls: Iterable[FinishedCall], per_usd: int) -> int:
    """Return the cost of all calls together, in micro-credits, rounded once.

    The price of each call is that of its own route. A call whose images were all refused costs
    nothing, even if the provider charges for it. What a provider reports is charged up to the
    ceiling of the images that the call returned.
    """
    demand = _demand(job, model)
    paid = (call for call in calls if call.images)
    usd = sum((_charge_usd(call, demand, model) for call in paid), Decimal(0))
    return micro_credits(usd, per_usd)


def unpaid(job: Job, model: Model, calls: Iterable[FinishedCall], per_usd: int) -> int:
    """Return what providers report above the ceilings of their calls, in micro-credits.

    No account pays it. The images of a call that were refused count for its ceiling, as providers
    may charge for them.
    """
    usd = Decimal(0)
    for call in calls:
        reported = reported_usd(call.route.binding.pricing, call.result.cost_usd)
        if reported is not None:
            images = len(call.images) + call.refused + call.withheld
            most = _ceiling_usd(call, _demand(job, model), model, images)
            usd += max(reported - most, Decimal(0))
    return micro_credits(usd, per_usd)


def _charge_usd(call: FinishedCall, demand: Demand, model: Model) -> Decimal:
    """Return what a call is charged at: its report, if that counts, or the price's own figures."""
    pricing, by_table = call.route.binding.pricing, _call_usd(call, demand)
    if pricing.charge == "Table":
        return by_table
    reported = reported_usd(pricing, call.result.cost_usd)
    most = _ceiling_usd(call, demand, model, len(call.images))
    return min(by_table if reported is None else reported, most)


def _ceiling_usd(call: FinishedCall, demand: Demand, model: Model, images: int) -> Decimal:
    """Return the most that this number of images of a call can cost."""
    asked = demand._replace(images=images, calls=1, max_pixels=max_pixels(model.size))
    return ceiling_usd(call.route.binding.pricing, asked)


def _call_usd(call: FinishedCall, demand: Demand) -> Decimal:
    """Return the cost of a call at the quality that the provider reports.

    If the reported quality has no price in the binding, the requested quality counts.
    """
    pricing = call.route.binding.pricing
    sizes = [image.size or demand.size or _UNKNOWN_SIZE for image in call.images]
    used = call.result.usage, _milliseconds(call.result)
    made = demand._replace(
        partial_images=call.result.partial_images, quality=call.result.quality or demand.quality
    )
    try:
        return call_usd(pricing, made, sizes, *used)
    except (LookupError, ValueError):
        return call_usd(pricing, made._replace(quality=demand.quality), sizes, *used)


def _milliseconds(result: CallResult) -> int:
    """Return the time that the provider says it took, or else the time that we waited for it."""
    own = result.provider_milliseconds
    return result.milliseconds if own is None or own < 0 else own


def expected(job: Job, model: Model, pricing: Pricing, per_usd: int) -> int | None:
    """Return the expected cost of the job, or None if it depends on the provider's choices."""
    demand = _demand(job, model)
    chooses_quality = job.quality in (None, AUTO) and model.parameters.quality.handling == "Map"
    if demand.size is None or chooses_quality or pricing.type == "per_second":
        return None
    return micro_credits(expected_usd(pricing, demand, demand.size), per_usd)


def _demand(job: Job, model: Model, largest: int | None = None) -> Demand:
    """Return the demand of a job. Only a ceiling depends on the pixels of the largest image."""
    negative = str(job.parameters.get("negative_prompt", ""))
    return Demand(
        images=job.images,
        calls=-(-job.images // job.images_per_call(model.limits.max_images_per_call)),
        prompt_bytes=len(job.prompt.encode()) + len(negative.encode()),
        size=job.size.size,
        max_pixels=largest,
        quality=job.quality,
        partial_images=job.partial_images,
        inputs=_inputs(job),
    )


def _inputs(job: Job) -> Inputs:
    if not job.inputs:
        return NO_INPUTS
    return Inputs(
        sizes=tuple(image.size for image in job.inputs),
        mask=job.mask is not None,
        high_fidelity=job.parameters.get("input_fidelity") == "high",
    )


def quotation(
    plan: Plan, ceiling: int, expected: int | None, budget_remaining: int | None
) -> dict[str, Any]:
    """Return the body of `POST /v1/images/quote`, with amounts in micro-credits.

    `ceiling` is the amount of the hold. `expected` is None where the provider chooses what decides
    the price. `budget_remaining` is what the tightest budget has left now, None without one.
    """
    size = plan.job.size.size
    return {
        "object": "image.quote",
        "model": plan.target.requested,
        "route": {
            "provider": plan.route.binding.provider,
            "region": plan.route.region,
            "binding": plan.route.binding.name,
        },
        "n": plan.job.images,
        "size": "auto" if size is None else str(size),
        "parameters": dict(plan.job.parameters),
        "partial_images": plan.job.partial_images,
        "provider_parameters": dict(plan.job.extras),
        "adjustments": list(plan.job.adjustments),
        "credits_ceiling": ceiling,
        "credits_expected": expected,
        "budget_remaining": None if budget_remaining is None else budget_remaining - ceiling,
        "catalog_revision": plan.revision,
    }
