"""A provider's key is rotated in its Secret, and gateways use the new one without a restart."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tintype_testing.browser_site import Site, ask, site_on, visited
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.waiting import eventually_equal

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_site(
    cluster_with_crds: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    namespace, folder = cluster_with_crds.create_namespace(), tmp_path_factory.mktemp("site")
    async with site_on(cluster_with_crds, namespace, folder) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(shared_site: Site, tmp_path: Path) -> AsyncIterator[Site]:
    async with visited(shared_site, tmp_path) as site:
        await site.serve_canvas(key="sk-first")
        yield site


async def rotate(site: Site, key: str) -> None:
    await site.apply(site.secret("openai", **{"api-key": key}))


async def test_no_request_fails_during_a_rotation_of_watched_credentials(
    site: Site,
) -> None:
    async with site.gateway() as gateway, site.steady_load(gateway):
        await site.until_key("sk-first")
        site.statuses.clear()
        for key in ("sk-second", "sk-third"):
            await rotate(site, key)
            await site.until_key(key)

    assert set(site.statuses) == {200}


async def test_a_watched_key_is_used_before_the_mount_is_refreshed(site: Site) -> None:
    await site.mount()
    async with site.gateway(mounted=True) as gateway:
        await rotate(site, "sk-second")
        async with site.steady_load(gateway):
            await site.until_key("sk-second")
        await site.mount()

        await rotate(site, "sk-third")
        async with site.steady_load(gateway):
            await site.until_key("sk-third")

    assert set(site.statuses) == {200}


async def test_without_a_watch_a_rotated_key_is_used_once_it_is_mounted(site: Site) -> None:
    await site.mount()
    async with site.gateway(watched=False, mounted=True) as gateway, site.steady_load(gateway):
        await site.until_key("sk-first")
        await rotate(site, "sk-second")
        await eventually_equal(site.gathered, {"openai.api-key": b"sk-second"})
        await site.mount()
        await site.until_key("sk-second")

    assert set(site.statuses) == {200}


async def test_a_gateway_starts_from_its_mounts_without_the_api_server(site: Site) -> None:
    await site.mount()
    site.proxy.close()
    async with site.gateway(mounted=True) as gateway:
        assert await ask(gateway) == 200
        assert site.simulator.last_key == "sk-first"

        await rotate(site, "sk-second")
        site.proxy.open()

        async with site.steady_load(gateway):
            await site.until_key("sk-second")


async def test_without_the_api_server_the_last_key_or_a_newly_mounted_one_is_used(
    site: Site,
) -> None:
    await site.mount()
    async with site.gateway(mounted=True) as gateway, site.steady_load(gateway):
        await rotate(site, "sk-second")
        await site.until_key("sk-second")
        site.proxy.close()
        await rotate(site, "sk-third")
        await eventually_equal(site.gathered, {"openai.api-key": b"sk-third"})
        assert site.simulator.last_key == "sk-second"
        await site.mount()
        await site.until_key("sk-third")

    assert set(site.statuses) == {200}


async def test_deleting_the_credentials_secret_removes_the_keys_from_gateways(site: Site) -> None:
    async with site.gateway() as gateway:
        async with site.steady_load(gateway):
            await site.until_key("sk-first")
        site.operator.stop()

        site.operator.delete("secret", "tintype-credentials")

        async def refused() -> int:
            return await ask(gateway)

        await eventually_equal(refused, 503)
