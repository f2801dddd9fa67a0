"""One real server, and a gateway in front of it, for all tests of a module."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.real_servers.sd_server import SdServer, build_server, running, write_models
from tintype_gateway.upstream.credentials import Credentials
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.manifests import SELF_HOSTED, Manifest, read_manifests

HERE = Path(__file__).parent

SECONDS = 600
"""The time limit of a test. An image takes seconds, on two busy cores half a minute."""

BUILD_SECONDS = 7200
"""The time limit of the first test, for which the server is built."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, which only `make test-real-server` runs."""
    mine = [item for item in items if item.path.is_relative_to(HERE)]
    for item in mine:
        item.add_marker(pytest.mark.real_server)
        item.add_marker(pytest.mark.timeout(BUILD_SECONDS if item is mine[0] else SECONDS))
        if pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.fixture(scope="session", autouse=True)
def _built() -> None:
    """Build what the tests start."""
    build_server()
    write_models()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SdServer]:
    with running(tmp_path_factory.mktemp("server") / "server.log") as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(
    server: SdServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    async with asking(server, tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


def asking(server: SdServer, folder: Path, **spec: object) -> AbstractAsyncContextManager[Gateway]:
    """Run a gateway with the manifest for this server, active and with its address.

    `spec` replaces fields of the binding.
    """
    manifests = [
        at(item, server.url, spec)
        for item in read_manifests(SELF_HOSTED)
        if item["metadata"]["name"].startswith("sd-cpp-local")
    ]
    return running_gateway(folder, *manifests, credentials=Credentials())


def at(manifest: Manifest, url: str, spec: dict[str, object]) -> Manifest:
    """Return a manifest; a binding has the address of a server, and is active."""
    if manifest["kind"] != "ProviderBinding":
        return manifest
    own = {name: value for name, value in manifest["spec"].items() if name != "serviceRef"}
    return manifest | {"spec": own | {"active": True, "endpoint": url} | spec}
