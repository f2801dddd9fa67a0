"""The way of one request, from the key in its header to the pictures in its answer."""

import asyncio
import datetime
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tintype_catalog.catalog import Model
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.credentials import CredentialSource
from tintype_gateway.dialects import Dialect, dialect, speaks
from tintype_gateway.errors import UnavailableError
from tintype_gateway.faults import error_of
from tintype_gateway.ledger.interface import Caller, Idempotency, Ledger, Settlement
from tintype_gateway.metrics import (
    CREDITS_USED,
    EXCESS_CREDITS,
    IMAGES_GENERATED,
    observed_call,
)
from tintype_gateway.prices import ceiling, cost
from tintype_gateway.stages.adapt import Handling, adapt
from tintype_gateway.stages.authenticate import authenticate
from tintype_gateway.stages.call import call
from tintype_gateway.stages.finish import finish
from tintype_gateway.stages.hold import Purchase, held
from tintype_gateway.stages.resolve import resolve
from tintype_gateway.stages.respond import respond
from tintype_gateway.stages.settle import settle
from tintype_gateway.stages.translate import translate
from tintype_gateway.stages.validate import validate
from tintype_gateway.values import (
    FailedCall,
    FinishedCall,
    Job,
    PlannedCall,
    Response,
    Route,
    Target,
    UpstreamFault,
)

MICRO_CREDITS = 1_000_000


@dataclass(frozen=True)
class Incoming:
    """A request as it arrives, with its body still to be read."""

    request_id: str
    read_body: Callable[[], Awaitable[bytes]]
    authorization: str | None = None
    provider: str | None = None
    handling: Handling | None = None
    idempotency_key: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    """What the access log will say of the request, filled on its way."""


@dataclass(frozen=True)
class Pipeline:
    """Everything that requests share."""

    catalogs: CatalogStore
    ledger: Ledger
    credentials: CredentialSource
    session: aiohttp.ClientSession
    handling: Handling
    micro_credits_per_usd: int
    model_defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The server's own defaults of request fields, by model id."""

    async def generate(self, incoming: Incoming) -> Response:
        """Serve `POST /v1/images/generations`.

        Raises:
            GatewayError: The client gets an error, and pays nothing.
        """
        caller = await self.authenticate(incoming)
        snapshot = self.catalogs.current()
        body = await incoming.read_body()
        request = validate(body, snapshot.vocabulary)
        target = resolve(
            request.fields.model,
            incoming.provider,
            snapshot,
            today=datetime.datetime.now(datetime.UTC).date(),
            speaks=speaks,
        )
        job = adapt(
            request,
            target.model,
            incoming.handling or self.handling,
            self.model_defaults.get(target.model.id),
        )
        route, credentials = await self._route(target)
        incoming.facts.update(_facts(target.model, route, job, request.fields.user))
        purchase = self._purchase(incoming, target.model, route, job, body)
        async with held(caller, purchase, self.ledger) as hold:
            calls, failed = await self._call_all(target.model, route, job, credentials)
            amount = cost(
                job, target.model, route.binding.pricing, calls, self.micro_credits_per_usd
            )
            settlement = await settle(hold, amount, self.ledger)
        _count(target.model, route, calls, settlement)
        incoming.facts["cost_micro_credits"] = settlement.charged
        return respond(target, route, job, calls, failed, settlement, snapshot.revision)

    async def authenticate(self, incoming: Incoming) -> Caller:
        """Return who is asking.

        Raises:
            AuthenticationError: Nobody whom we know.
        """
        caller = await authenticate(incoming.authorization, self.ledger)
        incoming.facts.update(account=caller.account, key=caller.key_id)
        return caller

    async def _route(self, target: Target) -> tuple[Route, Mapping[str, str]]:
        """Return the best route that we have credentials for, and these."""
        for route in target.routes:
            credentials = await self.credentials.read(route.binding)
            if credentials:
                return route, credentials
        names = ", ".join(route.binding.name for route in target.routes)
        raise UnavailableError(
            f"no credentials for {target.requested!r}: ProviderBinding {names}",
            code="provider_unauthorized",
        )

    def _purchase(
        self, incoming: Incoming, model: Model, route: Route, job: Job, body: bytes
    ) -> Purchase:
        key = incoming.idempotency_key
        return Purchase(
            request_id=incoming.request_id,
            amount=ceiling(job, model, route.binding.pricing, self.micro_credits_per_usd),
            model=model.id,
            provider=route.binding.provider,
            deadline_seconds=route.binding.timeout_seconds,
            idempotency=(key and Idempotency(key, hashlib.sha256(body).hexdigest())) or None,
        )

    async def _call_all(
        self, model: Model, route: Route, job: Job, credentials: Mapping[str, str]
    ) -> tuple[list[FinishedCall], list[FailedCall]]:
        """Return the calls that gave pictures and those that did not, or the fault of them all."""
        language = dialect(route.binding.dialect)
        planned = translate(job, model, route, credentials, language)
        results = await asyncio.gather(
            *(self._call(model, route, language, each) for each in planned)
        )
        failed = [result for result in results if isinstance(result, FailedCall)]
        calls = [result for result in results if isinstance(result, FinishedCall)]
        if not calls:
            raise error_of(failed[0].fault, route) from failed[0].fault
        return calls, failed

    async def _call(
        self, model: Model, route: Route, language: Dialect, planned: PlannedCall
    ) -> FinishedCall | FailedCall:
        try:
            with observed_call(route, model.id):
                generation = await call(planned.upstream, language, self.session)
                return finish(planned.first, planned.asked, generation)
        except UpstreamFault as fault:
            return FailedCall(planned.first, planned.asked, fault)


def _facts(model: Model, route: Route, job: Job, user: str | None) -> dict[str, Any]:
    return {
        "model": model.id,
        "provider": route.binding.provider,
        "region": route.region,
        "binding": route.binding.name,
        "images": job.images,
        "adjustments": list(job.adjustments),
        "user": user and user[:64],
    }


def _count(
    model: Model, route: Route, calls: Sequence[FinishedCall], settlement: Settlement
) -> None:
    labels = (route.binding.provider, model.id)
    IMAGES_GENERATED.labels(*labels).inc(sum(len(call.images) for call in calls))
    CREDITS_USED.labels(*labels).inc(settlement.charged / MICRO_CREDITS)
    EXCESS_CREDITS.labels(*labels).inc(settlement.excess / MICRO_CREDITS)
