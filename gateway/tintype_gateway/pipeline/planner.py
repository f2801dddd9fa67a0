"""From a request to the plan of what it buys: all that is decided before money is held."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from tintype_catalog.catalog import Model
from tintype_gateway.api.operations import ApiOperation
from tintype_gateway.api.requests import ValidRequest
from tintype_gateway.catalog.snapshot import View
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.dialects.registry import (
    first_image,
    mask_convention,
    next_image,
    serves,
    streams,
)
from tintype_gateway.errors import UnavailableError, UnsupportedParameterError
from tintype_gateway.ledger.interface import Caller, Profile
from tintype_gateway.pipeline.incoming import Incoming
from tintype_gateway.pipeline.stages.adapt import Handling, adapt
from tintype_gateway.pipeline.stages.check_inputs import check_inputs
from tintype_gateway.pipeline.stages.prepare_inputs import InputTools
from tintype_gateway.pipeline.stages.resolve import resolve
from tintype_gateway.pipeline.stages.select_routes import able, choose, stream
from tintype_gateway.pipeline.stages.validate import validate
from tintype_gateway.runtime.memory_budget import MemoryBudget
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.upstream.circuit_breaker import Circuits
from tintype_gateway.upstream.credentials import CredentialSource
from tintype_gateway.upstream.retry import MAX_ATTEMPTS
from tintype_gateway.values.content import RequestBody
from tintype_gateway.values.job import Job
from tintype_gateway.values.plan import Delivery, Plan
from tintype_gateway.values.routes import Candidate, Target


@dataclass(frozen=True)
class Planner:
    """What the plans of all requests are made with."""

    catalogs: CatalogStore
    credentials: CredentialSource
    images: ImageTools
    circuits: Circuits
    memory: MemoryBudget
    handling: Handling
    profile: Profile
    model_defaults: Mapping[str, Mapping[str, Any]]
    keep_input_metadata: bool

    async def plan(
        self,
        operation: ApiOperation,
        incoming: Incoming,
        caller: Caller,
        preferred: Collection[tuple[str, str]] = (),
    ) -> Plan:
        """Return what a request will buy.

        Candidates over the `preferred` bindings and regions come first.

        Raises:
            GatewayError: It cannot be served.
        """
        profile = incoming.profile or caller.response_profile or self.profile
        incoming.log.profile = profile
        snapshot = self.catalogs.current()
        view = snapshot.view(caller.models)
        with self.memory.reserved(incoming.body_bytes):
            body = await incoming.read_body()
        request = validate(body, view.vocabulary, operation.request_model)
        if request.fields.webhook_url is not None and not incoming.is_job:
            raise UnsupportedParameterError(
                "`webhook_url` is for jobs only: send `Prefer: respond-async`", param="webhook_url"
            )
        target = self._target(operation, incoming, request, view)
        candidates = await self._candidates(target)
        if preferred:
            candidates.sort(key=lambda each: each.route.key not in preferred)
        job, candidates = await self._job(incoming, body, request, target, candidates)
        chosen = choose(candidates, job, streams, MAX_ATTEMPTS)
        is_stream = bool(request.fields.stream)
        as_url = self.images.wants_url(request.fields.response_format, stream=is_stream)
        delivery = delivery_of(
            job,
            target.model,
            may_pass=all(first_image(candidate.route.binding) for candidate in chosen),
            stream=is_stream,
            is_stored=as_url or incoming.idempotency_key is not None,
        )
        revision = snapshot.revision
        digest = f"{operation.name}:{body.digest}"
        all_pass = all(next_image(candidate.route.binding) for candidate in chosen)
        passing = job.images if all_pass else 1
        decided = delivery, as_url, profile, request.fields.user, request.fields.webhook_url
        plan = Plan(
            operation, target, chosen, job, revision, digest, *decided, passing_images=passing
        )
        incoming.log.note_plan(plan)
        return plan

    def _target(
        self, operation: ApiOperation, incoming: Incoming, request: ValidRequest, view: View
    ) -> Target:
        """Return the model and its routes, where the model takes the images of the request."""
        target = resolve(
            request.fields.model,
            incoming.provider,
            view,
            operation=operation,
            today=datetime.datetime.now(datetime.UTC).date(),
            supports=serves,
            is_healthy=self.circuits.is_healthy,
        )
        check_inputs(request, target, operation, view)
        return target

    async def _job(
        self,
        incoming: Incoming,
        body: RequestBody,
        request: ValidRequest,
        target: Target,
        candidates: Sequence[Candidate],
    ) -> tuple[Job, list[Candidate]]:
        """Return what the model is asked for, and the candidates that take all of it.

        The images of the job are as the provider of the first one takes them.
        """
        handling = incoming.handling or self.handling
        inspected = await self._inputs.inspect(request)
        job = adapt(
            request,
            target.model,
            handling,
            self.model_defaults.get(target.model.id),
            rule=target.rule,
            shape=inspected.shape,
        )
        convention = partial(mask_convention, task=job.task) if inspected.mask else None
        candidates = able(candidates, job, convention)
        is_strict = handling == "strict"
        binding = candidates[0].route.binding
        job = stream(job, request.fields, native=streams(binding), strict=is_strict)
        job = await self._inputs.prepare(
            job,
            inspected,
            target.rule,
            mask_convention(binding, job.task),
            is_lenient=incoming.handling == "lenient",
            is_strict=is_strict,
            keep=body.keep,
        )
        return job, candidates

    @cached_property
    def _inputs(self) -> InputTools:
        return InputTools(self.images.converter, self.memory, self.keep_input_metadata)

    async def _candidates(self, target: Target) -> list[Candidate]:
        """Return the routes that there are credentials for, each with its credentials."""
        bindings = {route.binding.name: route.binding for route in target.routes}
        found = {name: await self.credentials.read(each) for name, each in bindings.items()}
        headers = {name: self.credentials.headers(each) for name, each in bindings.items()}
        candidates = [
            Candidate(route, found[route.binding.name], headers[route.binding.name])
            for route in target.routes
        ]
        if usable := [each for each in candidates if each.may_be_called]:
            return usable
        names = ", ".join(bindings)
        raise UnavailableError(
            f"no credentials for {target.requested!r}: ProviderBinding {names}",
            code="provider_unauthorized",
        )


def delivery_of(
    job: Job, model: Model, *, may_pass: bool, stream: bool, is_stored: bool
) -> Delivery:
    """Return how the images of a job reach the client, whichever of its candidates serves it.

    `may_pass` tells whether each of them gives images that may be passed through.
    """
    if stream:
        return Delivery.EVENT_STREAM
    if is_stored:
        return Delivery.STORED
    is_one_call = job.images <= job.images_per_call(model.limits.max_images_per_call)
    as_it_comes = job.encoding is None or job.encoding.by_provider
    passes = is_one_call and as_it_comes and may_pass
    return Delivery.PASS_THROUGH if passes else Delivery.BUFFERED
