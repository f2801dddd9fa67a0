"""The process: it checks the cluster, runs kopf and the aggregator, and logs why it ended."""

import asyncio
import itertools
import logging
import signal
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import kopf

from tintype_catalog.credentials import OPT_IN_LABEL
from tintype_kubernetes.client import PAGE_SIZE, KubernetesClient, KubernetesObject, connect
from tintype_kubernetes.config import ClusterConfig, load_config
from tintype_kubernetes.errors import ConflictError, KubernetesError, UnreachableError
from tintype_kubernetes.resources import DEPLOYMENTS
from tintype_logging import logs
from tintype_logging.logs import leaves
from tintype_operator.accounts.admin_client import AdminClient
from tintype_operator.accounts.admin_http import connect_admin
from tintype_operator.accounts.service import Accounts
from tintype_operator.aggregator import RETRY_SECONDS, Aggregator
from tintype_operator.errors import OperatorError
from tintype_operator.known_models import KnownModels
from tintype_operator.liveness import Liveness
from tintype_operator.metrics import LEADER
from tintype_operator.process.health import serving_health
from tintype_operator.process.leader_election import Elector
from tintype_operator.process.preflight import check
from tintype_operator.process.release_lock import acquire_release_lock
from tintype_operator.settings import Settings
from tintype_operator.watch.handlers import Listener, Memo, registry

logger = logging.getLogger(__name__)

IDENTITY: Any = "tintype"
"""kopf's peering identity. Peering is off, but without an identity kopf looks up the name of the
user, and the user id of a container may have none. The type, a string, is private to kopf."""


def run(settings: Settings) -> int:
    """Serve until SIGTERM or a fatal error, and return the exit code of the process."""
    logs.configure(settings.log_level)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    exit_code = 0
    try:
        with suppress(asyncio.CancelledError):
            asyncio.run(_serve(settings))
    except* (OperatorError, KubernetesError, OSError) as group:
        for error in leaves(group):
            logger.error("%s", error)
        exit_code = 1
    return exit_code


async def _serve(settings: Settings) -> None:
    _cancel_on_sigterm()
    asyncio.get_running_loop().set_exception_handler(log_loop_error)
    config = load_config(settings.kubeconfig)
    namespace = settings.namespace or config.namespace
    liveness, models = Liveness(), KnownModels()
    async with (
        connect(config) as client,
        serving_health(settings.health_host, settings.health_port, liveness),
    ):
        owners = await _wait_until_prepared(client, namespace, settings)
        async with (
            _leadership(client, namespace, settings, owners),
            _accounts(client, namespace, settings, liveness, models) as accounts,
        ):
            on_list = None if accounts is None else accounts.change_log.listed
            aggregator = Aggregator(
                client, namespace, settings, liveness, owners, on_list=on_list, models=models
            )
            if not settings.require_credentials_opt_in:
                logger.warning(
                    "TINTYPE_REQUIRE_CREDENTIALS_OPT_IN=false: anyone who may write a "
                    "ProviderBinding can send the keys of any Secret to a host of their choice; "
                    "label Secrets with %s=true, as the next release requires it",
                    OPT_IN_LABEL,
                )
            logger.info("serving namespace %s of %s", namespace, config.server)
            await _run_until_stopped(config, namespace, settings, liveness, aggregator, accounts)


async def _wait_until_prepared(
    client: KubernetesClient, namespace: str, settings: Settings
) -> list[KubernetesObject]:
    """Return once all checks pass, with the owner references for managed objects.

    It waits for an unreachable API server instead of exiting, because Kubernetes would delay the
    restarts of a crashing container by minutes.
    """
    while True:
        try:
            await check(client, namespace, settings)
            owners = await _owners(client, namespace, settings.owner_deployment)
            await acquire_release_lock(client, namespace, settings, owners)
            return owners
        except (UnreachableError, ConflictError) as error:
            logger.warning("will try again in %d s: %s", RETRY_SECONDS, error)
            await asyncio.sleep(RETRY_SECONDS)


@asynccontextmanager
async def _accounts(
    client: KubernetesClient,
    namespace: str,
    settings: Settings,
    liveness: Liveness,
    models: KnownModels,
) -> AsyncIterator[Accounts | None]:
    """Give what serves accounts, None without the URL of the gateways' admin API."""
    if settings.gateway_admin_url is None or settings.admin_token_file is None:
        yield None
        return
    async with connect_admin(settings.gateway_admin_url, settings.admin_token_file) as http:
        yield Accounts(client, AdminClient(http), namespace, settings, liveness, models)


async def _run_until_stopped(
    config: ClusterConfig,
    namespace: str,
    settings: Settings,
    liveness: Liveness,
    aggregator: Aggregator,
    accounts: Accounts | None,
) -> None:
    """Run kopf and all tasks; when one of them ends, by a signal or an error, end all."""
    listeners: tuple[Listener, ...] = (aggregator,) if accounts is None else (aggregator, accounts)
    async with asyncio.TaskGroup() as tasks:
        work = [tasks.create_task(aggregator.run())]
        if accounts is not None:
            work.append(tasks.create_task(accounts.run()))
        # kopf starts later, so that its lists and those of the first pass do not add up in memory.
        await aggregator.first_pass_done.wait()
        liveness.watches_open()
        await kopf.operator(
            registry=registry(
                with_secrets=settings.manage_credentials, with_accounts=accounts is not None
            ),
            settings=kopf_settings(),
            memo=Memo(config, listeners),
            namespaces=[namespace],
            identity=IDENTITY,
        )
        for task in work:
            task.cancel()


@asynccontextmanager
async def _leadership(
    client: KubernetesClient, namespace: str, settings: Settings, owners: list[KubernetesObject]
) -> AsyncIterator[None]:
    """Wait for leadership if leader election is on, and cancel the block when it is lost."""
    if not settings.leader_election:
        LEADER.set(1)
        yield
        return
    elector = Elector(client, namespace, settings.lease, owners)
    await elector.acquire()
    LEADER.set(1)
    try:
        async with asyncio.TaskGroup() as tasks:
            holding = tasks.create_task(elector.hold())
            yield
            holding.cancel()
    finally:
        LEADER.set(0)
        await elector.release()


async def _owners(
    client: KubernetesClient, namespace: str, deployment: str | None
) -> list[KubernetesObject]:
    """Return the owner references for objects that are deleted with the operator's Deployment."""
    if deployment is None:
        return []
    found = await client.get(DEPLOYMENTS, namespace, deployment)
    reference = {"apiVersion": DEPLOYMENTS.api_version, "kind": DEPLOYMENTS.kind}
    return [reference | {"name": deployment, "uid": found["metadata"]["uid"]}]


def _cancel_on_sigterm() -> None:
    """Shut down cleanly on SIGTERM before kopf runs; kopf replaces the handler by its own."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error that no task got, as asyncio does, if it is not of a watch that kopf abandons.

    kopf leaves its watches to asyncio when it is stopped, which closes the generators in any order.
    In some orders that raises, although nothing is lost.
    """
    error = context.get("exception")
    if error is not None and isinstance(error.__context__, GeneratorExit) and _is_of_kopf(error):
        logger.debug("a watch was closed in the middle: %s", error)
    else:
        loop.default_exception_handler(context)


def _is_of_kopf(error: BaseException) -> bool:
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals["__name__"].startswith("kopf.") for frame, _ in frames)


class _EndlessBackoff:
    """kopf's pauses between attempts, without an end: by default kopf gives up after a minute."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1, 1, 2, 3), itertools.repeat(RETRY_SECONDS))


def kopf_settings() -> kopf.OperatorSettings:
    """Return the settings of kopf."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True  # peering is not safe as leader election
    settings.posting.enabled = False  # the reporter posts Events
    settings.scanning.disabled = True  # one namespace and fixed definitions: nothing to discover
    settings.watching.chunk_size = PAGE_SIZE
    settings.watching.server_timeout = 300
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.networking.error_backoffs = _EndlessBackoff()
    settings.queueing.idle_timeout = 0.1  # kopf keeps a task and the object in memory until then
    settings.process.ultimate_exiting_timeout = 30
    return settings
