"""A thousand models: the duration of the start, and the memory of the programs."""

import asyncio
from collections.abc import Iterable

from tests.node.figures import Figures
from tests.node.release import LOCAL, Release, resident_mib, simulated
from tintype_kubernetes.client import connect
from tintype_kubernetes.config import load_kubeconfig
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS, Resource
from tintype_testing.chart import Helm, Values
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.manifests import Manifest, image_model
from tintype_testing.waiting import eventually_blocking

MODELS = 1000

CONCURRENT = 20

VALUES: Values = {
    "image": {"registry": LOCAL},
    "simulator": {"enabled": True},
    "persistence": {"enabled": False},
}

OPERATOR_MIB = 128
"""The memory that the chart requests for the operator."""

JUDGED = 'jsonpath={.items[*].status.conditions[?(@.type=="Accepted")].status}'


async def test_an_operator_handles_a_thousand_models_in_the_memory_that_it_requests(
    node: ControlPlane, node_helm: Helm, figures: Figures
) -> None:
    node.apply_crds()
    release = Release(node, node_helm, "thousand")
    names = [f"model-{number}" for number in range(MODELS)]
    await create(release, IMAGE_MODELS, map(image_model, names))
    await create(release, PROVIDER_BINDINGS, map(simulated, names))

    with figures.timed(f"install to {MODELS} models in the published catalog"):
        release.install(VALUES)
        eventually_blocking(lambda: "tintype-catalog" in published(release), "a catalog")
    with figures.timed(f"published to {2 * MODELS} objects with a status"):
        eventually_blocking(
            lambda: valid_objects(release) == 2 * MODELS, "the status of every object", seconds=480
        )

    (operator,), (gateway,) = release.pods("operator"), release.pods("gateway")
    figures.record(f"memory of the operator, {MODELS} models", resident_mib(operator), "MiB")
    figures.record(f"memory of the gateway, {MODELS} models", resident_mib(gateway), "MiB")
    assert resident_mib(operator) < OPERATOR_MIB


def published(release: Release) -> str:
    return release.kubectl("get", "configmaps", "-o", "name")


def valid_objects(release: Release) -> int:
    """The number of objects that the operator has found valid."""
    return release.kubectl("get", "im,pb", "-o", JUDGED).split().count("True")


async def create(release: Release, resource: Resource, manifests: Iterable[Manifest]) -> None:
    """Create many objects concurrently; kubectl would take a minute for each thousand."""
    queue = asyncio.Semaphore(CONCURRENT)
    async with connect(load_kubeconfig(release.cluster.kubeconfig)) as client:

        async def create_one(manifest: Manifest) -> None:
            placed = manifest["metadata"] | {"namespace": release.namespace}
            async with queue:
                await client.create(resource, manifest | {"metadata": placed})

        await asyncio.gather(*map(create_one, manifests))
