"""What Prometheus scrapes: thousands of series, written beside the event loop."""

import asyncio
import gc
from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from tintype_gateway.observability.metrics import REGISTRY

Encode = Callable[[CollectorRegistry], bytes]


async def scraped(accept: str) -> tuple[bytes, str]:
    """Return all metrics in a format that the header `Accept` asks for, and its content type."""
    encode, content_type = choose_encoder(accept)
    return await asyncio.to_thread(_written, encode), content_type


def _written(encode: Encode) -> bytes:
    """Write the metrics without garbage collection.

    What writing them allocates is freed without it, but would set it off again and again: each
    pass over all objects stops the event loop for tens of milliseconds.
    """
    gc.disable()
    try:
        return encode(REGISTRY)
    finally:
        gc.enable()
