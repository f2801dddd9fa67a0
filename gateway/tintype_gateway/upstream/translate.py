"""Which calls make the pictures, and how does a provider say it?"""

from collections.abc import Iterator
from dataclasses import replace

from tintype_catalog.catalog import Model
from tintype_gateway.dialects.base import Dialect
from tintype_gateway.observability.spans import traced
from tintype_gateway.values import Job, PlannedCall, UpstreamRequest, Way


def divide(job: Job, model: Model) -> Iterator[PlannedCall]:
    """Yield the calls that together make all pictures of the job, whichever way each will go."""
    per_call = job.images_per_call(model.limits.max_images_per_call)
    for first in range(0, job.images, per_call):
        images = min(per_call, job.images - first)
        yield PlannedCall(first, images, _with_own_seed(job, model, first))


@traced("translate")
def translate(planned: PlannedCall, way: Way, dialect: Dialect) -> UpstreamRequest:
    """Return a call in the words of the provider that the way leads to.

    Raises:
        UpstreamFault: The credentials lack a part.
    """
    return dialect.translate(planned.job, way.route, planned.asked, way.credentials)


def _with_own_seed(job: Job, model: Model, first: int) -> Job:
    """Return the job with a seed of its own for each call: the same one gives the same picture."""
    if "seed" not in job.parameters or first == 0:
        return job
    rule = model.parameters.seed
    lowest = rule.minimum or 0
    highest = 2**31 - 1 if rule.maximum is None else rule.maximum
    seed = lowest + (int(job.parameters["seed"]) - lowest + first) % (highest - lowest + 1)
    return replace(job, parameters={**job.parameters, "seed": seed})
