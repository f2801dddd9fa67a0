"""A process that reads bodies with images, and tells how much memory it has taken at most.

python -m tests.gateway.uploads.reading_process FOLDER
"""

import asyncio
import re
import sys
from pathlib import Path

from aiohttp import web

from tintype_gateway.api.requests import ImageGenerationRequest
from tintype_gateway.http.bodies.images import read_images_body
from tintype_gateway.http.bodies.limits import UploadLimits
from tintype_gateway.runtime.spool import Spools

SCHEMA = ImageGenerationRequest.model_json_schema()


def peak_bytes() -> int:
    """Return how much memory the process has taken at most since the last question."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    return int(found[1]) * 1024 if found else 0


async def serve(folder: Path) -> None:
    """Serve until the process is ended, and print the port."""
    spools, limits = Spools(folder, 2**31), UploadLimits()

    async def post(request: web.Request) -> web.Response:
        length = request.content_length or 0
        async with spools.opened(limits.total_bytes, length) as spool:
            document = await read_images_body(request, spool, SCHEMA, limits)
            sizes = [image.content.length for image in document.images]
        return web.json_response(sizes)

    async def peak(request: web.Request) -> web.Response:
        return web.json_response(peak_bytes())

    app = web.Application()
    app.add_routes([web.post("/", post), web.get("/peak", peak)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
