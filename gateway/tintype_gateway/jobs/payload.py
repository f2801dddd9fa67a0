"""The requests of jobs, sealed until the jobs end.

All of a request but its images is in the payload of the job's row. Its images are files of the
image store, each in sealed pieces, so that none is in memory as a whole. The payload names them.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tintype_gateway.accounts import Profile
from tintype_gateway.jobs.sealing import KeyMissingError, SealError, Sealing
from tintype_gateway.pipeline.stages.adapt import Handling
from tintype_gateway.runtime.memory_budget import MemoryBudget
from tintype_gateway.runtime.spool import Spool, Spools, SpoolWriter
from tintype_gateway.storage.interface import UPLOADS, ImageStore, NotStoredError, StoreError
from tintype_gateway.values.content import (
    Content,
    JsonBody,
    RequestBody,
    Upload,
    UploadedDocument,
)
from tintype_gateway.values.routes import ForcedProvider

PIECE_BYTES = 4 * 1024 * 1024
"""The length of each piece of an image but its last."""

MEMORY_SECONDS = 30.0
"""How long the images of a request wait for the memory in which they are opened."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredRequest:
    """A request as it arrived, with the choices of its headers."""

    operation: str
    """The name of the operation."""

    body: RequestBody
    provider: ForcedProvider | None = None
    handling: Handling | None = None
    profile: Profile | None = None
    prompt: str | None = field(default=None, repr=False)
    """The prompt that the policy service has put in the place of the body's."""


class PayloadError(Exception):
    """A stored request cannot be read any more: a part of it is gone, or was changed."""


class PayloadKeyError(PayloadError):
    """A stored request cannot be read here; another gateway may have its key."""


@dataclass(frozen=True)
class Payloads:
    """Seals requests, and opens them again."""

    sealing: Sealing
    store: ImageStore
    spools: Spools
    """Where the images of an opened request are."""

    max_upload_bytes: int
    """The most bytes that the images of a request may take there."""

    lifetime_seconds: int
    """How long the store keeps the images of a request whose job does not end."""

    memory: MemoryBudget = field(default_factory=MemoryBudget)
    """In which the pieces of images are opened."""

    async def seal(self, job_id: str, request: StoredRequest) -> bytes:
        """Store the images of a request, and return its payload.

        Raises:
            StoreError: The store is unavailable. Nothing is left in it.
        """
        uploads = _uploads_of(request.body)
        payload = await asyncio.to_thread(self._sealed, job_id, request)
        try:
            for number, upload in enumerate(uploads):
                await self._put(job_id, number, upload.content)
        except BaseException:
            await self.discard(job_id, payload)
            raise
        return payload

    @asynccontextmanager
    async def opened(self, job_id: str, payload: bytes) -> AsyncIterator[StoredRequest]:
        """Give the request in a payload to the block, which can read its images until it ends.

        Raises:
            PayloadKeyError: This gateway does not have its key.
            PayloadError: A part of it is gone, or was changed.
            StoreError: The store is unavailable.
            OverloadedError: There is no room on the disk for its images, or no memory to open them.
        """
        document = self._document(job_id, payload)
        if "text" in document:
            yield _request(document, JsonBody(document["text"].encode()))
            return
        lengths = [each["length"] for each in document["uploads"]]
        async with self.spools.opened(self.max_upload_bytes, sum(lengths)) as spool:
            # each piece is in memory sealed, and opened
            copies = 2 * min(PIECE_BYTES, max(lengths, default=0))
            async with self.memory.reserved_soon(copies, MEMORY_SECONDS):
                uploads = [
                    Upload(await self._read(job_id, number, each["length"], spool), each["param"])
                    for number, each in enumerate(document["uploads"])
                ]
            mask = uploads.pop() if document["has_mask"] else None
            yield _request(
                document,
                UploadedDocument(
                    document["fields"], tuple(uploads), mask, document["digest"], spool.keep
                ),
            )

    async def discard(self, job_id: str, payload: bytes) -> None:
        """Remove the images of a request from the store. What cannot be removed ends by itself."""
        try:
            document = self._document(job_id, payload)
        except PayloadError as error:
            _not_removed(job_id, error)
            return
        for number, each in enumerate(document.get("uploads", ())):
            for piece in range(_pieces(each["length"])):
                try:
                    await self.store.delete(_name(job_id, number, piece))
                except StoreError as error:
                    _not_removed(job_id, error)

    def _sealed(self, job_id: str, request: StoredRequest) -> bytes:
        return self.sealing.seal(json.dumps(_written(request)).encode(), _about(job_id))

    def _document(self, job_id: str, payload: bytes) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads(self.sealing.open(payload, _about(job_id)))
        except SealError as error:
            raise _error_of("the stored request", error) from error
        return document

    async def _put(self, job_id: str, number: int, content: Content) -> None:
        count = _pieces(content.length)
        for piece in range(count):
            about = _about_piece(job_id, number, piece, count)

            def sealed(piece: int = piece, about: str = about) -> bytes:
                return self.sealing.seal(content.read(piece * PIECE_BYTES, PIECE_BYTES), about)

            await self.store.put(
                _name(job_id, number, piece),
                await asyncio.to_thread(sealed),
                "application/octet-stream",
                self.lifetime_seconds,
            )

    async def _read(self, job_id: str, number: int, length: int, spool: Spool) -> Content:
        writer, count = SpoolWriter(spool), _pieces(length)
        for piece in range(count):
            try:
                sealed = await self.store.get(_name(job_id, number, piece))
                about = _about_piece(job_id, number, piece, count)
                await writer.write(await asyncio.to_thread(self.sealing.open, sealed, about))
            except NotStoredError as error:
                raise PayloadError("an image of the stored request is gone") from error
            except SealError as error:
                raise _error_of("a stored image", error) from error
        return await writer.finish()


def _error_of(what: str, error: SealError) -> PayloadError:
    kind = PayloadKeyError if isinstance(error, KeyMissingError) else PayloadError
    return kind(f"{what} cannot be opened: {error}")


def _not_removed(job_id: str, error: Exception) -> None:
    log.warning("images of a job not removed", extra={"job": job_id, "error": str(error)})


def _uploads_of(body: RequestBody) -> tuple[Upload, ...]:
    """Return the images of a body, the mask behind them."""
    return body.images if body.mask is None else (*body.images, body.mask)


def _written(request: StoredRequest) -> dict[str, object]:
    body = request.body
    document: dict[str, object] = {
        "operation": request.operation,
        "provider": request.provider,
        "handling": request.handling,
        "profile": request.profile,
        "prompt": request.prompt,
    }
    if isinstance(body, JsonBody):
        return document | {"text": body.text.decode()}
    return document | {
        "fields": dict(body.fields),
        "uploads": list(map(_described, _uploads_of(body))),
        "has_mask": body.mask is not None,
        "digest": body.digest,
    }


def _described(upload: Upload) -> Mapping[str, object]:
    return {"param": upload.param, "length": upload.content.length}


def _request(document: Mapping[str, Any], body: RequestBody) -> StoredRequest:
    provider = document["provider"]
    return StoredRequest(
        document["operation"],
        body,
        None if provider is None else ForcedProvider(*provider),
        document["handling"],
        document["profile"],
        document.get("prompt"),  # absent in the requests of earlier versions
    )


def _pieces(length: int) -> int:
    """Return the number of pieces of an image. One that is empty has a piece, too."""
    return max(1, -(-length // PIECE_BYTES))


def _name(job_id: str, number: int, piece: int) -> str:
    return f"{UPLOADS}{job_id}.{number}.{piece}"


def _about(job_id: str) -> str:
    return f"job:{job_id}:payload"


def _about_piece(job_id: str, number: int, piece: int, count: int) -> str:
    return f"job:{job_id}:upload:{number}:{piece}/{count}"
