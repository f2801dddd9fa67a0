"""Jobs are read, waited for, listed and cancelled by their account, and by nobody else."""

import asyncio
import base64

import pytest

from tests.gateway.api.jobs.support import (
    JOBS,
    PRICE,
    claimed,
    complete,
    end,
    fetch,
    submitted,
)
from tintype_gateway.errors import UnavailableError
from tintype_gateway.http.preferences import MAX_WAIT_SECONDS
from tintype_gateway.storage.folder import FolderStore
from tintype_testing.gateway import CREDITS_MICRO, Gateway
from tintype_testing.http import fetched, http_client
from tintype_testing.waiting import eventually

UNKNOWN = "job_" + "0" * 32


async def test_a_completed_job_has_its_result_and_its_charge(
    gateway: Gateway, store: FolderStore
) -> None:
    await submitted(gateway)
    (job,) = await claimed(gateway)
    await complete(gateway, store, job, [b"an image"])

    response = await fetch(gateway, f"/{job.id}")

    shown = response.json()
    assert (response.status_code, shown["status"]) == (200, "completed")
    assert list(shown)[-1] == "result"
    assert shown["result"]["data"] == [{"b64_json": "YW4gaW1hZ2U="}]
    available = CREDITS_MICRO - PRICE
    assert shown["usage"] == {"images": 1, "credits_used": PRICE, "credits_remaining": available}
    assert shown["result"]["usage"]["credits_remaining"] == available
    assert shown["created_at"] <= shown["started_at"] <= shown["finished_at"]
    assert shown["expires_at"] == shown["finished_at"] + 86_400
    assert "Retry-After" not in response.headers


async def test_urls_of_a_result_are_made_anew(gateway: Gateway, store: FolderStore) -> None:
    await submitted(gateway)
    (job,) = await claimed(gateway)
    await complete(gateway, store, job, [b"an image"], as_url=True)

    shown = (await fetch(gateway, f"/{job.id}")).json()

    assert (await fetched(shown["result"]["data"][0]["url"])).content == b"an image"


async def test_a_large_result_is_sent_in_pieces(gateway: Gateway, store: FolderStore) -> None:
    image = bytes(range(256)) * 4096
    await submitted(gateway)
    (job,) = await claimed(gateway)
    await complete(gateway, store, job, [image, image[::-1]])

    data = (await fetch(gateway, f"/{job.id}")).json()["result"]["data"]

    assert [base64.b64decode(each["b64_json"]) for each in data] == [image, image[::-1]]


async def test_a_client_may_do_without_the_result(gateway: Gateway, store: FolderStore) -> None:
    await submitted(gateway)
    (job,) = await claimed(gateway)
    await complete(gateway, store, job, [b"an image"])

    response = await fetch(gateway, f"/{job.id}", {"Prefer": "return=minimal"})

    assert "result" not in response.json()
    assert response.headers["Preference-Applied"] == "return=minimal"


async def test_what_a_client_knows_without_the_result_is_not_the_result(
    gateway: Gateway, store: FolderStore
) -> None:
    await submitted(gateway)
    (job,) = await claimed(gateway)
    await complete(gateway, store, job, [b"an image"])
    minimal = {"Prefer": "return=minimal"}
    known = {"If-None-Match": (await fetch(gateway, f"/{job.id}", minimal)).headers["ETag"]}

    whole = await fetch(gateway, f"/{job.id}", known)
    again = await fetch(gateway, f"/{job.id}", known | minimal)

    assert (whole.status_code, whole.json()["result"] is not None) == (200, True)
    assert again.status_code == 304
    assert whole.headers["Vary"] == again.headers["Vary"] == "Authorization, Prefer"


async def test_a_result_whose_images_are_gone_is_404(gateway: Gateway, store: FolderStore) -> None:
    await submitted(gateway)
    (job,) = await claimed(gateway)
    ended = await complete(gateway, store, job, [b"an image"])
    for path in (store._folder / "images").iterdir():
        path.unlink()

    response = await fetch(gateway, f"/{job.id}")

    assert (response.status_code, response.json()["error"]["code"]) == (404, "image_not_found")
    assert ended.result is not None
    await store.delete(ended.result.record)
    assert (await fetch(gateway, f"/{job.id}")).json()["result"] is None


async def test_a_wait_ends_with_the_job(gateway: Gateway, store: FolderStore) -> None:
    job_id = await submitted(gateway)
    waiting = asyncio.create_task(fetch(gateway, f"/{job_id}", {"Prefer": "wait=30"}))
    (job,) = await claimed(gateway)
    await complete(gateway, store, job, [b"an image"])
    response = await waiting

    assert response.json()["status"] == "completed"
    assert response.headers["Preference-Applied"] == "wait=30"


async def test_a_wait_is_no_longer_than_the_longest(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    waiting = asyncio.create_task(fetch(gateway, f"/{job_id}", {"Prefer": "wait=86400"}))
    await asyncio.sleep(0)
    await fetch(gateway, f"/{job_id}", method="DELETE")

    assert (await waiting).headers["Preference-Applied"] == f"wait={MAX_WAIT_SECONDS}"


async def test_a_wait_for_a_change_ends_with_any(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    first = await fetch(gateway, f"/{job_id}")
    known = {"If-None-Match": first.headers["ETag"]}
    same = await fetch(gateway, f"/{job_id}", known)
    still = await fetch(gateway, f"/{job_id}", known | {"Prefer": "wait=0"})
    waiting = asyncio.create_task(fetch(gateway, f"/{job_id}", known | {"Prefer": "wait=30"}))
    (job,) = await claimed(gateway)
    changed = await waiting

    assert first.headers["ETag"].startswith('W/"')
    for unchanged in (same, still):
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["ETag"] == first.headers["ETag"]
    assert still.headers["Preference-Applied"] == "wait=0"
    assert (changed.status_code, changed.json()["status"]) == (200, "in_progress")
    assert changed.headers["ETag"] != first.headers["ETag"]
    await end(gateway, job, "cancelled")


async def test_every_wait_ends_when_the_gateway_stops(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    waiting = asyncio.create_task(fetch(gateway, f"/{job_id}", {"Prefer": "wait=60"}))
    await eventually(lambda: gateway.jobs.changes.waiting == 1)
    gateway.jobs.changes.drain()

    assert (await waiting).json()["status"] == "queued"


@pytest.mark.parametrize(
    "job_id", [UNKNOWN, "job_", "x", "%00", "job_" + "F" * 32, "%F0%9F%A6%8A", "a" * 4000, "..%2f"]
)
async def test_an_id_of_any_form_is_404(gateway: Gateway, job_id: str) -> None:
    for method, path in (
        ("GET", f"/{job_id}"),
        ("DELETE", f"/{job_id}"),
        ("POST", f"/{job_id}/cancel"),
        ("GET", f"/{job_id}/events"),
    ):
        response = await fetch(gateway, path, method=method)
        assert response.status_code == 404, (method, response.text)
        assert response.json()["error"]["code"] in ("job_not_found", "unknown_url")


async def test_jobs_of_other_accounts_do_not_exist(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    await gateway.ledger.create_account("rival", credits_micro=1)
    _, key = await gateway.ledger.create_key("rival")
    async with http_client(gateway.url, headers={"Authorization": f"Bearer {key}"}) as http:
        responses = [
            await http.get(f"{JOBS}/{job_id}"),
            await http.get(f"{JOBS}/{job_id}/events"),
            await http.delete(f"{JOBS}/{job_id}"),
            await http.post(f"{JOBS}/{job_id}/cancel"),
        ]
        listed = (await http.get(JOBS)).json()

    assert [each.status_code for each in responses] == [404] * 4
    assert listed["data"] == []
    assert (await fetch(gateway, f"/{job_id}")).json()["status"] == "queued"


async def test_every_key_of_the_account_sees_the_job(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    _, key = await gateway.ledger.create_key("studio")
    async with http_client(gateway.url, headers={"Authorization": f"Bearer {key}"}) as http:
        assert (await http.get(f"{JOBS}/{job_id}")).json()["id"] == job_id


async def test_a_caller_without_a_key_gets_401(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    async with http_client(gateway.url) as http:
        for path in (JOBS, f"{JOBS}/{job_id}", f"{JOBS}/{job_id}/events"):
            assert (await http.get(path)).status_code == 401


async def test_the_list_is_in_pages_from_the_newest_on(gateway: Gateway) -> None:
    ids = [await submitted(gateway) for _ in range(3)]

    first = (await fetch(gateway, "?limit=2")).json()
    second = (await fetch(gateway, f"?limit=2&after={first['last_id']}")).json()
    empty = (await fetch(gateway, f"?after={second['last_id']}")).json()

    assert first["object"] == "list"
    assert [job["id"] for job in first["data"]] == [ids[2], ids[1]]
    assert (first["first_id"], first["last_id"], first["has_more"]) == (ids[2], ids[1], True)
    assert [job["id"] for job in second["data"]] == [ids[0]]
    assert second["has_more"] is False
    assert empty == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }
    assert all("result" not in job for job in first["data"])


async def test_the_list_may_have_one_status(gateway: Gateway) -> None:
    cancelled, queued = [await submitted(gateway) for _ in range(2)]
    await fetch(gateway, f"/{cancelled}", method="DELETE")

    for status, ids in (("queued", [queued]), ("cancelled", [cancelled]), ("completed", [])):
        listed = (await fetch(gateway, f"?status={status}")).json()["data"]
        assert [job["id"] for job in listed] == ids


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("status=done", "status"),
        ("status=", "status"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("after=%00", "after"),
        ("after=job_1", "after"),
    ],
)
async def test_a_query_that_makes_no_sense_is_400(gateway: Gateway, query: str, param: str) -> None:
    response = await fetch(gateway, f"?{query}")

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, "invalid_value", param)


@pytest.mark.parametrize(("method", "path"), [("DELETE", ""), ("POST", "/cancel")])
async def test_a_queued_job_is_cancelled_free(gateway: Gateway, method: str, path: str) -> None:
    job_id = await submitted(gateway)

    first = await fetch(gateway, f"/{job_id}{path}", method=method)
    again = await fetch(gateway, f"/{job_id}{path}", method=method)

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert (first.json()["status"], first.json()["usage"]) == ("cancelled", None)
    account = await gateway.account()
    assert (account.balance, account.held) == (CREDITS_MICRO, 0)


async def test_a_running_job_is_asked_to_end(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    (job,) = await claimed(gateway)

    asked = await fetch(gateway, f"/{job_id}", method="DELETE")
    waiting = asyncio.create_task(
        fetch(gateway, f"/{job_id}", {"Prefer": "wait=30"}, method="DELETE")
    )
    await end(gateway, job, "cancelled")

    assert (asked.json()["status"], asked.json()["cancel_requested"]) == ("in_progress", True)
    assert (await waiting).json()["status"] == "cancelled"


async def test_a_job_with_an_unknown_outcome_says_so(gateway: Gateway) -> None:
    job_id = await submitted(gateway)
    (job,) = await claimed(gateway)
    await end(gateway, job, "failed", error=UnavailableError("no answer", code="timeout"))

    shown = (await fetch(gateway, f"/{job_id}")).json()

    assert (shown["status"], shown["usage"], shown["result"]) == ("failed", None, None)
    assert shown["error"] == {
        "message": "no answer",
        "type": "api_error",
        "param": None,
        "code": "timeout",
    }
