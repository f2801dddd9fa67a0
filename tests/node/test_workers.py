"""Workers with a database and a bucket: jobs end, charged once, whatever becomes of pods."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import httpx2
import openai
import pytest

from tests.node import cgroups
from tests.node.figures import Figures
from tests.node.installation import CONCURRENCY, balanced
from tests.node.release import PROMPT, Release
from tintype_testing.chart import Object
from tintype_testing.waiting import eventually_blocking

JOBS = 8

PROVIDER_SECONDS = 6
"""How long the simulated provider takes for each of the first images of a test."""

PAUSE_SECONDS = 1.5
"""Between two submissions during the rolling upgrade."""

UNAVAILABLE = 503

WAIT_SECONDS = 300
"""A lease has to end, and pods have to start again."""


class Client:
    """A client of the release that submits jobs by OpenAI's SDK."""

    def __init__(self, release: Release, sdk: openai.OpenAI) -> None:
        self._sdk = sdk
        self._simulator = f"http://{release.address('tintype-simulator')}:9000/_simulator"
        self._api = httpx2.Client(
            base_url=f"http://{release.address('tintype')}:8080",
            headers={"Authorization": f"Bearer {sdk.api_key}", "Prefer": "wait=5"},
            timeout=60,
        )

    def slow_down(self, images: int) -> None:
        """Let the next images take their time."""
        faults = [{"delay_seconds": PROVIDER_SECONDS}] * images
        httpx2.put(f"{self._simulator}/faults", json=faults).raise_for_status()

    def submit(self) -> str:
        """Submit a job, and return its path."""
        submitted = self._sdk.images.with_raw_response.generate(
            model="gpt-image-1",
            prompt=PROMPT,
            quality="low",
            extra_headers={"Prefer": "respond-async"},
        )
        return submitted.headers["location"]

    def calls(self) -> int:
        """How many calls the simulated provider has received."""
        return len(httpx2.get(f"{self._simulator}/requests", timeout=60).raise_for_status().json())

    def end(self, path: str) -> dict[str, Any]:
        """Wait for the end of a job, and return it."""
        job: dict[str, Any] = {}

        def look() -> bool:
            nonlocal job
            response = self._api.get(path)
            if response.status_code == UNAVAILABLE:
                return False  # the ledger was slow, and a client asks again
            job = cast(dict[str, Any], response.raise_for_status().json())
            return job["finished_at"] is not None

        eventually_blocking(look, f"the end of {path}", seconds=WAIT_SECONDS)
        return job

    def ends(self, paths: list[str]) -> Counter[str]:
        """Wait for the ends of jobs, and count their states."""
        with ThreadPoolExecutor(len(paths)) as pool:
            return Counter(job["status"] for job in pool.map(self.end, paths))

    def close(self) -> None:
        self._api.close()


@pytest.fixture
def client(production: Release) -> Iterator[Client]:
    with production.client() as sdk, ExitStack() as stack:
        client = Client(production, sdk)
        stack.callback(client.close)
        yield client


@contextmanager
def submitting(client: Client) -> Iterator[list[str]]:
    """Submit jobs, one after another, while the block runs; the list has their paths."""
    paths: list[str] = []
    stopped = threading.Event()

    def submit() -> None:
        while not stopped.wait(PAUSE_SECONDS):
            paths.append(client.submit())

    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(submit)
        try:
            yield paths
        finally:
            stopped.set()
        work.result()


def busy_worker(release: Release, client: Client, before: int) -> Object:
    """A worker, once both are busy with calls to the provider."""
    eventually_blocking(
        lambda: client.calls() >= before + CONCURRENCY + 1, "calls of more than one worker"
    )
    return release.pods("worker")[0]


def test_a_worker_that_is_deleted_finishes_its_jobs(production: Release, client: Client) -> None:
    client.slow_down(JOBS)
    before = client.calls()
    paths = [client.submit() for _ in range(JOBS)]
    worker = busy_worker(production, client, before)

    production.kubectl("delete", "pod", worker["metadata"]["name"], "--wait=false")

    assert client.ends(paths) == {"completed": JOBS}
    assert balanced(production)


def test_a_rolling_upgrade_of_gateways_and_workers_loses_no_job(
    production: Release, client: Client, figures: Figures
) -> None:
    old = production.uids("gateway") | production.uids("worker")
    again = {"podAnnotations": {"restarted": "for jobs"}}
    gateway, jobs = production.values["gateway"], production.values["jobs"]
    values = production.values | {
        "gateway": gateway | again,
        "jobs": jobs | {"workers": jobs["workers"] | again},
    }

    with submitting(client) as paths, figures.timed("rolling upgrade of gateways and workers"):
        production.upgrade(values)
        production.wait_until_gone(old)

    figures.record("jobs during the rolling upgrade", len(paths), "jobs")
    assert client.ends(paths) == {"completed": len(paths)}
    assert balanced(production)


def test_every_job_of_a_killed_worker_ends_and_none_is_charged_twice(
    production: Release, client: Client, figures: Figures
) -> None:
    client.slow_down(JOBS)
    before = client.calls()
    paths = [client.submit() for _ in range(JOBS)]
    worker = busy_worker(production, client, before)

    for pid in cgroups.processes_of_pod(worker["metadata"]["uid"]):
        if "gateway" in cgroups.command_line(pid):
            os.kill(pid, signal.SIGKILL)

    with figures.timed("the end of all jobs after a worker was killed"):
        states = client.ends(paths)
    figures.record("of these, outcome unknown", states["outcome_unknown"], "jobs")
    assert 1 <= states["outcome_unknown"] <= CONCURRENCY
    assert states["completed"] == JOBS - states["outcome_unknown"]
    assert client.calls() <= before + JOBS  # none was submitted again
    assert balanced(production)
