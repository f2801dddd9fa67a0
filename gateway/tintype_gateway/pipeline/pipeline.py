"""One request, stage by stage, from the key in its header to the images in its response."""

import datetime
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from tintype_catalog.catalog import Model
from tintype_gateway.api.credits import credits_response
from tintype_gateway.api.operations import ApiOperation
from tintype_gateway.api.response_headers import headers_of
from tintype_gateway.auth.call_limits import CallLimits
from tintype_gateway.auth.jwt.verifier import JwtVerifier
from tintype_gateway.billing.cost import ceiling, cost, expected, quotation
from tintype_gateway.billing.holding import Holding
from tintype_gateway.billing.sale import DeliveryReceipts, Sale
from tintype_gateway.billing.settlements import Settlements
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.dialects.base import Dialect
from tintype_gateway.dialects.registry import get_dialect, streams, supports
from tintype_gateway.errors import AlreadyServedError, UnavailableError, ledger_unavailable
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.interface import Caller, Idempotency, Ledger, Profile, Settlement
from tintype_gateway.observability.request_log import RequestLog
from tintype_gateway.pipeline.client_presence import ClientPresence
from tintype_gateway.pipeline.json_serializer import JsonSerializer, parts_of
from tintype_gateway.pipeline.request_metrics import count_charge
from tintype_gateway.pipeline.sse_serializer import SseSerializer
from tintype_gateway.pipeline.stages.adapt import Handling, adapt
from tintype_gateway.pipeline.stages.authenticate import authenticate
from tintype_gateway.pipeline.stages.check_inputs import check_inputs
from tintype_gateway.pipeline.stages.hold import HoldRequest, Replay, check_funds, held
from tintype_gateway.pipeline.stages.resolve import resolve
from tintype_gateway.pipeline.stages.select_routes import choose, stream
from tintype_gateway.pipeline.stages.validate import validate
from tintype_gateway.request_context import RequestContext
from tintype_gateway.runtime.memory_budget import MemoryBudget, bytes_reserved
from tintype_gateway.storage.idempotent_responses import IdempotentResponses
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.upstream.credentials import CredentialSource
from tintype_gateway.upstream.executor import Execution, Executor
from tintype_gateway.upstream.retry import MAX_ATTEMPTS, Retrier
from tintype_gateway.upstream.sessions import Sessions
from tintype_gateway.upstream.translate import check_translation
from tintype_gateway.values.content import RequestBody
from tintype_gateway.values.events import FinishedCall
from tintype_gateway.values.job import Job
from tintype_gateway.values.plan import Delivery, Plan
from tintype_gateway.values.response import Part
from tintype_gateway.values.routes import Candidate, ForcedProvider, Route, Target

Serializer = JsonSerializer | SseSerializer
"""What turns the events of the executor into a response."""


@dataclass(frozen=True)
class Incoming:
    """A request as it arrives, with its body still to be read."""

    request_id: str
    read_body: Callable[[], Awaitable[RequestBody]]
    body_bytes: int = 0
    """How much memory the body may take while it is read."""

    authorization: str | None = None
    provider: ForcedProvider | None = None
    handling: Handling | None = None
    profile: Profile | None = None
    idempotency_key: str | None = None
    log: RequestLog = field(default_factory=RequestLog)
    """What the access log will say of the request, filled on its way."""


@dataclass(frozen=True)
class Pipeline:
    """Everything that requests share."""

    catalogs: CatalogStore
    ledger: Ledger
    credentials: CredentialSource
    sessions: Sessions
    handling: Handling
    micro_credits_per_usd: int
    settlements: Settlements
    profile: Profile = "router"
    """The shape of responses where neither the request nor its account chooses one."""

    model_defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The server's own defaults of request fields, by model id."""

    jwts: JwtVerifier = field(default_factory=JwtVerifier)
    images: ImageTools = field(default_factory=ImageTools)
    idempotent_responses: IdempotentResponses = field(default_factory=IdempotentResponses)
    heartbeat_seconds: float = 15.0
    """After how long a silence a stream gets a sign of life."""

    delivery_receipts: DeliveryReceipts = field(default_factory=DeliveryReceipts)
    retrier: Retrier = field(default_factory=Retrier)
    memory: MemoryBudget = field(default_factory=MemoryBudget)
    calls: CallLimits = field(default_factory=CallLimits)

    async def serve(
        self, operation: ApiOperation, incoming: Incoming, client: ClientPresence
    ) -> AsyncGenerator[Part, None]:
        """Serve a request for an operation: yield the response, part by part.

        An image is sold when its first byte is yielded. From then on `client` is committed: iterate
        to the end, whether or not the client is still there. Before that, closing this generator,
        or cancelling the task that iterates it, gives up the request, and nothing is charged.

        Raises:
            GatewayError: The client gets an error, and pays for nothing but what it has been sent.
        """
        caller = await self.authenticate(incoming)
        plan = await self._plan(operation, incoming, caller)
        with self.memory.reserved(bytes_reserved(plan)) as reservation:
            context = RequestContext.begin(plan, incoming.request_id, incoming.log, reservation)
            serializer: Serializer | None = None
            try:
                async with held(caller, self._hold_request(incoming, plan), self.ledger) as holding:
                    if isinstance(holding, Replay):
                        for part in await self._replayed(context, holding):
                            yield part
                        return
                    execution = self._executor.execution(context)
                    with self._sale(context, holding) as sale:
                        serializer = self._serializer(incoming, context, execution, sale, client)
                        async with (
                            aclosing(execution.events()) as events,
                            aclosing(serializer.parts(events)) as parts,
                        ):
                            async for part in parts:
                                yield part
            except Exception as error:
                if serializer is None:
                    raise
                for part in serializer.failed(error):
                    yield part

    async def quote(self, operation: ApiOperation, incoming: Incoming) -> dict[str, Any]:
        """Serve the quote of an operation: what the same body would get, and cost at most.

        Raises:
            GatewayError: The request would get this error.
        """
        caller = await self.authenticate(incoming)
        plan = await self._plan(operation, incoming, caller)
        most = self._ceiling(plan)
        await check_funds(caller, most, self.ledger)
        check_translation(plan)
        return quotation(plan, most, self._expected(plan))

    async def credits(self, incoming: Incoming) -> dict[str, Any]:
        """Serve `GET /v1/credits`: what the caller's account has, and used this month.

        Raises:
            GatewayError: The caller is not known, or the ledger cannot be asked.
        """
        caller = await self.authenticate(incoming)
        first = datetime.datetime.now(datetime.UTC).date().replace(day=1)
        try:
            account = await self.ledger.account(caller.account)
            used = await self.ledger.usage(first, account=caller.account)
        except LedgerUnavailableError as error:
            raise ledger_unavailable() from error
        return credits_response(account, used, first, self.micro_credits_per_usd)

    async def authenticate(self, incoming: Incoming) -> Caller:
        """Return who is asking, and count the call.

        Raises:
            AuthenticationError: The key or token is missing or unknown.
            RateLimitError: The account makes more calls than it may.
        """
        caller = await authenticate(incoming.authorization, self.ledger, self.jwts)
        incoming.log.account, incoming.log.key = caller.account, caller.key_id
        self.calls.take(caller)
        return caller

    async def _plan(self, operation: ApiOperation, incoming: Incoming, caller: Caller) -> Plan:
        """Return what will be bought: everything that is decided before money is held."""
        profile = incoming.profile or caller.response_profile or self.profile
        incoming.log.profile = profile
        snapshot = self.catalogs.current()
        view = snapshot.view(caller.models)
        with self.memory.reserved(incoming.body_bytes):
            body = await incoming.read_body()
        request = validate(body, view.vocabulary, operation.request_model)
        target = resolve(
            request.fields.model,
            incoming.provider,
            view,
            operation=operation,
            today=datetime.datetime.now(datetime.UTC).date(),
            supports=supports,
            is_healthy=self.retrier.circuits.is_healthy,
        )
        check_inputs(request, target, operation, view)
        handling = incoming.handling or self.handling
        job = adapt(
            request,
            target.model,
            handling,
            self.model_defaults.get(target.model.id),
            rule=target.rule,
        )
        candidates = await self._candidates(target)
        strict = handling == "strict"
        native = streams(candidates[0].route.binding)
        job = stream(job, request.fields, native=native, strict=strict)
        chosen = choose(candidates, job, streams, MAX_ATTEMPTS)
        is_stream = bool(request.fields.stream)
        as_url = self.images.wants_url(request.fields.response_format, stream=is_stream)
        delivery = delivery_of(
            job,
            target.model,
            [get_dialect(candidate.route.binding.dialect) for candidate in chosen],
            stream=is_stream,
            is_stored=as_url or incoming.idempotency_key is not None,
        )
        revision = snapshot.revision
        digest = f"{operation.name}:{body.digest}"
        plan = Plan(operation, target, chosen, job, revision, digest, delivery, as_url, profile)
        incoming.log.note_plan(plan, request.fields.user)
        return plan

    async def _candidates(self, target: Target) -> list[Candidate]:
        """Return the routes that there are credentials for, each with its credentials."""
        bindings = {route.binding.name: route.binding for route in target.routes}
        found = {name: await self.credentials.read(each) for name, each in bindings.items()}
        candidates = [Candidate(route, found[route.binding.name]) for route in target.routes]
        if usable := [candidate for candidate in candidates if candidate.credentials]:
            return usable
        names = ", ".join(bindings)
        raise UnavailableError(
            f"no credentials for {target.requested!r}: ProviderBinding {names}",
            code="provider_unauthorized",
        )

    def _hold_request(self, incoming: Incoming, plan: Plan) -> HoldRequest:
        key = incoming.idempotency_key
        return HoldRequest(
            request_id=incoming.request_id,
            amount=self._ceiling(plan),
            images=plan.job.images,
            model=plan.model.id,
            provider=plan.route.binding.provider,
            idempotency=None if key is None else Idempotency(key, plan.body_digest),
        )

    def _ceiling(self, plan: Plan) -> int:
        """Return the most that the request can cost, whichever candidate serves it."""
        pricings = [candidate.route.binding.pricing for candidate in plan.candidates]
        per_usd = self.micro_credits_per_usd
        return max(ceiling(plan.job, plan.model, pricing, per_usd) for pricing in pricings)

    def _expected(self, plan: Plan) -> int | None:
        pricing = plan.route.binding.pricing
        return expected(plan.job, plan.model, pricing, self.micro_credits_per_usd)

    def _cost(self, plan: Plan, calls: Sequence[FinishedCall]) -> int:
        return cost(plan.job, plan.model, calls, self.micro_credits_per_usd)

    async def _replayed(self, context: RequestContext, replay: Replay) -> Iterator[Part]:
        """Return the response that the first request with the same idempotency key got.

        Raises:
            AlreadyServedError: It was not kept.
            UnavailableError: The store cannot be asked now. Nothing was bought.
        """
        served = AlreadyServedError(replay.message, replay.request_id)
        if context.plan.stream:
            raise served
        context.log.replay_of = replay.request_id
        return parts_of(await self.idempotent_responses.find(served))

    def _sale(self, context: RequestContext, holding: Holding) -> Sale:
        plan = context.plan
        cost = partial(self._cost, plan)

        def settled(calls: Sequence[FinishedCall], settlement: Settlement) -> None:
            count_charge(plan, calls, settlement, cost)
            context.log.cost_micro_credits = settlement.charged

        return Sale(holding, cost, settled, self.settlements, context.deadline)

    def _serializer(
        self,
        incoming: Incoming,
        context: RequestContext,
        execution: Execution,
        sale: Sale,
        client: ClientPresence,
    ) -> Serializer:
        if context.plan.stream:
            return SseSerializer(context, sale, client, execution)
        is_kept = incoming.idempotency_key is not None
        keep = partial(self.idempotent_responses.keep, incoming.request_id) if is_kept else None
        return JsonSerializer(context, sale, client, partial(self._passing_headers, context), keep)

    @cached_property
    def _executor(self) -> Executor:
        return Executor(
            self.sessions, self.images, self.retrier, self.memory, self.heartbeat_seconds
        )

    def _passing_headers(self, context: RequestContext, route: Route) -> dict[str, str]:
        """Return the headers of a response that begins before its cost is known, if it is not."""
        plan, pricing = context.plan, route.binding.pricing
        headers = headers_of(plan, context.routes)
        if plan.job.images == 1 and pricing.usd is not None:
            cost = ceiling(plan.job, plan.model, pricing, self.micro_credits_per_usd)
            headers["Tintype-Cost-Micro-Credits"] = str(cost)
        return headers


def delivery_of(
    job: Job, model: Model, dialects: Sequence[Dialect], *, stream: bool, is_stored: bool
) -> Delivery:
    """Return how the images of a job reach the client, whichever of the dialects serves it."""
    if stream:
        return Delivery.EVENT_STREAM
    if is_stored:
        return Delivery.STORED
    is_one_call = job.images <= job.images_per_call(model.limits.max_images_per_call)
    as_it_comes = job.encoding is None or job.encoding.by_provider
    may_pass = all(dialect.FIRST_IMAGE is not None for dialect in dialects)
    passes = is_one_call and as_it_comes and may_pass
    return Delivery.PASS_THROUGH if passes else Delivery.BUFFERED
