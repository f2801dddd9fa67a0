"""Which calls make the images, and how does a provider say it?"""

from collections.abc import Iterator
from dataclasses import replace

from tintype_catalog.catalog import Model
from tintype_gateway.dialects.base import Dialect
from tintype_gateway.dialects.registry import get_dialect as dialect_of
from tintype_gateway.faults import error_of, gravest
from tintype_gateway.observability.spans import traced
from tintype_gateway.values.events import FailedCall
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.job import Job
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Candidate
from tintype_gateway.values.upstream import PlannedCall, UpstreamRequest


def divide(job: Job, model: Model) -> Iterator[PlannedCall]:
    """Yield the calls that together make all images of the job, whichever candidate serves each."""
    per_call = job.images_per_call(model.limits.max_images_per_call)
    for first in range(0, job.images, per_call):
        images = min(per_call, job.images - first)
        yield PlannedCall(first, images, _with_own_seed(job, model, first))


@traced("translate")
def translate(planned: PlannedCall, candidate: Candidate, dialect: Dialect) -> UpstreamRequest:
    """Return a call in the protocol of the candidate's provider.

    Raises:
        UpstreamFault: The credentials lack a part.
    """
    return dialect.translate(planned.job, candidate.route, planned.asked, candidate.credentials)


def check_translation(plan: Plan) -> None:
    """Refuse what could not be sent to any provider of a plan, as sending it would.

    Raises:
        GatewayError: Each provider's credentials lack a part.
    """
    failed: list[FailedCall] = []
    for candidate in plan.candidates:
        for planned in divide(plan.job, plan.model):
            try:
                translate(planned, candidate, dialect_of(candidate.route.binding.dialect))
            except UpstreamFault as fault:
                failed.append(FailedCall(planned.first, planned.asked, candidate.route, fault))
                break
        else:
            return
    worst = gravest(failed)
    raise error_of(worst.fault, worst.route) from worst.fault


def _with_own_seed(job: Job, model: Model, first: int) -> Job:
    """Return the job with a seed of its own for each call: the same one gives the same image."""
    if "seed" not in job.parameters or first == 0:
        return job
    rule = model.parameters.seed
    lowest = rule.minimum or 0
    highest = 2**31 - 1 if rule.maximum is None else rule.maximum
    seed = lowest + (int(job.parameters["seed"]) - lowest + first) % (highest - lowest + 1)
    return replace(job, parameters={**job.parameters, "seed": seed})
