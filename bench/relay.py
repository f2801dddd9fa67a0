"""The floor of our stack: aiohttp's server and client with nothing between, relaying bytes.

python -m bench.relay UPSTREAM
"""

import argparse
import asyncio

import aiohttp
from aiohttp import web

SESSION = web.AppKey("session", aiohttp.ClientSession)
UPSTREAM = web.AppKey("upstream", str)

LARGEST_BODY_BYTES = 64 * 1024 * 1024

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "host"})


async def relay(request: web.Request) -> web.StreamResponse:
    """Forward the request, and its response as it arrives."""
    async with request.app[SESSION].post(
        request.app[UPSTREAM] + request.path_qs,
        data=await request.read(),
        headers={"Content-Type": request.headers["Content-Type"]},
    ) as upstream:
        headers = {
            name: value
            for name, value in upstream.headers.items()
            if name.lower() not in _HOP_BY_HOP
        }
        response = web.StreamResponse(status=upstream.status, headers=headers)
        await response.prepare(request)
        async for chunk in upstream.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response


async def serve(upstream: str) -> None:
    """Print the address, and serve until cancelled."""
    app = web.Application(client_max_size=LARGEST_BODY_BYTES)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        app[SESSION], app[UPSTREAM] = session, upstream
        app.router.add_post("/{path:.*}", relay)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
        print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Relay to the upstream that is given."""
    parser = argparse.ArgumentParser(prog="python -m bench.relay", description=__doc__)
    parser.add_argument("upstream", help="its base URL")
    asyncio.run(serve(parser.parse_args().upstream))


if __name__ == "__main__":
    main()
