"""Divides a job into calls, and translates each call to the protocol of its provider."""

import random
from collections.abc import Iterator
from dataclasses import replace

from tintype_catalog.catalog import Binding, Model
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
    """Yield the calls that together return all images of the job, for any candidate."""
    per_call = job.images_per_call(model.limits.max_images_per_call)
    for first in range(0, job.images, per_call):
        images = min(per_call, job.images - first)
        yield PlannedCall(first, images, _with_own_seed(job, model, first))


@traced("translate")
def translate(planned: PlannedCall, candidate: Candidate, dialect: Dialect) -> UpstreamRequest:
    """Return a call in the protocol of the candidate's provider.

    Raises:
        UpstreamFault: The credentials lack a key.
    """
    job = _with_any_seed(planned.job, candidate.route.binding)
    request = dialect.translate(job, candidate.route, planned.asked, candidate.credentials)
    if not candidate.headers:
        return request
    headers = {**request.headers, **candidate.headers}
    return replace(request, headers=headers, own_host_headers=frozenset(candidate.headers))


def check_translation(plan: Plan) -> None:
    """Check that at least one provider of a plan has complete credentials.

    Raises:
        GatewayError: The credentials of each provider lack a key. It is the error of a request.
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
    """Return the job with a different seed for each call, as equal seeds give equal images."""
    if "seed" not in job.parameters or first == 0:
        return job
    rule = model.parameters.seed
    lowest = rule.minimum or 0
    highest = 2**31 - 1 if rule.maximum is None else rule.maximum
    seed = lowest + (int(job.parameters["seed"]) - lowest + first) % (highest - lowest + 1)
    return replace(job, parameters={**job.parameters, "seed": seed})


def _with_any_seed(job: Job, binding: Binding) -> Job:
    """Return the job with a random seed, if it has none and the provider's own one is fixed."""
    needs_seed = binding.api is not None and binding.api.send.seed == "Random"
    if not needs_seed or "seed" in job.parameters or "seed" in job.extras:
        return job
    seed = random.randrange(2**31)  # noqa: S311 - it makes images differ, and protects nothing
    return replace(job, parameters={**job.parameters, "seed": seed})
