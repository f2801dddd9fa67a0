"""Jobs whose image store fails or is slow: what was paid for is not lost by a passing fault."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Self

import pytest
from typing_extensions import override

from tests.gateway.jobs.support import (
    PRICE,
    STREAMED,
    code_of,
    ended,
    read,
    submitted,
    worker,
    working,
)
from tests.gateway.jobs.test_recovery import CALL, lost
from tintype_gateway.jobs import patient_store
from tintype_gateway.ledger.jobs import Job
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.interface import StoreError
from tintype_gateway.storage.stored_responses import (
    Bill,
    StoredBody,
    StoredResponse,
    response_name,
)
from tintype_testing.builders import route
from tintype_testing.gateway import ACCOUNT, CREDITS_MICRO, Gateway, canvas
from tintype_testing.waiting import eventually


class Faults:
    """The faults of a folder: files whose names begin with a prefix are refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.prefix = "nothing"
        self.times = 0
        self.refused = 0
        self.asked = asyncio.Event()
        """Set when a file was refused."""

        self.gate: asyncio.Event | None = None
        """What such files wait for, in the place of being refused."""

        self._put = FolderStore.put
        monkeypatch.setattr(FolderStore, "put", self._patched())
        monkeypatch.setattr(patient_store, "PAUSES_SECONDS", (0.0,) * 5)
        monkeypatch.setattr(patient_store, "TRIAL_PAUSE_SECONDS", 0.0)
        monkeypatch.setattr("tintype_gateway.jobs.worker.POSTPONED_SECONDS", 0.05)

    def refuse(self, prefix: str, times: int = 10**6) -> None:
        """Refuse files from now on, and accept them after this number."""
        self.prefix, self.times = prefix, times

    def hold(self, prefix: str) -> asyncio.Event:
        """Let files wait for an event from now on."""
        self.refuse(prefix)
        self.gate = asyncio.Event()
        return self.gate

    def _patched(self) -> Callable[..., Awaitable[None]]:
        faults = self

        async def put(
            self: FolderStore, name: str, content: bytes, kind: str, seconds: int
        ) -> None:
            if name.startswith(faults.prefix) and faults.refused < faults.times:
                faults.asked.set()
                if faults.gate is None:
                    faults.refused += 1
                    raise StoreError("the disk is away")
                await faults.gate.wait()
            await faults._put(self, name, content, kind, seconds)

        return put


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    return Faults(monkeypatch)


@pytest.fixture
async def gateway(tmp_path: Path, faults: Faults) -> AsyncIterator[Gateway]:
    """A gateway that takes jobs and runs none by itself."""
    async with working(tmp_path, canvas(), jobs_concurrency=0) as gateway:
        yield gateway


async def sent_with_result(gateway: Gateway, *, image: bool = True) -> Job:
    """Return a job whose worker is gone after it has stored the result, or all but its image."""
    job, journal = await lost(gateway)
    await journal.sending(CALL, route())
    store = gateway.jobs.submissions.pipeline.images.store
    assert store is not None
    if image:
        await store.put("images/a.png", b"an image", "image/png", 3600)
    texts = (b'{"data":[{"b64_json":"', b'"}],')
    bill = Bill(PRICE, 1, {"usage": {"images": 1}})
    record = StoredResponse(StoredBody(texts, ("images/a.png",)), {}, job.hold, bill)
    await store.put(response_name(job.request_id), record.dumped(), "application/json", 3600)
    return job


@pytest.mark.parametrize("prefix", ["images/", "answers/"])
async def test_what_cannot_be_stored_at_once_is_stored_a_little_later(
    gateway: Gateway, faults: Faults, prefix: str
) -> None:
    faults.refuse(prefix, times=5)
    async with worker(gateway):
        job = await ended(gateway, await submitted(gateway))

    assert (job.status, job.charged, faults.refused) == ("completed", PRICE, 5)
    assert (await read(gateway, job.id))["result"]["data"][0]["b64_json"]


async def test_what_is_slow_to_store_for_a_stream_keeps_no_image_from_the_result(
    tmp_path: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tintype_gateway.jobs.output.EVENT_SECONDS", 0.05)
    faults.hold("jobs/")
    async with working(tmp_path, ()) as gateway:
        job_id = await submitted(gateway, stream=True, partial_images=1, **STREAMED)
        job = await ended(gateway, job_id)
        document = await read(gateway, job_id)

    assert faults.asked.is_set()
    assert (job.status, len(document["result"]["data"])) == ("completed", 1)


async def test_urls_that_cannot_be_signed_while_a_job_runs_lose_no_image(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unsigned(self: FolderStore, name: str, lifetime_seconds: int) -> str:
        raise StoreError("there is no key")

    job_id = await submitted(gateway, response_format="url")
    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "url", unsigned)
        async with worker(gateway):
            job = await ended(gateway, job_id)

    assert (job.status, job.charged) == ("completed", PRICE)
    assert "/images/files/" in (await read(gateway, job.id))["result"]["data"][0]["url"]


async def test_an_image_that_cannot_be_stored_for_minutes_is_not_charged(
    gateway: Gateway, faults: Faults
) -> None:
    faults.refuse("images/")
    async with worker(gateway):
        job = await ended(gateway, await submitted(gateway))

    assert (job.status, code_of(job)) == ("outcome_unknown", "image_store_unavailable")
    assert (await gateway.account()).available == CREDITS_MICRO


async def test_while_nothing_can_be_stored_no_queued_job_is_sent(
    gateway: Gateway, faults: Faults
) -> None:
    faults.refuse("")
    jobs = [await submitted(gateway) for _ in range(2)]
    async with worker(gateway):

        async def were_handed_back() -> bool:
            found = [await gateway.ledger.job(ACCOUNT, each) for each in jobs]
            return all(job.handed_back > 1 for job in found)

        await eventually(were_handed_back)
        assert await gateway.upstream_calls() == []
        faults.refuse("nothing")
        found = [await ended(gateway, each) for each in jobs]

    assert [job.status for job in found] == ["completed"] * 2
    assert len(await gateway.upstream_calls()) == 2


async def test_a_result_that_is_being_stored_when_a_worker_drains_is_not_cut_off(
    gateway: Gateway, faults: Faults
) -> None:
    gate = faults.hold("answers/")
    job_id = await submitted(gateway)
    async with worker(gateway, jobs_drain_seconds=0):
        await faults.asked.wait()
        asyncio.get_running_loop().call_later(0.2, gate.set)  # after the drain has begun

    job = await gateway.ledger.job(ACCOUNT, job_id)
    assert (job.status, job.charged) == ("completed", PRICE)


async def test_a_job_whose_result_is_damaged_is_given_up_free(gateway: Gateway) -> None:
    job = await sent_with_result(gateway)
    store = gateway.jobs.submissions.pipeline.images.store
    assert store is not None
    await store.put(response_name(job.request_id), b"", "application/json", 3600)

    async with worker(gateway):
        given_up = await ended(gateway, job.id)

    assert (given_up.status, code_of(given_up)) == ("outcome_unknown", "outcome_unknown")


async def test_a_result_whose_image_is_gone_is_not_charged(gateway: Gateway) -> None:
    job = await sent_with_result(gateway, image=False)

    async with worker(gateway):
        given_up = await ended(gateway, job.id)

    assert (given_up.status, given_up.charged) == ("outcome_unknown", None)
    assert (await gateway.account()).available == CREDITS_MICRO


async def test_the_files_of_a_result_that_is_found_are_kept_as_long_as_those_of_a_new_one(
    gateway: Gateway,
) -> None:
    job = await sent_with_result(gateway)
    async with worker(gateway):
        completed = await ended(gateway, job.id)

    assert completed.expires_at is not None
    files = gateway.ledger_path.parent / "images"
    for name in ("images/a.png", response_name(job.request_id)):
        assert (files / name).stat().st_mtime > completed.expires_at.timestamp()


async def test_a_result_is_looked_for_until_it_is_too_late_and_then_given_up(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await sent_with_result(gateway)

    async def away(self: FolderStore, name: str) -> bytes:
        raise StoreError("the disk is away")

    monkeypatch.setattr(FolderStore, "get", away)
    async with worker(gateway, jobs_max_queued_seconds=60):

        async def was_handed_back() -> bool:
            return (await gateway.ledger.job(ACCOUNT, job.id)).handed_back > 0

        await eventually(was_handed_back)
        started = (await gateway.ledger.job(ACCOUNT, job.id)).started_at
        assert started is not None
        monkeypatch.setattr("tintype_gateway.jobs.run.datetime", _Later)
        given_up = await ended(gateway, job.id)

    assert given_up.status == "outcome_unknown"


class _Later(datetime):
    """A clock that is an hour ahead."""

    @classmethod
    @override
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(datetime.now(UTC).timestamp() + 3600, UTC)
