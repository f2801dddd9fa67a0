"""A gateway in the test's process: the real application over loopback, with its ledger in a file
and a simulator as the provider.

    async with running_gateway(tmp_path) as gateway, gateway.openai() as client:
        await client.images.generate(model="gpt-image-1", prompt="a red fox")

Closing it audits the ledger: the entries must add up, and no hold may be open.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
from openai import AsyncOpenAI
from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from typing_extensions import override

from tintype_catalog.addresses import Reach
from tintype_catalog.catalog import Catalog
from tintype_catalog.compiler import compile_manifests
from tintype_gateway.auth.admin.roles import Role
from tintype_gateway.auth.jwt.issuers import Issuer
from tintype_gateway.catalog.folder import ManifestFolder
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.composition import Parts, compose, listening
from tintype_gateway.demo import FOLDERS
from tintype_gateway.http.app import AdminApp
from tintype_gateway.http.connection_limits import ConnectionLimits
from tintype_gateway.jobs.service import JobService
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.interface import Account, Ledger, Profile
from tintype_gateway.pipeline.pipeline import utc_now
from tintype_gateway.pipeline.stages.adapt import Handling
from tintype_gateway.runtime.memory_budget import MemoryBudget
from tintype_gateway.server import REHEARSAL, STARTER
from tintype_gateway.settings import GatewaySettings
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.upstream.credentials import CredentialSource, SimulatedCredentials
from tintype_gateway.upstream.polling import Pauses
from tintype_gateway.upstream.retry import Retrier
from tintype_gateway.values.upstream import ResponseLimits
from tintype_gateway.webhooks.sender import Sender
from tintype_simulator.app import running
from tintype_testing.http import http_client
from tintype_testing.manifests import Manifest, image_model, provider_binding
from tintype_testing.waiting import eventually_equal

Source = Callable[[CatalogStore], Coroutine[Any, Any, None]]
"""What keeps a catalog up to date, such as `ManifestFolder.follow`."""

ACCOUNT = "studio"
CREDITS_MICRO = 1_000_000_000
"""What the account has, if a test does not say otherwise."""

MAX_REQUEST_BYTES = 64 * 1024
"""Enough for the longest prompt that a model takes, and soon exceeded."""

SHUTDOWN_SECONDS = 0.5
"""What requests in flight have left when a gateway is closed."""


@dataclass(frozen=True)
class Gateway:
    """A running gateway: where it listens, what stands behind it, and a key to it."""

    url: str
    """The base URL, without `/v1`."""

    admin: AdminApp
    admin_url: str
    simulator: str
    """The base URL of the simulator."""

    catalogs: CatalogStore
    ledger: Ledger
    ledger_path: Path
    key: str = field(repr=False)
    """A key of the account `studio`."""

    jobs: JobService
    """What takes and shows its jobs."""

    webhooks: Sender
    """What sends webhooks, while a test runs it."""

    def openai(self, **options: Any) -> AsyncOpenAI:
        """Return OpenAI's own client, which does not retry by default."""
        given: dict[str, Any] = {"api_key": self.key, "max_retries": 0}
        return AsyncOpenAI(base_url=f"{self.url}/v1", **given | options)

    def http(self) -> httpx2.AsyncClient:
        """Return a client that sends just what it is given, and the account's key."""
        return http_client(self.url, headers={"Authorization": f"Bearer {self.key}"})

    async def generate(
        self, headers: dict[str, str] | None = None, **fields: Any
    ) -> httpx2.Response:
        """Ask for an image, of `canvas` if the fields name no model, and return the response."""
        body = {"model": "canvas", "prompt": "a red fox"} | fields
        async with self.http() as http:
            return await http.post("/v1/images/generations", json=body, headers=headers)

    async def script(self, *faults: Mapping[str, object]) -> None:
        """Let the next calls to the provider meet these faults, in turn."""
        async with http_client(self.simulator) as http:
            response = await http.put("/_simulator/faults", json=faults)
            assert response.status_code == 204, response.text

    async def upstream_calls(self) -> list[dict[str, Any]]:
        """Return the bodies of all calls that the provider received."""
        async with http_client(self.simulator) as http:
            received = (await http.get("/_simulator/requests")).json()
            return [call["body"] for call in received]

    async def forget_calls(self) -> None:
        """Clear the list of calls that the provider received."""
        async with http_client(self.simulator) as http:
            await http.delete("/_simulator/requests")

    async def has_called(self) -> bool:
        """Return whether the provider has received a call."""
        return bool(await self.upstream_calls())

    async def end_jobs(self) -> None:
        """Cancel the jobs of the account `studio` that are queued, which hold credits."""
        for job in await self.ledger.jobs(ACCOUNT, "queued", limit=100):
            await self.ledger.cancel_job(ACCOUNT, job.id)

    async def account(self) -> Account:
        """Return what the account `studio` has."""
        return await self.ledger.account(ACCOUNT)


class _GivenSettings(GatewaySettings):
    """Settings that a test gives: the environment is not read, which takes a fifth of a start."""

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


@asynccontextmanager
async def running_gateway(
    folder: Path,
    *manifests: Manifest,
    simulator: str | None = None,
    source: Source | None = None,
    credits_micro: int = CREDITS_MICRO,
    unlimited: bool = False,
    credentials: CredentialSource | None = None,
    handling: Handling = "lenient",
    profile: Profile = "router",
    admin_token: str | None = None,
    admin_service_accounts: Mapping[str, Role] | None = None,
    kubeconfig: Path | None = None,
    issuers: Sequence[Issuer] = (),
    heartbeat_seconds: float = 15,
    images: ImageTools | None = None,
    retrier: Retrier | None = None,
    pauses: Pauses | None = None,
    endpoints: Reach = Reach.ANYWHERE,
    public_models: bool = False,
    cors_origins: Sequence[str] = (),
    max_connections: int | None = None,
    memory: MemoryBudget | None = None,
    connection_limits: ConnectionLimits | None = None,
    response_limits: ResponseLimits | None = None,
    now: Callable[[], datetime] = utc_now,
    job_settings: Mapping[str, Any] | None = None,
    guardrail_settings: Mapping[str, Any] | None = None,
) -> AsyncIterator[Gateway]:
    """Run a gateway whose data is in `folder`.

    It serves what `source` brings, or the given manifests, or the starter catalog as
    `tintype gateway --simulate` does; the provider is the running `simulator`, or one of its own.
    Retries do not pause, and polls hardly, unless the provider asks for it. `job_settings` are
    those of `GatewaySettings` whose names begin with `jobs_`; by default, no job is run.
    `guardrail_settings` are those that begin with `guardrail_`.
    """
    async with AsyncExitStack() as stack:
        if simulator is None:
            simulator = await stack.enter_async_context(running())
        path = folder / "ledger.db"
        settings = _GivenSettings(
            data_dir=folder,
            port=0,
            admin_port=0,
            admin_token=None if admin_token is None else SecretStr(admin_token),
            admin_service_accounts=admin_service_accounts or {},
            kubeconfig=kubeconfig,
            allow_private_endpoints=Reach.PRIVATE in endpoints,
            allow_loopback_endpoints=Reach.LOOPBACK in endpoints,
            cors_origins=tuple(cors_origins),
            jwt_issuers=tuple(issuers),
            max_connections=max_connections,
            max_request_bytes=MAX_REQUEST_BYTES,
            parameter_handling=handling,
            public_models=public_models,
            response_profile=profile,
            stream_heartbeat_seconds=heartbeat_seconds,
            **{"jobs_concurrency": 0, **(job_settings or {}), **(guardrail_settings or {})},
        )
        parts = Parts(
            ledger=open_ledger(f"sqlite:///{path}", busy_timeout_seconds=0.2),
            credentials=credentials or SimulatedCredentials(),
            images=images or ImageTools(),
            memory=memory or MemoryBudget(),
            retrier=retrier or Retrier(draw=lambda: 0.0),
            pauses=pauses or Pauses(first=0.02, longest=0.1),
            connection_limits=connection_limits or ConnectionLimits(),
            response_limits=response_limits or ResponseLimits(),
            settle_seconds=0,
            drain_seconds=SHUTDOWN_SECONDS,
            now=now,
        )
        composed = await compose(settings, stack, parts)
        ledger, store = composed.ledger, composed.catalogs
        await ledger.create_account(
            ACCOUNT, credits_micro=0 if unlimited else credits_micro, unlimited=unlimited
        )
        _, key = await ledger.create_key(ACCOUNT)
        if source is not None:
            stack.push_async_callback(_cancel, asyncio.create_task(source(store)))
        else:
            catalog = catalog_of(manifests, simulator) if manifests else _starter_at(simulator)
            store.offer(catalog, 1, "test")
        follow = asyncio.create_task(composed.jobs.changes.follow())
        stack.push_async_callback(_cancel, follow)
        if composed.worker is not None:
            await stack.enter_async_context(composed.worker.running(store.arrived))
        serving = listening(composed, settings, drain_seconds=SHUTDOWN_SECONDS)
        url, admin_url = await stack.enter_async_context(serving)
        admin = composed.admin
        yield Gateway(
            url,
            admin,
            admin_url,
            simulator,
            store,
            ledger,
            path,
            key,
            composed.jobs,
            composed.webhooks,
        )
        await check_the_books(ledger)


def canvas(**spec: Any) -> list[Manifest]:
    """Return a model `canvas` of one small size that is soon painted, at 0.040 USD an image."""
    model = image_model(size={"mode": "List", "sizes": ["256x256"]})
    return [model, provider_binding(**{"upstreamModel": "dall-e-2"} | spec)]


def towards(manifest: Manifest, simulator: str) -> Manifest:
    """Return a manifest whose provider is the simulator, unless it has an endpoint already."""
    if manifest["kind"] != "ProviderBinding":
        return manifest
    spec = manifest["spec"]
    endpoint = simulator + FOLDERS.get(spec["dialect"], "")
    return manifest | {"spec": {"endpoint": endpoint} | spec}


def catalog_of(manifests: Sequence[Manifest], simulator: str) -> Catalog:
    """Return the catalog of sound manifests whose provider is the simulator."""
    catalog, problems = compile_manifests([towards(item, simulator) for item in manifests])
    assert not problems, problems
    return catalog


async def check_the_books(ledger: Ledger) -> None:
    """Fail where the ledger does not add up, or an ended request goes on holding credits."""
    problems: Sequence[str] = ()

    async def open_holds() -> int:
        nonlocal problems
        audit = await ledger.audit()
        problems = audit.problems
        return audit.open_holds

    await eventually_equal(open_holds, 0)  # a client that has just left has its credits soon
    assert problems == ()


SOMEWHERE = "http://simulator.test"


def _starter_at(simulator: str) -> Catalog:
    """Return the starter catalog whose provider is the simulator."""
    catalog = _starter()
    bindings = tuple(
        each.model_copy(update={"endpoint": (each.endpoint or "").replace(SOMEWHERE, simulator)})
        for each in catalog.bindings
    )
    return catalog.model_copy(update={"bindings": bindings})


@cache
def _starter() -> Catalog:
    """Return the starter catalog, which is compiled once for hundreds of gateways."""
    return catalog_of(ManifestFolder(STARTER, (REHEARSAL,)).read(), SOMEWHERE)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
