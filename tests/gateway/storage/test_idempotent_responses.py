"""How the first response to a request with an idempotency key is kept."""

import asyncio
from pathlib import Path

import pytest
from typing_extensions import override

from tintype_gateway.errors import AlreadyServedError
from tintype_gateway.pipeline.json_serializer import respond
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.idempotent_responses import IdempotentResponses
from tintype_gateway.storage.links import KEY_BYTES, Links
from tintype_gateway.values.response import Response
from tintype_testing.builders import RECEIPT, finished_call, plan, settlement
from tintype_testing.image_stores import folder_store
from tintype_testing.waiting import eventually

CALL = finished_call()
SERVED = AlreadyServedError("it was served", "req_1")


def first_response() -> Response:
    return respond(plan(), [CALL], [], settlement(), RECEIPT)


async def test_a_response_is_found_by_its_request(tmp_path: Path) -> None:
    responses = IdempotentResponses(folder_store(tmp_path))
    await responses.keep("req_1", first_response(), CALL.images)

    found = await responses.find(SERVED)

    assert b"".join(found.pieces) == b"".join(first_response().pieces)
    assert found.receipt == RECEIPT


async def test_without_a_store_nothing_is_kept() -> None:
    responses = IdempotentResponses()
    await responses.keep("req_1", first_response(), CALL.images)

    with pytest.raises(AlreadyServedError):
        await responses.find(SERVED)


class SlowFolder(FolderStore):
    """Waits for the test before it writes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Links(bytes(KEY_BYTES)))
        self.asked = 0
        self.may_write = asyncio.Event()

    @override
    async def put(
        self, name: str, content: bytes, content_type: str, lifetime_seconds: int
    ) -> None:
        self.asked += 1
        await self.may_write.wait()
        await super().put(name, content, content_type, lifetime_seconds)


async def test_a_client_that_leaves_meanwhile_can_come_back_for_it(tmp_path: Path) -> None:
    store = SlowFolder(tmp_path)
    responses = IdempotentResponses(store)
    keeping = asyncio.create_task(responses.keep("req_1", first_response(), CALL.images))
    await eventually(lambda: store.asked > 0)
    keeping.cancel()
    await asyncio.wait([keeping])
    assert keeping.cancelled()

    store.may_write.set()
    await responses.finish()

    assert await responses.find(SERVED)


async def test_an_incompletely_stored_response_is_not_found(tmp_path: Path) -> None:
    store = SlowFolder(tmp_path)
    responses = IdempotentResponses(store)
    keeping = asyncio.create_task(responses.keep("req_1", first_response(), CALL.images))
    await eventually(lambda: store.asked > 0)

    with pytest.raises(AlreadyServedError):
        await responses.find(SERVED)

    store.may_write.set()
    await keeping
