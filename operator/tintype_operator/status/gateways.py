"""Finds the gateways of this release, and queries which catalog each of them serves."""

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import aiohttp

from tintype_kubernetes.client import KubernetesClient
from tintype_kubernetes.resources import ENDPOINT_SLICES
from tintype_operator.settings import Settings

RESPONSE_SECONDS = 2.0
"""The deadline for the response of one gateway."""

CONCURRENT_REQUESTS = 16

ADMIN_PORT = "admin"
"""The name of the port in a gateway's Service that serves `/status`."""

NO_CATALOG = -1
"""The sequence of a gateway that does not respond, or that has no catalog."""

logger = logging.getLogger(__name__)


class Gateways:
    """Queries all gateways for the sequence that they serve."""

    def __init__(self, client: KubernetesClient, namespace: str, settings: Settings) -> None:
        """Take the Service and the list of URLs from the settings."""
        self._client = client
        self._namespace = namespace
        self._service = settings.gateway_service
        self._listed = tuple(filter(None, settings.gateway_status_urls.split(",")))

    @property
    def expected(self) -> bool:
        """Whether the settings name any gateways."""
        return bool(self._service or self._listed)

    async def sequences(self) -> tuple[int, ...]:
        """Return the sequence that each gateway serves, or `NO_CATALOG`.

        Raises:
            KubernetesError: The Service's endpoints could not be listed.
        """
        urls = (*self._listed, *await self._endpoints())
        if not urls:
            return ()
        connector = aiohttp.TCPConnector(limit=CONCURRENT_REQUESTS)
        timeout = aiohttp.ClientTimeout(total=RESPONSE_SECONDS)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            return tuple(await asyncio.gather(*(_sequence(session, url) for url in urls)))

    async def _endpoints(self) -> list[str]:
        if self._service is None:
            return []
        selector = f"kubernetes.io/service-name={self._service}"
        slices = await self._client.list(ENDPOINT_SLICES, self._namespace, label_selector=selector)
        return status_urls(slices.items)


def status_urls(slices: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the `/status` URL of every ready endpoint, once for each pod."""
    urls: dict[str, str] = {}
    for found in slices:
        ports = [port for port in found.get("ports") or [] if port.get("name") == ADMIN_PORT]
        for endpoint in found.get("endpoints") or []:
            # The API defines that an endpoint without `ready` is ready.
            if not ports or endpoint.get("conditions", {}).get("ready") is False:
                continue
            address = endpoint["addresses"][0]
            host = f"[{address}]" if found["addressType"] == "IPv6" else address
            pod = endpoint.get("targetRef", {}).get("uid") or address
            urls.setdefault(pod, f"http://{host}:{ports[0]['port']}/status")
    return list(urls.values())


def acknowledged(sequences: Iterable[int], first: int) -> int:
    """Return the number of gateways whose catalog is not older than `first`."""
    return sum(sequence >= first for sequence in sequences)


async def _sequence(session: aiohttp.ClientSession, url: str) -> int:
    try:
        async with session.get(url, allow_redirects=False) as response:
            sequence = json.loads(await response.read())["sequence"]
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
        logger.debug("a gateway does not response", extra={"url": url, "error": str(error)})
        return NO_CATALOG
    return sequence if isinstance(sequence, int) else NO_CATALOG
