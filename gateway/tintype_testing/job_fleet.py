"""Gateways that run jobs and can be killed, before providers that wait for a test.

`canvas` is served by one direct call to a `Studio`, and `flux-1-schnell` by a simulated provider
that is polled.
"""

import asyncio
import base64
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web
from typing_extensions import override

from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.ledger.jobs import Job
from tintype_testing.fleet import Fleet
from tintype_testing.gateway import canvas, towards
from tintype_testing.manifests import HOSTED, Manifest
from tintype_testing.sample_images import sample_image
from tintype_testing.waiting import LIMIT_SECONDS, eventually

LEASE_SECONDS = 9
"""How long a killed gateway keeps its jobs."""

FLUX = "flux-1-schnell"

BODY = json.dumps({"created": 1, "data": [{"b64_json": sample_image("png", 64, 64).decode()}]})


@dataclass
class Studio:
    """A provider that makes each image when the test says so, and counts what it was asked for."""

    url: str = ""
    free: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while images are made."""

    prompts: list[str] = field(default_factory=list)
    """The prompts of all calls, in their order."""

    async def serve(self, request: web.Request) -> web.Response:
        """Serve a call."""
        self.prompts.append((await request.json())["prompt"])
        await self.free.wait()
        return web.Response(text=BODY, content_type="application/json")


@asynccontextmanager
async def running_studio() -> AsyncIterator[Studio]:
    """Run a provider that makes no image yet."""
    studio, app = Studio(), web.Application()
    app.add_routes([web.post("/v1/images/generations", studio.serve)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    studio.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield studio
    finally:
        studio.free.set()
        await runner.cleanup()


def flux() -> list[Manifest]:
    """Return a model whose provider is polled."""
    documents = list(yaml.safe_load_all((HOSTED / "fal.yaml").read_text()))[:2]
    documents[1]["spec"]["active"] = True
    return documents


class JobFleet(Fleet):
    """Gateways with one ledger, one place for images, and one key for the requests of jobs."""

    call_seconds = 12
    """How long a direct call may take, and for how long a killed gateway keeps the slot of one."""

    def __init__(
        self, folder: Path, simulator: str, studio: str, ledger_url: str, size: int, **environ: str
    ) -> None:
        self._studio = studio
        key_file = folder / "jobs.keys"
        key_file.write_text(base64.b64encode(os.urandom(32)).decode())
        (folder / "fal.api-key").write_text("anything")
        super().__init__(
            folder,
            simulator,
            ledger_url,
            size,
            TINTYPE_IMAGE_STORE_DIR=str(folder / "images"),
            TINTYPE_JOBS_KEY_FILE=str(key_file),
            TINTYPE_JOBS_LEASE_SECONDS=str(LEASE_SECONDS),
            TINTYPE_JOBS_DRAIN_SECONDS="10",
            **environ,
        )

    @override
    def manifests(self) -> list[Manifest]:
        model, binding = canvas(
            maxConcurrentCalls=1, timeoutSeconds=self.call_seconds, queueTimeoutSeconds=300
        )
        return [model, towards(binding, self._studio), *flux()]


@dataclass
class JobClient:
    """Submits jobs to gateways, and follows them in the ledger."""

    fleet: Fleet
    ledger: Ledger
    http: aiohttp.ClientSession
    account: str = "studio"

    async def submit(self, prompt: str, gateway: int = 0, **fields: Any) -> str:
        """Submit a job, and return its id.

        Raises:
            aiohttp.ClientError: The gateway is not there any more.
        """
        body = {"model": "canvas", "prompt": prompt} | fields
        url = f"{self.fleet.urls[gateway]}/v1/images/generations"
        headers = {"Prefer": "respond-async"}
        async with self.http.post(url, json=body, headers=headers) as response:
            document = await response.json()
            assert response.status == 202, document
            return str(document["id"])

    async def job(self, job_id: str) -> Job:
        """Return a job as it is."""
        return await self.ledger.job(self.account, job_id)

    async def ended(self, job_id: str, seconds: float = LIMIT_SECONDS) -> Job:
        """Return a job once it has ended."""

        async def has_ended() -> bool:
            return not (await self.job(job_id)).is_live

        await eventually(has_ended, seconds)
        return await self.job(job_id)

    async def document(self, job_id: str, gateway: int = 0) -> dict[str, Any]:
        """Return the document of a job, as a gateway shows it."""
        async with self.http.get(f"{self.fleet.urls[gateway]}/v1/images/jobs/{job_id}") as response:
            document: dict[str, Any] = await response.json()
            assert response.status == 200, document
            return document


def submissions(requests: list[dict[str, Any]]) -> Counter[str]:
    """Count the tasks that were submitted to the provider that is polled, by their prompt."""
    posted = (each for each in requests if each["method"] == "POST")
    return Counter(str(each["body"]["prompt"]) for each in posted if "prompt" in each["body"])
