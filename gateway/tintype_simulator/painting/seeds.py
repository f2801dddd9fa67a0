"""The seeds of requests that name none.

Real providers draw them at random. Here tests must repeat, so a seed is the number of requests with
the same path and body that came before, since the start.
"""

from collections import OrderedDict

from aiohttp import web

DRAWN_SEED = web.RequestKey("drawn_seed", int)

REQUESTS_KEPT = 10_000
"""How many different requests are counted; the one seen longest ago is dropped first."""


_MOST_IMAGES = 16
"""An upper bound on the images of one request."""


def drawn_seed(request: web.Request, images: int) -> int:
    """Return the seed of a request for this number of images.

    A gateway may divide a request into calls that differ only in their number of images. Each such
    call has a seed of its own.
    """
    return request[DRAWN_SEED] * _MOST_IMAGES + images


class Draws:
    """Counts how often each request came."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def draw(self, path: str, body_digest: bytes) -> int:
        """Return 0 for a request that never came before, and one more each time it does again."""
        request = path.encode() + b"\n" + body_digest
        seed = self._seen.pop(request, 0)
        self._seen[request] = seed + 1
        if len(self._seen) > REQUESTS_KEPT:
            self._seen.popitem(last=False)
        return seed

    def forget(self) -> None:
        """Start all counts again."""
        self._seen.clear()
