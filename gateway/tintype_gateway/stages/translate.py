"""Which calls make the pictures, in the provider's own words?"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tintype_catalog.catalog import Model
from tintype_gateway.dialects import Dialect
from tintype_gateway.telemetry import traced
from tintype_gateway.values import Job, PlannedCall, Route


@traced("translate")
def translate(
    job: Job, model: Model, route: Route, credentials: Mapping[str, str], dialect: Dialect
) -> Iterator[PlannedCall]:
    """Yield the calls that together make all pictures of the job."""
    per_call = job.images_per_call(model.limits.max_images_per_call)
    for first in range(0, job.images, per_call):
        images = min(per_call, job.images - first)
        seeded = _with_own_seed(job, model, first)
        yield PlannedCall(first, images, dialect.translate(seeded, route, images, credentials))


def _with_own_seed(job: Job, model: Model, first: int) -> Job:
    """Return the job with a seed of its own for each call: the same one gives the same picture."""
    if "seed" not in job.parameters or first == 0:
        return job
    rule = model.parameters.seed
    lowest = rule.minimum or 0
    highest = 2**31 - 1 if rule.maximum is None else rule.maximum
    seed = lowest + (int(job.parameters["seed"]) - lowest + first) % (highest - lowest + 1)
    return replace(job, parameters={**job.parameters, "seed": seed})
