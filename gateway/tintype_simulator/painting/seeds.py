"""The seeds that a provider draws where a request leaves them open.

Real ones draw at random, so that no two images are alike. Here a rehearsal is to repeat: a seed
is how many requests of the same path and body came before, since the start.
"""

from collections import OrderedDict

from aiohttp import web

DRAWN_SEED = web.RequestKey("drawn_seed", int)

REQUESTS_KEPT = 10_000
"""How many different requests are told apart; the one that was seen longest ago is forgotten."""


_MOST_IMAGES = 16
"""More than any request asks for."""


def drawn_seed(request: web.Request, images: int) -> int:
    """Return the seed of a request for so many images.

    A gateway divides what is asked of it into calls that may differ in no more than this number:
    each has a seed of its own.
    """
    return request[DRAWN_SEED] * _MOST_IMAGES + images


class Draws:
    """How often each request came."""

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
        """Draw the first seeds again."""
        self._seen.clear()
