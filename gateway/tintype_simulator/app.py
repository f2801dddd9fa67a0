"""The simulator as a server: every dialect, the control endpoints, and the threads that paint."""

import os
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from aiohttp import web
from yarl import URL

from tintype_simulator.bedrock import routes as bedrock
from tintype_simulator.control.routes import Control
from tintype_simulator.delivery import Serve, serving
from tintype_simulator.dialect import PAINTERS, Dialect, SimulatedResponse
from tintype_simulator.google import routes as google
from tintype_simulator.hosted.mounted import HOSTED
from tintype_simulator.hosted.tasks import TASKS, Tasks
from tintype_simulator.openai import routes as openai
from tintype_simulator.policy import Policy
from tintype_simulator.servers.mounted import SERVERS
from tintype_simulator.servers.stored_files import STORED_FILES, StoredFiles
from tintype_simulator.worker import Worker

DIALECTS: tuple[Dialect, ...] = (
    *(openai.DIALECT, bedrock.DIALECT, google.DIALECT),
    *(*SERVERS, *HOSTED),
)
"""Every simulated protocol."""

MAX_REQUEST_BYTES = 1024**3
"""The largest body: 16 images of 50 MB, a mask and an overlay for OpenAI. Each provider refuses
what is too large for itself."""

SHUTDOWN_SECONDS = 0.5
"""The time that requests in flight have when the simulator stops: its images cost nothing."""


def create_app(
    *, latency_seconds: float = 0.0, policy_keys: Sequence[bytes] = ()
) -> web.Application:
    """Return the simulator; each response takes `latency_seconds` longer than the painting.

    With keys, it has a policy service for gateways that sign with one of them.
    """
    app = web.Application(client_max_size=MAX_REQUEST_BYTES)
    control = Control(known_errors())
    app.add_routes(control.routes())
    if policy_keys:
        app.add_routes(Policy(policy_keys).routes())
    candidates: dict[tuple[str, str], list[tuple[Dialect, Serve]]] = defaultdict(list)
    for dialect in DIALECTS:
        worker = Worker() if dialect.one_job_at_a_time else None
        if worker:
            app.on_shutdown.append(worker.close)
        for method, path, handler in dialect.routes:
            turn = worker if method == "POST" else None
            serve = serving(handler, dialect, control, latency_seconds, turn)
            candidates[method, path].append((dialect, serve))
    for (method, path), dialects in candidates.items():
        app.router.add_route(method, path, serving_first_claim(dialects))
    app[STORED_FILES] = StoredFiles()
    app[TASKS] = Tasks()
    app.on_cleanup.append(app[TASKS].close)
    app.cleanup_ctx.append(painters)
    return app


def serving_first_claim(candidates: Sequence[tuple[Dialect, Serve]]) -> Serve:
    """Return the handler of a path that several providers share."""
    unclaimed = candidates[0][1]

    async def serve(request: web.Request) -> web.StreamResponse:
        claims = (own for dialect, own in candidates if dialect.claims(request))
        return await next(claims, unclaimed)(request)

    return serve


def known_errors() -> dict[str, SimulatedResponse]:
    """Return every provider's table of errors, by the names that faults use."""
    return {
        f"{dialect.provider}/{name}": response
        for dialect in DIALECTS
        for name, response in dialect.errors.items()
    }


async def painters(app: web.Application) -> AsyncIterator[None]:
    """Run the threads that paint: a pool of its own, so that images never delay other work."""
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="painter") as pool:
        app[PAINTERS] = pool
        yield


@asynccontextmanager
async def running(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    latency_seconds: float = 0.0,
    policy_keys: Sequence[bytes] = (),
) -> AsyncIterator[str]:
    """Serve the simulator while the context is open, and yield its base URL without a path.

    Args:
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.
        latency_seconds: The time that each response takes beside the painting.
        policy_keys: By which gateways sign what they ask the policy service; none without one.

    Raises:
        OSError: The address is not of this machine, or the port is taken.
    """
    runner = web.AppRunner(
        create_app(latency_seconds=latency_seconds, policy_keys=policy_keys),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound_port = runner.addresses[0][1]
        yield str(URL.build(scheme="http", host=host, port=bound_port))
    finally:
        await runner.cleanup()
