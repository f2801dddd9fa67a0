"""Renders the metrics for Prometheus: thousands of series, in a thread."""

import asyncio
import gc
from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from tintype_gateway.observability.metrics import REGISTRY, add_up

Encode = Callable[[CollectorRegistry], bytes]


async def scraped(accept: str) -> tuple[bytes, str]:
    """Return all metrics in a format that the `Accept` header allows, and its content type."""
    encode, content_type = choose_encoder(accept)
    return await asyncio.to_thread(_written, encode), content_type


def _written(encode: Encode) -> bytes:
    """Render the metrics without garbage collection.

    Rendering allocates only objects that reference counting frees, but their number would trigger
    the garbage collector, which stops the event loop for tens of milliseconds.
    """
    add_up()
    gc.disable()
    try:
        return encode(REGISTRY)
    finally:
        gc.enable()
