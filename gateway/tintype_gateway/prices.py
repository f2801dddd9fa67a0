"""What a job may cost and what its calls did cost, in micro-credits."""

from collections.abc import Iterable
from decimal import Decimal

from tintype_catalog.catalog import Model
from tintype_catalog.costs import Demand, call_usd, ceiling_usd, micro_credits
from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import max_pixels
from tintype_gateway.values import FinishedCall, Job


def ceiling(job: Job, model: Model, pricing: Pricing, per_usd: int) -> int:
    """Return the most that the job can cost, in micro-credits at `per_usd` of them for one USD."""
    return micro_credits(ceiling_usd(pricing, _demand(job, model)), per_usd)


def cost(
    job: Job, model: Model, pricing: Pricing, calls: Iterable[FinishedCall], per_usd: int
) -> int:
    """Return what the calls did cost together, in micro-credits, rounded once.

    A call whose pictures were all refused costs nothing, whatever the provider charges for it.
    """
    demand = _demand(job, model)
    usd = Decimal(0)
    for call in (call for call in calls if call.images):
        sizes = [image.size for image in call.images]
        billed = demand._replace(quality=call.generation.quality or demand.quality)
        usd += call_usd(pricing, billed, sizes, call.generation.usage)
    return micro_credits(usd, per_usd)


def _demand(job: Job, model: Model) -> Demand:
    texts = [job.prompt, str(job.parameters.get("negative_prompt", ""))]
    return Demand(
        images=job.images,
        calls=-(-job.images // model.limits.max_images_per_call),
        prompt_bytes=sum(len(text.encode()) for text in texts),
        size=job.size.size,
        max_pixels=max_pixels(model.size),
        quality=job.quality,
    )
