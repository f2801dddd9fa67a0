"""Stores the responses to requests with an idempotency key, so that repeats get the same response.

`stored_responses` says what is stored.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from tintype_gateway.errors import AlreadyServedError, UnavailableError
from tintype_gateway.images.base64_view import decode
from tintype_gateway.ledger.validation import IDEMPOTENCY_KEPT_SECONDS
from tintype_gateway.storage.interface import (
    ImageStore,
    NotStoredError,
    StoreError,
    media_type,
    new_name,
)
from tintype_gateway.storage.stored_responses import StoredBody, StoredResponse, response_name
from tintype_gateway.values.images import FinishedImage
from tintype_gateway.values.response import Response

log = logging.getLogger(__name__)

REPLAYED = {"Idempotent-Replayed": "true"}
"""The header of a stored response that is sent again."""


class IdempotentResponses:
    """Writes responses to the image store, and reads them."""

    def __init__(self, store: ImageStore | None = None, url_seconds: int = 3600) -> None:
        self._store = store
        self._url_seconds = url_seconds
        self._running: set[asyncio.Task[None]] = set()

    async def keep(
        self, request_id: str, response: Response, images: Sequence[FinishedImage]
    ) -> None:
        """Store a response that was charged, even if its client disconnects meanwhile.

        A failure does not affect the first response; repeats are then refused.
        """
        if self._store is None:
            return
        keeping = asyncio.create_task(self._keep(self._store, request_id, response, images))
        self._running.add(keeping)
        keeping.add_done_callback(self._running.discard)
        await asyncio.shield(keeping)

    async def find(self, served: AlreadyServedError) -> Response:
        """Return the stored response to an earlier request.

        Raises:
            AlreadyServedError: The response was not stored.
            UnavailableError: The store is unavailable. Nothing was charged.
        """
        if self._store is None:
            raise served
        try:
            return await self._find(self._store, served.request_id)
        except NotStoredError:
            raise served from None
        except StoreError as error:
            raise UnavailableError(
                f"the stored response to the first request cannot be read: {error}",
                code="image_store_unavailable",
                retry=True,
                retry_after_seconds=5,
            ) from error

    async def finish(self) -> None:
        """Wait for responses that are being stored."""
        await asyncio.gather(*self._running)

    async def _keep(
        self,
        store: ImageStore,
        request_id: str,
        response: Response,
        images: Sequence[FinishedImage],
    ) -> None:
        seconds = IDEMPOTENCY_KEPT_SECONDS + self._url_seconds
        try:
            names = [await _kept(image, store, seconds) for image in images]
            content = _stored(response, names, images).dumped()
            await store.put(response_name(request_id), content, "application/json", seconds)
        except StoreError as error:
            extra = {"request_id": request_id, "error": str(error)}
            log.warning("response not stored for a repeat", extra=extra)

    async def _find(self, store: ImageStore, request_id: str) -> Response:
        stored = StoredResponse.parse(await store.get(response_name(request_id)))
        response = await stored.response(store, self._url_seconds)
        return replace(response, headers={**response.headers, **REPLAYED})


async def _kept(image: FinishedImage, store: ImageStore, seconds: int) -> str:
    """Store an image, and return its name in the store."""
    if image.name is not None:
        await store.keep(image.name, seconds)
        return image.name
    name = new_name(image.format)
    await store.put(name, decode(image.image.base64), media_type(image.format), seconds)
    return name


def _stored(
    response: Response, names: Sequence[str], images: Sequence[FinishedImage]
) -> StoredResponse:
    texts = tuple(bytes(piece) for piece in response.pieces[::2])
    body = StoredBody(texts, tuple(names), as_url=any(image.name for image in images))
    return StoredResponse(body, response.headers, response.receipt)
