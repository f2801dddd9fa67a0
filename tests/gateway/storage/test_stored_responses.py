"""The format of stored responses, which jobs and repeats of requests share."""

import json
from pathlib import Path

import pytest

from tintype_gateway.ledger.interface import Profile
from tintype_gateway.pipeline.json_serializer import body_of, respond
from tintype_gateway.storage.interface import NotStoredError
from tintype_gateway.storage.stored_responses import Bill, StoredBody, StoredResponse
from tintype_testing.builders import RECEIPT, finished_call, finished_image, plan, settlement
from tintype_testing.image_stores import folder_store

HOUR = 3600

WRITTEN_BEFORE = {
    "texts": ['{"data":[{"b64_json":"', '"}],"created":1}'],
    "names": ["images/a.png"],
    "as_url": False,
    "headers": {"Tintype-Profile": "router"},
    "receipt": {"id": "hold-17", "account": "studio", "amount": 640_000},
}
"""What version 0.1 wrote for repeats."""


async def test_what_an_earlier_version_wrote_is_read(tmp_path: Path) -> None:
    store = folder_store(tmp_path)
    await store.put("images/a.png", b"an image", "image/png", HOUR)

    stored = StoredResponse.parse(json.dumps(WRITTEN_BEFORE).encode())
    response = await stored.response(store, HOUR)

    assert b"".join(response.pieces) == b'{"data":[{"b64_json":"YW4gaW1hZ2U="}],"created":1}'
    assert response.headers == {"Tintype-Profile": "router"}
    assert response.receipt == RECEIPT
    assert json.loads(stored.dumped()) == WRITTEN_BEFORE


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"texts": 1, "names": [], "as_url": 1}']
)
def test_a_damaged_file_is_as_good_as_gone(content: bytes) -> None:
    with pytest.raises(NotStoredError):
        StoredResponse.parse(content)
    with pytest.raises(NotStoredError):
        StoredBody.parse(content)


async def test_images_that_were_asked_for_as_urls_get_new_ones(tmp_path: Path) -> None:
    body = StoredBody((b'{"url":"', b'"}'), ("images/a.png",), as_url=True)

    pieces = [piece async for piece in body.pieces(folder_store(tmp_path), HOUR)]

    assert b"/images/a.png?expires=" in pieces[1]
    assert (pieces[0], pieces[2]) == (b'{"url":"', b'"}')


@pytest.mark.parametrize("profile", ["router", "openai"])
@pytest.mark.parametrize("available", [999_360_000, None])
def test_a_response_that_is_charged_later_is_then_that_of_a_direct_request(
    profile: Profile, available: int | None
) -> None:
    bought, calls = plan(profile=profile), [finished_call(finished_image(), finished_image())]
    direct = respond(bought, calls, [], settlement(7, available), RECEIPT)

    pieces, ending = body_of(bought, calls, [], 0, None)
    texts = tuple(bytes(piece) for piece in pieces[::2])
    names = ("images/a.png", "images/b.png")
    headers = {name: value for name, value in direct.headers.items() if "Cost" not in name}
    open_one = StoredResponse(StoredBody(texts, names), headers, RECEIPT, Bill(7, 2, ending))
    settled = StoredResponse.parse(open_one.dumped()).settled(7, available)

    assert settled.body.texts == tuple(bytes(piece) for piece in direct.pieces[::2])
    assert settled.headers == direct.headers


def test_without_a_charge_its_bill_counts_up_to_the_hold() -> None:
    body = StoredBody((b'{"data":[],',), ())
    bill = Bill(RECEIPT.amount + 1, 1, {"created": 1, "usage": {"images": 1}})

    settled = StoredResponse(body, {}, RECEIPT, bill).settled()

    document = json.loads(settled.body.texts[0])
    assert document["usage"] == {"images": 1, "credits_used": RECEIPT.amount}
    assert settled.headers == {"Tintype-Cost-Micro-Credits": str(RECEIPT.amount)}
