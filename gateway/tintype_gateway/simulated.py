"""The gateway against simulated providers: every binding points to one of our own servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tintype_simulator.app import running


@asynccontextmanager
async def simulators() -> AsyncIterator[str]:
    """Run the simulators on a free loopback port while the block runs, and yield their URL."""
    async with running() as url:
        yield url


def pointed_at(manifest: dict[str, Any], url: str) -> dict[str, Any]:
    """Return a manifest whose provider, if it is a binding, is the simulator at `url`."""
    if manifest.get("kind") != "ProviderBinding" or not isinstance(manifest.get("spec"), dict):
        return manifest
    return manifest | {"spec": manifest["spec"] | {"endpoint": url}}
