"""The way of one request, from the key in its header to the pictures in its answer."""

import datetime
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from tintype_gateway.api.credits import statement
from tintype_gateway.auth.call_limits import CallLimits
from tintype_gateway.auth.jwt.verifier import JwtVerifier
from tintype_gateway.billing.cost import ceiling, cost, expected
from tintype_gateway.billing.delivery_receipts import Deliveries
from tintype_gateway.billing.quote import quotation
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.course import Course
from tintype_gateway.dialects.registry import dialect, streams, supports
from tintype_gateway.errors import AlreadyServedError, UnavailableError, ledger_unavailable
from tintype_gateway.faults import error_of, gravest
from tintype_gateway.images.tools import ImageTools
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.interface import Caller, Hold, Idempotency, Ledger, Profile, Settlement
from tintype_gateway.pipeline.json_serializer import respond
from tintype_gateway.pipeline.request_metrics import count_charge, facts_of
from tintype_gateway.pipeline.response_headers import headers_of
from tintype_gateway.pipeline.stages.adapt import Handling, adapt
from tintype_gateway.pipeline.stages.authenticate import authenticate
from tintype_gateway.pipeline.stages.hold import Purchase, held
from tintype_gateway.pipeline.stages.resolve import resolve
from tintype_gateway.pipeline.stages.select_routes import choose
from tintype_gateway.pipeline.stages.settle import settle
from tintype_gateway.pipeline.stages.stream import stream
from tintype_gateway.pipeline.stages.validate import validate
from tintype_gateway.runtime.memory_budget import MemoryBudget, most_held
from tintype_gateway.splice.splice import Outlet, Splice
from tintype_gateway.storage.idempotent_responses import Replays
from tintype_gateway.streaming.happenings import Happenings
from tintype_gateway.streaming.relay import Relay, Stream, Write
from tintype_gateway.streaming.till import Till
from tintype_gateway.upstream.credentials import CredentialSource
from tintype_gateway.upstream.executor import ProviderCalls
from tintype_gateway.upstream.retry import Attempts
from tintype_gateway.upstream.retry_budget import MAX_ATTEMPTS
from tintype_gateway.upstream.sessions import Sessions
from tintype_gateway.upstream.translate import divide
from tintype_gateway.values import (
    FailedCall,
    FinishedCall,
    ForcedProvider,
    Plan,
    Response,
    Route,
    Target,
    Way,
)


@dataclass(frozen=True)
class Incoming:
    """A request as it arrives, with its body still to be read."""

    request_id: str
    read_body: Callable[[], Awaitable[bytes]]
    body_bytes: int = 0
    """How long the body may be."""

    authorization: str | None = None
    provider: ForcedProvider | None = None
    handling: Handling | None = None
    profile: Profile | None = None
    idempotency_key: str | None = None
    until_answered: ExitStack = field(default_factory=ExitStack)
    """Closed by whoever sends the answer, when it is sent."""

    facts: dict[str, Any] = field(default_factory=dict)
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
    profile: Profile = "router"
    """The shape of responses where neither the request nor its account chooses one."""

    model_defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The server's own defaults of request fields, by model id."""

    jwts: JwtVerifier = field(default_factory=JwtVerifier)
    images: ImageTools = field(default_factory=ImageTools)
    replays: Replays = field(default_factory=Replays)
    heartbeat_seconds: float = 15.0
    """After how long a silence a stream gets a sign of life."""

    deliveries: Deliveries = field(default_factory=Deliveries)
    attempts: Attempts = field(default_factory=Attempts)
    memory: MemoryBudget = field(default_factory=MemoryBudget)
    calls: CallLimits = field(default_factory=CallLimits)

    async def generate(self, incoming: Incoming, outlet: Outlet) -> Response | Stream:
        """Serve `POST /v1/images/generations`. A stream begins when it is relayed.

        The first picture of an answer may have gone through the `outlet` before this returns.

        Raises:
            GatewayError: The client gets an error, and pays nothing.
            ConnectionError: The client left.
        """
        caller = await self.authenticate(incoming)
        plan = await self._plan(incoming, caller)
        most = most_held(plan, passes_on=self._passes_on(incoming, plan))
        incoming.until_answered.enter_context(self.memory.pledged(most))
        course = Course.begin(plan, incoming.facts)
        if plan.stream:
            headers = partial(_headers_now, course)
            return Stream(headers, partial(self._relay, incoming, caller, course))
        try:
            return await self._buy(incoming, caller, course, outlet)
        except AlreadyServedError as served:
            incoming.facts["replay_of"] = served.request_id
            return await self.replays.find(served)

    async def _buy(
        self, incoming: Incoming, caller: Caller, course: Course, outlet: Outlet
    ) -> Response:
        """Return an answer that is paid for, and kept for a repeat where the client may send one.

        Raises:
            GatewayError: The client gets an error, and pays nothing.
        """
        plan = course.plan
        async with held(caller, self._purchase(incoming, plan), self.ledger) as hold:
            is_kept = incoming.idempotency_key is not None
            calls, failed = await self._call_all(course, None if is_kept else outlet)
            settlement = await self._charge(incoming, plan, hold, calls)
        response = respond(plan, calls, failed, settlement, hold)
        if is_kept:
            images = [image for call in calls for image in call.images]
            await self.replays.keep(incoming.request_id, response, images)
        return response

    async def _relay(
        self, incoming: Incoming, caller: Caller, course: Course, write: Write
    ) -> Hold:
        """Relay a stream, and return what paid for it.

        Raises:
            GatewayError: The client gets an error, and pays for what it has been sent.
            ConnectionError: The client left, and pays for what it has been sent.
        """
        plan = course.plan
        async with held(caller, self._purchase(incoming, plan), self.ledger) as hold:
            till = Till(partial(self._cost, plan), partial(self._charge, incoming, plan, hold))
            relay = Relay(course, till, write, self.heartbeat_seconds)
            async with self._happenings(course) as happenings:
                await relay.run(happenings)
        return hold

    async def quote(self, incoming: Incoming) -> dict[str, Any]:
        """Serve `POST /v1/images/quote`: what the same body would get, and cost at most.

        Raises:
            GatewayError: The request would get this error.
        """
        caller = await self.authenticate(incoming)
        plan = await self._plan(incoming, caller)
        return quotation(plan, self._ceiling(plan), self._expected(plan))

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
        return statement(account, used, first, self.micro_credits_per_usd)

    async def authenticate(self, incoming: Incoming) -> Caller:
        """Return who is asking, and count the call.

        Raises:
            AuthenticationError: Nobody whom we know.
            RateLimitError: The account makes more calls than it may.
        """
        caller = await authenticate(incoming.authorization, self.ledger, self.jwts)
        incoming.facts.update(account=caller.account, key=caller.key_id)
        self.calls.take(caller)
        return caller

    async def _plan(self, incoming: Incoming, caller: Caller) -> Plan:
        """Return what will be bought: everything that is decided before money is held."""
        profile = incoming.profile or caller.response_profile or self.profile
        incoming.facts["profile"] = profile
        snapshot = self.catalogs.current()
        view = snapshot.view(caller.models)
        with self.memory.pledged(incoming.body_bytes):
            body = await incoming.read_body()
        request = validate(body, view.vocabulary)
        target = resolve(
            request.fields.model,
            incoming.provider,
            view,
            today=datetime.datetime.now(datetime.UTC).date(),
            supports=supports,
            is_healthy=self.attempts.circuits.is_healthy,
        )
        job = adapt(
            request,
            target.model,
            incoming.handling or self.handling,
            self.model_defaults.get(target.model.id),
        )
        digest = hashlib.sha256(body).hexdigest()
        ways = await self._ways(target)
        strict = (incoming.handling or self.handling) == "strict"
        native = streams(ways[0].route.binding)
        job = stream(job, request.fields, native=native, strict=strict)
        plan = Plan(
            target,
            choose(ways, job, streams, MAX_ATTEMPTS),
            job,
            snapshot.revision,
            digest,
            stream=bool(request.fields.stream),
            as_url=self.images.wants_url(request.fields),
            profile=profile,
        )
        incoming.facts.update(facts_of(plan, request.fields.user))
        return plan

    async def _ways(self, target: Target) -> list[Way]:
        """Return the routes that we have credentials for, and these."""
        bindings = {route.binding.name: route.binding for route in target.routes}
        found = {name: await self.credentials.read(each) for name, each in bindings.items()}
        ways = [Way(route, found[route.binding.name]) for route in target.routes]
        if usable := [way for way in ways if way.credentials]:
            return usable
        names = ", ".join(bindings)
        raise UnavailableError(
            f"no credentials for {target.requested!r}: ProviderBinding {names}",
            code="provider_unauthorized",
        )

    def _purchase(self, incoming: Incoming, plan: Plan) -> Purchase:
        key = incoming.idempotency_key
        return Purchase(
            request_id=incoming.request_id,
            amount=self._ceiling(plan),
            images=plan.job.images,
            model=plan.model.id,
            provider=plan.route.binding.provider,
            idempotency=None if key is None else Idempotency(key, plan.body_digest),
        )

    def _ceiling(self, plan: Plan) -> int:
        """Return the most that the request can cost, whichever way it goes."""
        pricings = [way.route.binding.pricing for way in plan.ways]
        per_usd = self.micro_credits_per_usd
        return max(ceiling(plan.job, plan.model, pricing, per_usd) for pricing in pricings)

    def _expected(self, plan: Plan) -> int | None:
        pricing = plan.route.binding.pricing
        return expected(plan.job, plan.model, pricing, self.micro_credits_per_usd)

    def _cost(self, plan: Plan, calls: Sequence[FinishedCall]) -> int:
        return cost(plan.job, plan.model, calls, self.micro_credits_per_usd)

    async def _charge(
        self, incoming: Incoming, plan: Plan, hold: Hold, calls: Sequence[FinishedCall]
    ) -> Settlement:
        images = sum(len(call.images) for call in calls)
        settlement = await settle(hold, self._cost(plan, calls), images, self.ledger)
        count_charge(plan, calls, settlement, partial(self._cost, plan))
        incoming.facts["cost_micro_credits"] = settlement.charged
        return settlement

    def _happenings(self, course: Course) -> Happenings:
        planned = list(divide(course.plan.job, course.plan.model))
        make = partial(self._provider_calls.make, course)
        return Happenings(planned, make, course.plan.job.partial_images)

    async def _call_all(
        self, course: Course, outlet: Outlet | None
    ) -> tuple[list[FinishedCall], list[FailedCall]]:
        """Return the calls that gave pictures and those that did not, or the fault of them all.

        The answer of an only call may go through the `outlet`.
        """
        planned = list(divide(course.plan.job, course.plan.model))
        splicing = partial(self._splice, course, outlet if len(planned) == 1 else None)
        results = await self._provider_calls.make_all(course, planned, splicing)
        failed = [result for result in results if isinstance(result, FailedCall)]
        calls = [result for result in results if isinstance(result, FinishedCall)]
        if not calls:
            worst = gravest(failed)
            raise error_of(worst.fault, worst.route) from worst.fault
        return calls, failed

    @cached_property
    def _provider_calls(self) -> ProviderCalls:
        return ProviderCalls(self.sessions, self.images, self.attempts)

    def _passes_on(self, incoming: Incoming, plan: Plan) -> bool:
        """Return whether the first picture need not be in memory as a whole."""
        is_one_call = plan.job.images <= plan.job.images_per_call(
            plan.model.limits.max_images_per_call
        )
        encoding = plan.job.encoding
        as_it_comes = encoding is None or encoding.by_provider
        is_kept = incoming.idempotency_key is not None or plan.as_url
        languages = (dialect(way.route.binding.dialect) for way in plan.ways)
        return (
            (is_one_call and as_it_comes)
            and not (is_kept or plan.stream)
            and all(language.FIRST_PICTURE is not None for language in languages)
        )

    def _splice(self, course: Course, outlet: Outlet | None, route: Route) -> Splice | None:
        """Return what passes the picture of an answer on, where the client wants it as it comes."""
        plan, pricing = course.plan, route.binding.pricing
        pattern = dialect(route.binding.dialect).FIRST_PICTURE
        if outlet is None or pattern is None or plan.as_url:
            return None
        headers = _headers_now(course)
        if plan.job.images == 1 and pricing.usd is not None:
            cost = ceiling(plan.job, plan.model, pricing, self.micro_credits_per_usd)
            headers["Tintype-Cost-Micro-Credits"] = str(cost)
        return Splice(pattern, plan, headers, outlet)


def _headers_now(course: Course) -> dict[str, str]:
    return headers_of(course.plan, course.routes)
