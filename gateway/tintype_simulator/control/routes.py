"""The endpoints by which a test controls the simulator, below `/_simulator/`.

`PUT /_simulator/faults` replaces the list of faults that the next requests meet, in turn;
`DELETE /_simulator/faults` clears it. `GET /_simulator/requests` lists the last 1000 requests
that a provider received: method, path, headers (without credentials) and body. A form is shown
as the list of its parts in the order in which they came, and a file by its length and digest.
`DELETE /_simulator/requests` clears the list and the counts that seeds are drawn from, so that the
simulator paints the same images again.
"""

from collections import deque
from collections.abc import Mapping

from aiohttp import web

from tintype_simulator.control.faults import FAULT_HEADER, Fault, parse_fault
from tintype_simulator.control.received import ReceivedBody, readable
from tintype_simulator.dialect import SimulatedResponse
from tintype_simulator.painting.seeds import DRAWN_SEED, Draws

REQUESTS_KEPT = 1000

SECRET_HEADERS = {
    *{"authorization", "x-amz-security-token", "x-goog-api-key"},
    *{"x-api-key", "xi-api-key", "api-key"},
}
"""The log never shows these headers."""


class Control:
    """The scripted faults, and the log of received requests."""

    def __init__(self, errors: Mapping[str, SimulatedResponse]) -> None:
        self._errors = errors
        self._faults: deque[Fault] = deque()
        self._requests: deque[dict[str, object]] = deque(maxlen=REQUESTS_KEPT)
        self._draws = Draws()

    def routes(self) -> list[web.RouteDef]:
        """Return the control endpoints."""
        return [
            web.put("/_simulator/faults", self.put_faults),
            web.delete("/_simulator/faults", self.delete_faults),
            web.get("/_simulator/requests", self.get_requests),
            web.delete("/_simulator/requests", self.delete_requests),
        ]

    def record(self, request: web.Request, body: ReceivedBody) -> None:
        """Log a request to a provider, and draw the seed that it may leave open."""
        request[DRAWN_SEED] = self._draws.draw(request.path, body.digest)
        self._requests.append(
            {
                "method": request.method,
                "path": path_without_key(request),
                "headers": {
                    name.lower(): value
                    for name, value in request.headers.items()
                    if name.lower() not in SECRET_HEADERS
                },
                "body": body.shown,
            }
        )

    def fault_for(self, request: web.Request) -> Fault:
        """Return the fault of this request: its own, or else the next of the list.

        Raises:
            web.HTTPBadRequest: The request's header is not a fault.
        """
        if (own := request.headers.get(FAULT_HEADER)) is not None:
            return self._parsed(readable(own))
        return self._faults.popleft() if self._faults else Fault()

    async def put_faults(self, request: web.Request) -> web.Response:
        """Replace the list of faults."""
        faults = readable(await request.read())
        if not isinstance(faults, list):
            raise web.HTTPBadRequest(text="the body must be a JSON list of faults")
        self._faults = deque([self._parsed(fault) for fault in faults])
        return web.Response(status=204)

    async def delete_faults(self, request: web.Request) -> web.Response:
        """Clear the list of faults."""
        self._faults.clear()
        return web.Response(status=204)

    async def get_requests(self, request: web.Request) -> web.Response:
        """List the requests that the providers received, oldest first."""
        return web.json_response(list(self._requests))

    async def delete_requests(self, request: web.Request) -> web.Response:
        """Clear the log, and the counts that seeds are drawn from."""
        self._requests.clear()
        self._draws.forget()
        return web.Response(status=204)

    def _parsed(self, fault: object) -> Fault:
        try:
            return parse_fault(fault, self._errors)
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from error


def path_without_key(request: web.Request) -> str:
    """Return path and query as received, without the key that Google's clients may put there."""
    if "key" not in request.query:
        return request.raw_path
    return str(request.rel_url.without_query_params("key"))
