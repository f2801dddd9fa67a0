"""The object graph of a gateway, built from its settings: the one composition root.

The server and the tests build their gateways here. A test replaces parts with its own `Parts`;
everything else is the same as in production.
"""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from aiohttp import web

from tintype_catalog.addresses import Egress, Reach
from tintype_gateway.auth.admin.factory import open_admin_access
from tintype_gateway.auth.call_limits import CallLimits
from tintype_gateway.auth.jwt.verifier import create_verifier
from tintype_gateway.billing.settlement_journal import Journal
from tintype_gateway.billing.settlements import Settlements
from tintype_gateway.catalog import sources
from tintype_gateway.catalog.loading import CatalogLoader, LastGood
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.guardrails.factory import open_guardrail
from tintype_gateway.http.app import AdminApp, create_app
from tintype_gateway.http.bodies.images import ImageBodies
from tintype_gateway.http.bodies.limits import UploadLimits
from tintype_gateway.http.connection_limits import BodyPace, ConnectionLimits
from tintype_gateway.http.drain import create_runner
from tintype_gateway.images.converter import Converter
from tintype_gateway.jobs.factory import create_service, create_worker
from tintype_gateway.jobs.sealing import Sealing, open_sealing
from tintype_gateway.jobs.service import JobService
from tintype_gateway.jobs.webhook_endpoints import open_job_endpoints
from tintype_gateway.jobs.webhook_secrets import WebhookSecrets
from tintype_gateway.jobs.webhooks import JobWebhooks
from tintype_gateway.jobs.worker import Worker
from tintype_gateway.ledger.caching import cached
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.instrumented import instrumented
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.pipeline.pipeline import Pipeline, utc_now
from tintype_gateway.runtime.memory_budget import MemoryBudget, memory
from tintype_gateway.runtime.spool import Spools
from tintype_gateway.settings import GatewaySettings
from tintype_gateway.storage.factory import open_store
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.idempotent_responses import IdempotentResponses
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.upstream.circuit_breaker import export_circuits
from tintype_gateway.upstream.credentials import (
    Credentials,
    CredentialSource,
    SimulatedCredentials,
)
from tintype_gateway.upstream.image_urls import ImageFetcher
from tintype_gateway.upstream.polling import Pauses, Polling
from tintype_gateway.upstream.retry import Retrier
from tintype_gateway.upstream.sessions import open_session, open_sessions
from tintype_gateway.upstream.slots import Slots
from tintype_gateway.upstream.task_cancels import TaskCancels
from tintype_gateway.upstream.tls import TlsFiles
from tintype_gateway.values.upstream import ResponseLimits
from tintype_gateway.webhooks.factory import open_sender
from tintype_gateway.webhooks.sender import Sender
from tintype_kubernetes.client import connect
from tintype_kubernetes.config import load_config

Following = Coroutine[None, None, None]
"""A background task that runs until it is cancelled."""

LAST_GOOD_FILE = "last-good-catalog.json"
"""The path of the last good catalog in the data folder."""


async def follow_catalog(
    settings: GatewaySettings, store: CatalogStore, stack: AsyncExitStack
) -> list[Following]:
    """Return the tasks that watch the channels of a published catalog; none without one."""
    if not settings.has_published_catalog:
        return []
    loader = CatalogLoader(store, LastGood(settings.data_dir / LAST_GOOD_FILE))
    await loader.restore()
    channels: list[Following] = []
    if settings.catalog_mount is not None:
        channels.append(sources.follow_mount(settings.catalog_mount, loader))
    if (name := settings.catalog_configmap) is not None:
        config = load_config(settings.kubeconfig)
        client = await stack.enter_async_context(connect(config))
        channels.append(
            sources.follow_config_map(client, settings.namespace or config.namespace, name, loader)
        )
    return channels


async def follow_credentials(
    settings: GatewaySettings, credentials: Credentials, stack: AsyncExitStack
) -> list[Following]:
    """Return the tasks that watch the credentials; load those of the folder now.

    Raises:
        OSError: The folder cannot be read.
    """
    channels: list[Following] = []
    if (folder := settings.credentials_dir) is not None:
        await credentials.load_folder(folder)
        channels.append(credentials.follow_folder(folder))
    if (name := settings.credentials_secret) is not None:
        config = load_config(settings.kubeconfig)
        client = await stack.enter_async_context(connect(config))
        namespace = settings.namespace or config.namespace
        channels.append(credentials.follow_secret(client, namespace, name))
    return channels


JOURNALS = "settlements"
"""The folder of the journals of settlements, in the data folder."""

SETTLE_SECONDS = 5
"""How long due charges are retried at shutdown. The journal has the remaining ones."""

SLOTS_SECONDS = 5
"""How long the return of slots may take at shutdown. Those that remain return by time."""

DRAIN_SECONDS = 180
"""How long requests in flight may take after a signal: images take up to a minute."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Parts that the caller provides. The settings determine those that are None."""

    ledger: Ledger | None = None
    credentials: CredentialSource | None = None
    tls: TlsFiles = field(default_factory=TlsFiles)
    images: ImageTools | None = None
    memory: MemoryBudget | None = None
    retrier: Retrier = field(default_factory=Retrier)
    pauses: Pauses = field(default_factory=Pauses)
    """The pauses between polls of a task at a provider."""

    connection_limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    response_limits: ResponseLimits = field(default_factory=ResponseLimits)
    settle_seconds: float = SETTLE_SECONDS
    drain_seconds: float = DRAIN_SECONDS
    now: Callable[[], datetime] = utc_now
    """The clock by which prices change."""


@dataclass(frozen=True)
class Gateway:
    """The parts of one gateway process, which does not listen yet."""

    catalogs: CatalogStore
    ledger: Ledger
    pipeline: Pipeline
    admin: AdminApp
    api: web.Application
    connection_limits: ConnectionLimits
    jobs: JobService
    worker: Worker | None
    """What runs jobs; None if this gateway runs none."""

    webhooks: Sender


async def compose(
    settings: GatewaySettings, stack: AsyncExitStack, parts: Parts | None = None
) -> Gateway:
    """Build a gateway. Closing the stack closes its parts in reverse order.

    Raises:
        LedgerUnavailableError: The ledger's file cannot be opened, or is of a newer schema.
        OSError: The data folder cannot be written, or that of admin tokens, the file with the
            secrets of webhooks or of the guardrail, or that with the keys of jobs cannot be read.
        ValueError: The file with the secrets of webhooks or of the guardrail, or that with the
            keys of jobs, has none.
        ConfigError: ServiceAccounts are admins, and there is no cluster.
    """
    parts = parts or Parts()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    calls = CallLimits()
    ledger = calls.refunding(parts.ledger or _open_ledger(settings))
    stack.push_async_callback(ledger.close)
    journal = Journal(settings.data_dir / JOURNALS)
    stack.callback(journal.close)
    settlements = Settlements(ledger, journal)
    stack.push_async_callback(settlements.finish, parts.settle_seconds)
    settlements.recover()
    slots = Slots(ledger)
    stack.push_async_callback(slots.finish, SLOTS_SECONDS)
    catalogs = CatalogStore()
    sessions = await stack.enter_async_context(open_sessions(settings.egress_policy, parts.tls))
    cancels = TaskCancels(sessions)
    stack.push_async_callback(cancels.finish)
    for_issuers = await stack.enter_async_context(open_session(None))
    images = parts.images or await _image_tools(settings, stack)
    budget = parts.memory or MemoryBudget(memory(settings.memory_limit_bytes))
    guardrail = await stack.enter_async_context(
        open_guardrail(settings, settings.egress_policy, images.converter, budget)
    )
    pipeline = Pipeline(
        catalogs=catalogs,
        ledger=ledger,
        credentials=parts.credentials or _credentials(settings, stack),
        sessions=sessions,
        polling=Polling(cancels, parts.pauses),
        handling=settings.parameter_handling,
        profile=settings.response_profile,
        micro_credits_per_usd=settings.micro_credits_per_usd,
        settlements=settlements,
        model_defaults=settings.default_model_params,
        jwts=create_verifier(settings.jwt_issuers, for_issuers),
        heartbeat_seconds=settings.stream_heartbeat_seconds,
        images=images,
        idempotent_responses=IdempotentResponses(images.store, images.url_seconds),
        memory=budget,
        retrier=replace(parts.retrier, slots=slots),
        calls=calls,
        response_limits=parts.response_limits,
        keep_input_metadata=settings.keep_image_metadata,
        guardrail=guardrail,
        now=parts.now,
    )
    stack.push_async_callback(pipeline.idempotent_responses.finish)
    export_circuits(pipeline.retrier.circuits, catalogs)
    token = settings.admin_token
    opening = open_admin_access(
        token.get_secret_value() if token else None,
        settings.admin_tokens_dir,
        settings.admin_service_accounts,
        settings.kubeconfig,
    )
    sealing = _sealing(settings)
    secrets = None if sealing is None else WebhookSecrets(ledger, sealing)
    admin = AdminApp(pipeline, await stack.enter_async_context(opening), secrets)
    endpoints, hooks = None, None
    if sealing is not None and secrets is not None:
        hooks = JobWebhooks(ledger, secrets, sealing, settings.egress_policy)
        found = open_job_endpoints(ledger, secrets, sealing, settings.egress_policy)
        endpoints = await stack.enter_async_context(found)
    opened = open_sender(
        ledger,
        settings.webhook_url,
        settings.webhook_secrets_file,
        settings.egress_policy,
        endpoints,
    )
    webhooks = await stack.enter_async_context(opened)
    spools = Spools(settings.spool_dir, settings.spool_max_bytes, pipeline.memory)
    stack.callback(spools.close)
    jobs = create_service(pipeline, settings, sealing, spools, settings.max_upload_bytes, hooks)
    worker = create_worker(pipeline, settings, jobs)
    api = create_app(
        pipeline,
        await _image_bodies(settings, parts.connection_limits.body, spools, stack),
        jobs,
        settings.max_request_bytes,
        drain_seconds=parts.drain_seconds,
        with_playground=settings.playground,
        public_models=settings.public_models,
        cors_origins=settings.cors_origins,
        body_pace=parts.connection_limits.body,
    )
    limits = parts.connection_limits
    return Gateway(catalogs, ledger, pipeline, admin, api, limits, jobs, worker, webhooks)


@asynccontextmanager
async def listening(
    gateway: Gateway,
    settings: GatewaySettings,
    *,
    drain_seconds: float = DRAIN_SECONDS,
    grace_period_seconds: float = 0,
) -> AsyncIterator[tuple[str, str]]:
    """Serve a gateway while the block runs, and yield the URLs of its API and its admin port.

    At shutdown, idle connections have the grace period for requests that are being sent, and
    requests in flight have `drain_seconds`.

    Raises:
        OSError: A port is taken.
    """
    probes = create_runner(gateway.admin.application(), drain_seconds)
    clients = create_runner(
        gateway.api,
        drain_seconds,
        settings.max_connections,
        grace_period_seconds,
        gateway.connection_limits,
    )
    async with (
        _served(probes, settings.admin_host, settings.admin_port) as admin_url,
        _served(clients, settings.host, settings.port) as url,
    ):
        store = gateway.pipeline.images.store
        if isinstance(store, FolderStore):
            store.listens_at(url)
        yield url, admin_url


@asynccontextmanager
async def _served(runner: web.AppRunner, host: str, port: int) -> AsyncIterator[str]:
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0]
        yield f"http://{bound[0]}:{bound[1]}"
    finally:
        await runner.cleanup()


def _open_ledger(settings: GatewaySettings) -> Ledger:
    return cached(instrumented(open_ledger(settings.ledger_url)))


def _sealing(settings: GatewaySettings) -> Sealing | None:
    """Return what encrypts for jobs; None without a key."""
    path = settings.job_key_file
    return None if path is None else open_sealing(path, make=settings.jobs_key_file is None)


def _credentials(settings: GatewaySettings, stack: AsyncExitStack) -> CredentialSource:
    if settings.simulate:
        return SimulatedCredentials()
    credentials = Credentials()
    stack.push_async_callback(credentials.close)
    return credentials


async def _image_bodies(
    settings: GatewaySettings, pace: BodyPace, spools: Spools, stack: AsyncExitStack
) -> ImageBodies:
    """Return the reader of bodies with images, which closes with the stack."""
    limits = UploadLimits(total_bytes=settings.max_upload_bytes, pace=pace)
    if not settings.allow_image_urls:
        return ImageBodies(spools, limits)
    session = await stack.enter_async_context(open_session(Egress(Reach.PUBLIC)))
    return ImageBodies(spools, limits, ImageFetcher(session, limits.file_bytes))


async def _image_tools(settings: GatewaySettings, stack: AsyncExitStack) -> ImageTools:
    """Return the image tools, which close with the stack."""
    opening = open_store(settings, settings.image_folder, settings.data_dir)
    converter = Converter(settings.image_workers)
    stack.callback(converter.close)
    return ImageTools(
        converter=converter,
        store=await stack.enter_async_context(opening),
        url_seconds=settings.image_url_seconds,
        default_response_format=settings.default_response_format,
    )
