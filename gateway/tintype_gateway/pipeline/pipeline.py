"""One request, stage by stage, from the key in its header to the images in its response."""

import datetime
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from tintype_gateway.api.credits import credits_response
from tintype_gateway.api.operations import ApiOperation
from tintype_gateway.api.response_headers import headers_of
from tintype_gateway.auth.call_limits import CallLimits
from tintype_gateway.auth.jwt.verifier import JwtVerifier
from tintype_gateway.billing.cost import ceiling, cost, expected, quotation, unpaid
from tintype_gateway.billing.holding import Holding
from tintype_gateway.billing.sale import DeliveryReceipts, Sale
from tintype_gateway.billing.settlements import Settlements
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.errors import AlreadyServedError, ledger_unavailable
from tintype_gateway.guardrails.guard import Guardrail
from tintype_gateway.holds import HoldRequest
from tintype_gateway.ledger.budgets import least_remaining
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.interface import (
    Caller,
    Hold,
    Idempotency,
    Ledger,
    Profile,
    Settlement,
)
from tintype_gateway.pipeline.client_presence import ClientPresence
from tintype_gateway.pipeline.incoming import Incoming
from tintype_gateway.pipeline.json_serializer import JsonSerializer, parts_of
from tintype_gateway.pipeline.planner import Planner
from tintype_gateway.pipeline.request_metrics import count_charge
from tintype_gateway.pipeline.sse_serializer import SseSerializer
from tintype_gateway.pipeline.stages.adapt import Handling
from tintype_gateway.pipeline.stages.authenticate import authenticate
from tintype_gateway.pipeline.stages.hold import Replay, check_funds, held
from tintype_gateway.request_context import RequestContext
from tintype_gateway.runtime.memory_budget import MemoryBudget, bytes_reserved
from tintype_gateway.storage.idempotent_responses import IdempotentResponses
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.upstream.credentials import CredentialSource
from tintype_gateway.upstream.executor import Execution, Executor
from tintype_gateway.upstream.polling import Polling
from tintype_gateway.upstream.retry import Retrier
from tintype_gateway.upstream.sessions import Sessions
from tintype_gateway.upstream.translate import check_translation
from tintype_gateway.values.events import FinishedCall
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.response import Part
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import ResponseLimits


def utc_now() -> datetime.datetime:
    """Return the time in UTC."""
    return datetime.datetime.now(datetime.UTC)


Serializer = JsonSerializer | SseSerializer
"""Turns the events of the executor into a response."""


@dataclass(frozen=True)
class Pipeline:
    """The state that all requests share."""

    catalogs: CatalogStore
    ledger: Ledger
    credentials: CredentialSource
    sessions: Sessions
    polling: Polling
    handling: Handling
    micro_credits_per_usd: int
    settlements: Settlements
    profile: Profile = "router"
    """The response profile if neither the request nor its account chooses one."""

    model_defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The server's own defaults of request fields, by model id."""

    jwts: JwtVerifier = field(default_factory=JwtVerifier)
    images: ImageTools = field(default_factory=ImageTools)
    idempotent_responses: IdempotentResponses = field(default_factory=IdempotentResponses)
    heartbeat_seconds: float = 15.0
    """The time without an event after which a stream gets a heartbeat."""

    delivery_receipts: DeliveryReceipts = field(default_factory=DeliveryReceipts)
    retrier: Retrier = field(default_factory=Retrier)
    memory: MemoryBudget = field(default_factory=MemoryBudget)
    keep_input_metadata: bool = False
    """Whether providers get the EXIF, XMP and other metadata of photos."""

    calls: CallLimits = field(default_factory=CallLimits)
    response_limits: ResponseLimits = field(default_factory=ResponseLimits)
    guardrail: Guardrail | None = None
    """What judges prompts and images; None without a policy service."""

    now: Callable[[], datetime.datetime] = utc_now
    """The clock by which prices change."""

    async def serve(
        self, operation: ApiOperation, incoming: Incoming, client: ClientPresence
    ) -> AsyncGenerator[Part, None]:
        """Serve a request for an operation: yield the response, part by part.

        An image is sold when its first byte is yielded. From then on `client` is committed: iterate
        to the end even if the client disconnects. Before that, closing this generator, or
        cancelling the task that iterates it, cancels the request, and nothing is charged.

        Raises:
            GatewayError: The client gets an error, and is charged only for images it was sent.
        """
        caller = await self.authenticate(incoming)
        plan = await self.plan(operation, incoming, caller)
        if self.guardrail is not None:
            plan = await self.guardrail.admitted(plan, caller, incoming.request_id, incoming.log)
        plan = self.priced(plan)
        with self.memory.reserved(bytes_reserved(plan)) as reservation:
            context = RequestContext.begin(plan, incoming.request_id, incoming.log, reservation)
            serializer: Serializer | None = None
            try:
                async with held(caller, self.hold_request(incoming, plan), self.ledger) as holding:
                    if isinstance(holding, Replay):
                        for part in await self._replayed(context, holding):
                            yield part
                        return
                    execution = self.executor.execution(context)
                    with self._sale(context, holding) as sale:
                        serializer = self._serializer(incoming, context, execution, sale, client)
                        async with (
                            aclosing(execution.events()) as events,
                            aclosing(serializer.parts(events)) as parts,
                        ):
                            async for part in parts:
                                yield part
                                del part  # an image is megabytes, and the next part may take long
            except Exception as error:
                if serializer is None:
                    raise
                for part in serializer.failed(error):
                    yield part

    async def quote(self, operation: ApiOperation, incoming: Incoming) -> dict[str, Any]:
        """Serve the quote of an operation: route, adjustments and cost of the same body.

        Raises:
            GatewayError: The request would get this error.
        """
        caller = await self.authenticate(incoming)
        plan = self.priced(await self.plan(operation, incoming, caller))
        most = self._ceiling(plan)
        account = await check_funds(caller, plan.model.id, most, self.ledger)
        check_translation(plan)
        remaining = least_remaining(account.windows, plan.model.id)
        return quotation(plan, most, self._expected(plan), remaining)

    async def credits(self, incoming: Incoming) -> dict[str, Any]:
        """Serve `GET /v1/credits`: the credits of the caller's account and its usage this month.

        Raises:
            GatewayError: The caller is unknown, or the ledger is unavailable.
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
        """Return the caller, and count the call.

        Raises:
            AuthenticationError: The key or token is missing or unknown.
            RateLimitError: The account has exceeded its limit of calls.
        """
        caller = await authenticate(incoming.authorization, self.ledger, self.jwts)
        incoming.log.account, incoming.log.key = caller.account, caller.key_id
        self.calls.take(caller)
        return caller

    async def plan(self, operation: ApiOperation, incoming: Incoming, caller: Caller) -> Plan:
        """Return the plan of a request, whose prices are not fixed yet.

        Raises:
            GatewayError: The request cannot be served.
        """
        return await self.planner.plan(operation, incoming, caller)

    def priced(self, plan: Plan) -> Plan:
        """Return a plan at the prices of this moment: its hold is made next."""
        return plan.at(self.now())

    def hold_request(self, incoming: Incoming, plan: Plan) -> HoldRequest:
        """Return the request for the hold of a plan's ceiling."""
        key = incoming.idempotency_key
        return HoldRequest(
            request_id=incoming.request_id,
            amount=self._ceiling(plan),
            images=plan.job.images,
            model=plan.model.id,
            provider=plan.route.binding.provider,
            user=plan.user or "",
            idempotency=None if key is None else Idempotency(key, plan.body_digest),
        )

    def _ceiling(self, plan: Plan) -> int:
        """Return the ceiling of the request's cost over all candidates."""
        pricings = [candidate.route.binding.pricing for candidate in plan.candidates]
        per_usd = self.micro_credits_per_usd
        return max(ceiling(plan.job, plan.model, pricing, per_usd) for pricing in pricings)

    def _expected(self, plan: Plan) -> int | None:
        pricing = plan.route.binding.pricing
        return expected(plan.job, plan.model, pricing, self.micro_credits_per_usd)

    def cost(self, plan: Plan, calls: Sequence[FinishedCall]) -> int:
        """Return the cost of all calls of a plan together, in micro-credits."""
        return cost(plan.job, plan.model, calls, self.micro_credits_per_usd)

    def unpaid(self, plan: Plan, calls: Sequence[FinishedCall]) -> int:
        """Return what providers report above the ceilings of their calls, in micro-credits."""
        return unpaid(plan.job, plan.model, calls, self.micro_credits_per_usd)

    async def _replayed(self, context: RequestContext, replay: Replay) -> Iterator[Part]:
        """Return the response that the first request with the same idempotency key got.

        Raises:
            AlreadyServedError: The response was not stored.
            UnavailableError: The store is unavailable. Nothing was charged.
        """
        served = AlreadyServedError(replay.message, replay.request_id)
        if context.plan.stream:
            raise served
        context.log.replay_of = replay.request_id
        return parts_of(await self.idempotent_responses.find(served))

    def _sale(self, context: RequestContext, holding: Holding) -> Sale:
        plan = context.plan
        cost = partial(self.cost, plan)

        def settled(calls: Sequence[FinishedCall], settlement: Settlement) -> None:
            count_charge(plan, calls, settlement, cost, partial(self.unpaid, plan))
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
        passing = partial(self._passing_headers, context, sale.receipt)
        return JsonSerializer(context, sale, client, passing, keep)

    @cached_property
    def planner(self) -> Planner:
        """What makes the plans of all requests."""
        return Planner(
            self.catalogs,
            self.credentials,
            self.images,
            self.retrier.circuits,
            self.memory,
            handling=self.handling,
            profile=self.profile,
            model_defaults=self.model_defaults,
            keep_input_metadata=self.keep_input_metadata,
        )

    @cached_property
    def executor(self) -> Executor:
        """What makes the calls of all requests."""
        return Executor(
            self.sessions,
            self.images,
            self.retrier,
            self.polling,
            self.memory,
            self.heartbeat_seconds,
            self.response_limits,
            None if self.guardrail is None else self.guardrail.judge,
        )

    def _passing_headers(self, context: RequestContext, hold: Hold, route: Route) -> dict[str, str]:
        """Return the headers of a response that starts before its cost may be known."""
        plan, pricing = context.plan, route.binding.pricing
        headers = headers_of(plan, context.routes, hold)
        is_known = pricing.type == "per_image" and pricing.charge == "Table"
        if plan.job.images == 1 and is_known:
            cost = ceiling(plan.job, plan.model, pricing, self.micro_credits_per_usd)
            headers["Tintype-Cost-Micro-Credits"] = str(cost)
        return headers
