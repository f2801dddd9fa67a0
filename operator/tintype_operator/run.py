"""The process: it checks the cluster, runs kopf beside the aggregator, and says why it ended."""

import asyncio
import logging

import kopf

from tintype_kubernetes.client import connect
from tintype_kubernetes.config import load_config
from tintype_kubernetes.errors import KubernetesError
from tintype_operator.aggregator import Aggregator
from tintype_operator.errors import OperatorError
from tintype_operator.handlers import REGISTRY, Memo
from tintype_operator.preflight import check
from tintype_operator.settings import Settings

logger = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Serve until a signal ends it, and return the exit code of the process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("kopf").setLevel(logging.WARNING)
    exit_code = 0
    try:
        asyncio.run(_serve(settings))
    except* (OperatorError, KubernetesError, OSError) as group:
        for error in group.exceptions:
            logger.error("%s", error)
        exit_code = 1
    return exit_code


async def _serve(settings: Settings) -> None:
    config = load_config(settings.kubeconfig)
    namespace = settings.namespace or config.namespace
    async with connect(config) as client:
        await check(client, namespace, settings.catalog_configmap)
        logger.info("serving namespace %s of %s", namespace, config.server)
        aggregator = Aggregator(client, namespace, settings)
        # Whichever of the two ends first, by a signal or a fault, ends the other one.
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(aggregator.run())
            await kopf.operator(
                registry=REGISTRY,
                settings=_kopf_settings(),
                memo=Memo(config, aggregator),
                namespaces=[namespace],
                liveness_endpoint=f"http://{settings.health_host}:{settings.health_port}/healthz",
            )
            work.cancel()


def _kopf_settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True  # its peering is no leader election
    settings.posting.enabled = False  # conditions tell it all, and need no right to make Events
    settings.scanning.disabled = True  # new namespaces and definitions are none of our business
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 300
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.process.ultimate_exiting_timeout = 30
    return settings
