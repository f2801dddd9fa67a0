"""A catalog above 900 KiB is published in parts, and gateways never load an incomplete one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tintype_catalog.bundle import MANIFEST, MAX_PACKED_BYTES, MAX_PARTS, part_files, read_manifest
from tintype_testing.browser_site import Site, ask, site_on, status, visited
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.gateway_process import GatewayProcess
from tintype_testing.manifests import changed, image_model, noisy_model, noisy_models
from tintype_testing.operator import CONFIGMAP
from tintype_testing.waiting import eventually_equal

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(1200),  # hundreds of objects, in several versions
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def large_site(
    cluster_with_crds: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """A site whose catalog is in two parts."""
    namespace, folder = cluster_with_crds.create_namespace(), tmp_path_factory.mktemp("site")
    async with site_on(cluster_with_crds, namespace, folder) as site:
        await site.serve_canvas(key="sk-first")
        manifests = noisy_models(MAX_PACKED_BYTES)
        await site.apply(*manifests)

        async def models() -> int:
            files = await site.published()
            return read_manifest(files).models if MANIFEST in files else 0

        await eventually_equal(models, len(manifests) + 1)
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(large_site: Site, tmp_path: Path) -> AsyncIterator[Site]:
    async with visited(large_site, tmp_path) as site:
        yield site


async def until_served(site: Site, gateway: GatewayProcess, sequence: int) -> None:
    """Wait until the gateway serves this sequence."""

    async def served() -> Any:
        return (await status(gateway))["sequence"]

    await eventually_equal(served, sequence)


async def until_rejected(site: Site, gateway: GatewayProcess, error: str) -> None:
    """Wait until the gateway reports this error."""

    async def rejected() -> Any:
        return (await status(gateway))["lastError"]

    await eventually_equal(rejected, error)


async def edited(site: Site) -> int:
    """Edit a model, and return the sequence of the catalog with the edit."""
    before = read_manifest(await site.published()).sequence
    await site.apply(changed(noisy_model("large-0"), "spec.displayName", f"Edited {before}"))

    async def is_newer() -> bool:
        return read_manifest(await site.published()).sequence > before

    await eventually_equal(is_newer, True)
    return read_manifest(await site.published()).sequence


@pytest.mark.parametrize("channel", ["watched", "mounted"])
async def test_gateways_load_a_catalog_in_parts_by_watch_and_by_mount(
    site: Site, channel: str
) -> None:
    files = await site.published()
    manifest = read_manifest(files)
    assert len(part_files(files)) == 2
    await site.mount()

    async with site.gateway(watched=channel == "watched", mounted=channel == "mounted") as gateway:
        served = await status(gateway)

    assert (served["sequence"], served["digest"]) == (manifest.sequence, manifest.sha256)


async def test_no_request_fails_while_the_parts_are_replaced(site: Site) -> None:
    parts = part_files(await site.published())
    async with site.gateway() as gateway, site.steady_load(gateway):
        await site.until_key("sk-first")
        site.statuses.clear()
        await until_served(site, gateway, await edited(site))

    assert set(site.statuses) == {200}
    assert not set(parts) & set(part_files(await site.published()))


async def test_gateways_reject_a_missing_part_and_the_operator_restores_it(site: Site) -> None:
    files = await site.published()
    part = part_files(files)[0]
    async with site.gateway() as gateway:
        await asyncio.to_thread(site.operator.stop)
        await asyncio.to_thread(site.operator.delete, "configmap", f"{CONFIGMAP}-{part}")
        await asyncio.to_thread(touch_the_index, site)

        await until_rejected(site, gateway, f"watch: {part} is missing")
        assert await ask(gateway) == 200

        site.operator.start()
        await until_rejected(site, gateway, None)  # type: ignore[arg-type]
        assert (await status(gateway))["sequence"] > read_manifest(files).sequence


async def test_a_mount_that_is_half_old_and_half_new_is_rejected(site: Site) -> None:
    await site.mount()
    old = await site.published()
    async with site.gateway(watched=False, mounted=True) as gateway:
        sequence = await edited(site)
        new = await site.published()
        fresh = part_files(new)

        site.catalog.write(
            {MANIFEST: new[MANIFEST], **{part: old[part] for part in part_files(old)}}
        )
        await until_rejected(site, gateway, f"mount: {fresh[0]} is missing")
        site.catalog.write(new | {fresh[1]: old[part_files(old)[1]]})
        await until_rejected(site, gateway, f"mount: {fresh[1]} is not of this catalog")
        assert await ask(gateway) == 200

        site.catalog.write(new)
        await until_served(site, gateway, sequence)


async def test_a_catalog_that_is_too_large_is_refused_in_the_conditions(site: Site) -> None:
    before = await site.published()

    await site.apply(*noisy_models(MAX_PARTS * MAX_PACKED_BYTES), image_model("last"))

    condition = await asyncio.to_thread(
        site.operator.wait_for_condition, "imagemodel", "last", "Programmed", "False"
    )
    assert condition["reason"] == "PublicationRefused"
    assert f"at most {MAX_PARTS * MAX_PACKED_BYTES} fit" in condition["message"]
    assert read_manifest(await site.published()).models >= read_manifest(before).models


def touch_the_index(site: Site) -> None:
    site.operator.cluster.kubectl(
        *("annotate", "--overwrite", "configmap", CONFIGMAP, "touched=yes"),
        *("--namespace", site.operator.namespace),
    )
