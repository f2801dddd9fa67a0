"""Checks running gateways by their admin ports."""

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp

from tintype_cli.checks.finding import Clock, Finding, clock_of
from tintype_kubernetes.client import KubernetesClient
from tintype_kubernetes.resources import ENDPOINT_SLICES

CHECK = "gateway"

CALL_SECONDS = 5

ADMIN = "admin"
"""The name of the admin port in a Service."""


async def admin_urls(client: KubernetesClient, namespace: str, service: str) -> list[str]:
    """Return the admin URL of each pod of a Service.

    Raises:
        KubernetesError: The API server cannot be asked, or refuses it.
    """
    label = f"kubernetes.io/service-name={service}"
    slices = await client.list(ENDPOINT_SLICES, namespace, label_selector=label)
    return [
        f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
        for each in slices.items
        for port in [port["port"] for port in each.get("ports") or () if port["name"] == ADMIN]
        for endpoint in each.get("endpoints") or ()
        for address in endpoint["addresses"]
    ]


async def check_gateways(
    urls: Sequence[str], published: str | None
) -> tuple[list[Finding], list[Clock]]:
    """Return what is to be said of the gateways at some admin URLs, and their clocks.

    `published` is the revision that all of them should serve; None if it is not known.
    """
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        results = await asyncio.gather(*(_check(session, url, published) for url in urls))
    return [finding for finding, _ in results], [clock for _, clock in results if clock]


async def _check(
    session: aiohttp.ClientSession, url: str, published: str | None
) -> tuple[Finding, Clock | None]:
    base = url.rstrip("/")
    try:
        async with session.get(f"{base}/status") as response:
            response.raise_for_status()
            status: dict[str, Any] = await response.json()
            clock = clock_of(url, response.headers.get("Date"))
        async with session.get(f"{base}/readyz") as response:
            is_ready, why = response.status == 200, (await response.text()).strip()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        advice = "start the gateway, or give its admin port (TINTYPE_ADMIN_PORT), within reach"
        message = f"{url}: {str(error) or type(error).__name__}"
        return Finding(CHECK, "problem", message, advice), None
    return _finding(url, status, published, None if is_ready else why), clock


def _finding(
    url: str, status: dict[str, Any], published: str | None, not_ready: str | None
) -> Finding:
    revision = str(status["digest"] or "none")
    message = f"{url}: serves revision {revision[:12]}"
    if not_ready is not None:
        advice = "read the log of the gateway"
        return Finding(CHECK, "problem", f"{message}, not ready: {not_ready}", advice)
    if published is not None and revision != published:
        advice = "wait a minute; then read its log: it keeps the last good catalog"
        return Finding(CHECK, "problem", f"{message}, and not {published[:12]}", advice)
    if error := status["lastError"]:
        advice = "correct the catalog: the gateway keeps the last good one"
        return Finding(CHECK, "problem", f"{message}; the newest was refused: {error}", advice)
    return Finding(CHECK, "ok", f"{message}, ready")
