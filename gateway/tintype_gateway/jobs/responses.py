"""The bodies of responses about jobs, part by part: no image is in memory as a whole."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any

from tintype_gateway.errors import GatewayError, NotFoundError, UnavailableError
from tintype_gateway.ledger.jobs import Job, JobEvent
from tintype_gateway.runtime.memory_budget import PASSED_ON_BYTES, MemoryBudget
from tintype_gateway.storage.interface import ImageStore, NotStoredError, StoreError
from tintype_gateway.storage.stored_responses import StoredBody, StoredResponse
from tintype_gateway.upstream.sse import Pieces, comment
from tintype_gateway.upstream.sse import event as sse_event
from tintype_gateway.values.response import End, Head, Part

MEMORY_SECONDS = 30.0
"""How long an event waits for memory before its stream is broken off."""

LAST_NUMBER = 1_000_000
"""The id of the event that says why a job was not completed: beyond those of all other events."""

CANCELLED = {
    "message": "the job was cancelled",
    "type": "invalid_request_error",
    "param": None,
    "code": "job_cancelled",
}


@dataclass(frozen=True)
class JobResponses:
    """Reads what jobs have left in the image store."""

    store: ImageStore | None
    """None: the results of jobs cannot be read."""

    url_seconds: int
    memory: MemoryBudget

    async def result(self, job: Job) -> StoredResponse | None:
        """Return the response of a job, without its images; None if there is none any more.

        Raises:
            UnavailableError: The store is unavailable.
        """
        if job.result is None or self.store is None:
            return None
        with _refusals():
            try:
                stored = StoredResponse.parse(await self.store.get(job.result.record))
            except NotStoredError:
                return None
        return stored.settled(job.charged, job.available)

    async def direct(self, stored: StoredResponse) -> AsyncGenerator[Part, None]:
        """Yield the response that the direct request would have got.

        Raises:
            NotFoundError: Its images are no longer stored.
            UnavailableError: The store is unavailable.
            OverloadedError: There is no memory.
        """
        async for part in self._parts(stored.headers, b"", stored, b""):
            yield part

    async def document(
        self, document: Mapping[str, Any], stored: StoredResponse, headers: Mapping[str, str]
    ) -> AsyncGenerator[Part, None]:
        """Yield the document of a job with its result.

        Raises:
            NotFoundError: Its images are no longer stored.
            UnavailableError: The store is unavailable.
            OverloadedError: There is no memory.
        """
        before = json.dumps(document)[:-1] + ', "result": '
        async for part in self._parts(headers, before.encode(), stored, b"}"):
            yield part

    async def event(self, event: JobEvent) -> AsyncGenerator[bytes, None]:
        """Yield an event of a stream with its id.

        An event whose image is gone is a comment: the stream goes on without it.

        Raises:
            GatewayError: The store is unavailable, or there is no memory.
        """
        name, store = event.name, self.store
        assert name is not None and store is not None  # noqa: PT018, S101 - it was stored
        async with self.memory.reserved_soon(PASSED_ON_BYTES, MEMORY_SECONDS):
            with _refusals():
                try:
                    body = StoredBody.parse(await store.get(name))
                    pieces = body.pieces(store, self.url_seconds)
                    async with aclosing(pieces):
                        first = await _beginning(pieces)
                        yield f"id: {event.number}\n".encode() + first
                        async for piece in pieces:
                            yield piece
                except NotStoredError:
                    yield b"".join(comment(f"event {event.number} is no longer stored"))

    async def _parts(
        self, headers: Mapping[str, str], before: bytes, stored: StoredResponse, after: bytes
    ) -> AsyncGenerator[Part, None]:
        assert self.store is not None  # noqa: S101 - `result` has read from it
        pieces = stored.body.pieces(self.store, self.url_seconds)
        with self.memory.reserved(PASSED_ON_BYTES), _refusals():
            async with aclosing(pieces):
                try:
                    first = await _beginning(pieces)
                except NotStoredError as error:
                    raise NotFoundError(
                        "the images of the job are no longer stored", code="image_not_found"
                    ) from error
                yield Head(headers)
                yield before + first
                async for piece in pieces:
                    yield piece
                yield End(after, stored.receipt)


def failure_event(job: Job) -> Pieces:
    """Return the last event of a job that ended without being completed."""
    body: Mapping[str, Any] = {"error": CANCELLED} if job.error is None else job.error["body"]
    (text,) = sse_event("error", body)
    return (f"id: {LAST_NUMBER}\n".encode(), text)


async def _beginning(pieces: AsyncIterator[bytes]) -> bytes:
    """Return a body's first text with the beginning of its first image, if it has one."""
    return b"".join([await anext(pieces), await anext(pieces, b"")])


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise _unavailable(error) from error


def _unavailable(error: StoreError) -> GatewayError:
    return UnavailableError(
        f"the images of the job cannot be read now: {error}",
        code="image_store_unavailable",
        retry=True,
        retry_after_seconds=5,
    )
