"""What a request would get and cost, before it is sent."""

from typing import Any

from tintype_gateway.values import Plan


def quotation(plan: Plan, ceiling: int, expected: int | None) -> dict[str, Any]:
    """Return the body of `POST /v1/images/quote`, with amounts in micro-credits.

    `ceiling` is what would be held. `expected` is None where the provider chooses what decides
    the price.
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
        "catalog_revision": plan.revision,
    }
