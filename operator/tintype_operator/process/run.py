"""The process: it checks the cluster, runs kopf beside the aggregator, and says why it ended."""

import asyncio
import itertools
import logging
import signal
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
from tintype_logging.errors import leaves
from tintype_operator.aggregator import RETRY_SECONDS, Aggregator
from tintype_operator.errors import OperatorError
from tintype_operator.liveness import Liveness
from tintype_operator.metrics import LEADER
from tintype_operator.process.health import serving_health
from tintype_operator.process.leader_election import Elector
from tintype_operator.process.preflight import check
from tintype_operator.process.release_lock import claim
from tintype_operator.settings import Settings
from tintype_operator.watch.handlers import Memo, registry

logger = logging.getLogger(__name__)

IDENTITY: Any = "tintype"
"""For kopf's peering, which is not used: else kopf asks the system for the name of the user, and a
user id in a container needs none. The type of an identity, a text, is private to kopf."""


def run(settings: Settings) -> int:
    """Serve until a signal ends it, and return the exit code of the process."""
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
    _end_by_signal()
    config = load_config(settings.kubeconfig)
    namespace = settings.namespace or config.namespace
    liveness = Liveness()
    async with (
        connect(config) as client,
        serving_health(settings.health_host, settings.health_port, liveness),
    ):
        owners = await _prepared(client, namespace, settings)
        async with _leading(client, namespace, settings, owners):
            aggregator = Aggregator(client, namespace, settings, liveness, owners)
            if not settings.require_credentials_opt_in:
                logger.warning(
                    "TINTYPE_REQUIRE_CREDENTIALS_OPT_IN=false: anyone who may write a "
                    "ProviderBinding can send the keys of any Secret to a host of their choice; "
                    "label Secrets with %s=true, as the next release requires it",
                    OPT_IN_LABEL,
                )
            logger.info("serving namespace %s of %s", namespace, config.server)
            await _work(config, namespace, settings, aggregator)


async def _prepared(
    client: KubernetesClient, namespace: str, settings: Settings
) -> list[KubernetesObject]:
    """Return once the cluster is found prepared, with the owner references of what we make.

    Without an API server it waits: to end would make Kubernetes wait for minutes between restarts.
    """
    while True:
        try:
            await check(client, namespace, settings)
            owners = await _owners(client, namespace, settings.owner_deployment)
            await claim(client, namespace, settings, owners)
            return owners
        except (UnreachableError, ConflictError) as error:
            logger.warning("will try again in %d s: %s", RETRY_SECONDS, error)
            await asyncio.sleep(RETRY_SECONDS)


async def _work(
    config: ClusterConfig, namespace: str, settings: Settings, aggregator: Aggregator
) -> None:
    """Run kopf and the aggregator: whichever ends first, by a signal or a fault, ends the other."""
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(aggregator.run())
        await aggregator.began.wait()  # only then do the lists of kopf leave nothing in memory
        await kopf.operator(
            registry=registry(with_secrets=settings.manage_credentials),
            settings=kopf_settings(),
            memo=Memo(config, aggregator),
            namespaces=[namespace],
            identity=IDENTITY,
        )
        work.cancel()


@asynccontextmanager
async def _leading(
    client: KubernetesClient, namespace: str, settings: Settings, owners: list[KubernetesObject]
) -> AsyncIterator[None]:
    """Wait for leadership, if there is an election, and cancel the block when it is lost."""
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


class _Patience:
    """Pauses between attempts without an end: by default kopf gives up after a minute."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1, 1, 2, 3), itertools.repeat(RETRY_SECONDS))


def kopf_settings() -> kopf.OperatorSettings:
    """Return how kopf is to work here."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True  # its peering is no leader election
    settings.posting.enabled = False  # the reporter posts the Events that matter
    settings.scanning.disabled = True  # new namespaces and definitions are none of our business
    settings.watching.chunk_size = PAGE_SIZE
    settings.watching.server_timeout = 300
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.networking.error_backoffs = _Patience()
    settings.queueing.idle_timeout = 0.1  # so long a task keeps each object that was heard of
    settings.process.ultimate_exiting_timeout = 30
    return settings
