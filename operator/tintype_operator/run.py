"""The process: it checks the cluster, runs kopf beside the aggregator, and says why it ended."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import kopf

from tintype_kubernetes.client import KubernetesClient, KubernetesObject, connect
from tintype_kubernetes.config import ClusterConfig, load_config
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.resources import DEPLOYMENTS
from tintype_logging import logs
from tintype_operator.aggregator import Aggregator
from tintype_operator.election import Elector
from tintype_operator.errors import OperatorError
from tintype_operator.handlers import Memo, registry
from tintype_operator.health import serving_health
from tintype_operator.metrics import LEADER
from tintype_operator.preflight import check
from tintype_operator.settings import Settings

logger = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Serve until a signal ends it, and return the exit code of the process."""
    logs.configure(settings.log_level)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    exit_code = 0
    try:
        with suppress(asyncio.CancelledError):
            asyncio.run(_serve(settings))
    except* (OperatorError, KubernetesError, OSError) as group:
        for error in _leaves(group):
            logger.error("%s", error)
        exit_code = 1
    return exit_code


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors in the groups that task groups make of them."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error


async def _serve(settings: Settings) -> None:
    _end_by_signal()
    config = load_config(settings.kubeconfig)
    namespace = settings.namespace or config.namespace
    async with connect(config) as client:
        await check(client, namespace, settings)
        owners = await _owners(client, namespace, settings.owner_deployment)
        aggregator = Aggregator(client, namespace, settings, owners)
        health = settings.health_host, settings.health_port, aggregator.silent_seconds
        async with serving_health(*health), _leading(client, namespace, settings):
            logger.info("serving namespace %s of %s", namespace, config.server)
            await _work(config, namespace, settings, aggregator)


async def _work(
    config: ClusterConfig, namespace: str, settings: Settings, aggregator: Aggregator
) -> None:
    """Run kopf and the aggregator: whichever ends first, by a signal or a fault, ends the other."""
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(aggregator.run())
        await kopf.operator(
            registry=registry(with_secrets=settings.manage_credentials),
            settings=_kopf_settings(),
            memo=Memo(config, aggregator),
            namespaces=[namespace],
        )
        work.cancel()


@asynccontextmanager
async def _leading(
    client: KubernetesClient, namespace: str, settings: Settings
) -> AsyncIterator[None]:
    """Wait for leadership, if there is an election, and cancel the block when it is lost."""
    if not settings.leader_election:
        LEADER.set(1)
        yield
        return
    elector = Elector(client, namespace, settings.lease)
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
    """Return the owner references for what goes away with the operator's Deployment."""
    if deployment is None:
        return []
    found = await client.get(DEPLOYMENTS, namespace, deployment)
    reference = {"apiVersion": DEPLOYMENTS.api_version, "kind": DEPLOYMENTS.kind}
    return [reference | {"name": deployment, "uid": found["metadata"]["uid"]}]


def _end_by_signal() -> None:
    """End in good order also before kopf runs, which then takes the signals over."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _kopf_settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True  # its peering is no leader election
    settings.posting.enabled = False  # the reporter posts the Events that matter
    settings.scanning.disabled = True  # new namespaces and definitions are none of our business
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 300
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.process.ultimate_exiting_timeout = 30
    return settings
