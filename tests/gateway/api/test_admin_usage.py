"""`GET /admin/v1/usage`: sums of charges as JSON and CSV."""

import csv
import io
import json
import tracemalloc
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tintype_gateway.api.usage import CsvReport, JsonReport
from tintype_gateway.ledger import LedgerUnavailableError
from tintype_gateway.ledger.usage import TakeUsage, UsageQuery, UsageSum
from tintype_testing.gateway import ACCOUNT, Gateway, canvas, running_gateway
from tintype_testing.http import http_client
from tintype_testing.ledgers import connect

TOKEN = "the-token-of-the-tests"
COST = 640_000
SINCE = {"since": "2026-01-01"}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, *canvas(), admin_token=TOKEN) as gateway:
        yield gateway


@pytest.fixture
async def admin(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    base = f"{gateway.admin_url}/admin/v1"
    async with http_client(base_url=base, headers=headers) as client:
        yield client


async def used(admin: httpx2.AsyncClient, **query: str) -> Any:
    response = await admin.get("/usage", params=SINCE | query)
    assert response.status_code == 200, response.text
    return response.json()


def table(response: httpx2.Response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(response.text, newline="")))


async def test_the_end_user_and_the_key_of_requests_are_summed_up(
    gateway: Gateway, admin: httpx2.AsyncClient
) -> None:
    (key,) = await gateway.ledger.list_keys(ACCOUNT)
    for user in ("pia", "pia", None):
        await gateway.generate(user=user)

    assert (await used(admin, by="key,user"))["data"] == [
        {"key": key.id, "user": "", "requests": 1, "images": 1, "credits_used": COST},
        {"key": key.id, "user": "pia", "requests": 2, "images": 2, "credits_used": 2 * COST},
    ]


async def test_the_response_says_what_it_sums_up(admin: httpx2.AsyncClient) -> None:
    assert await used(admin, until="2026-02-01", by="day, model") == {
        "object": "list",
        "since": "2026-01-01",
        "until": "2026-02-01",
        "by": ["day", "model"],
        "data": [],
    }


@pytest.mark.parametrize(
    ("query", "accept"),
    [
        ({"format": "csv"}, "application/json"),
        ({}, "text/csv"),
        ({}, "text/html, text/csv;q=0.9, application/json;q=0.8"),
    ],
)
async def test_csv_comes_by_parameter_or_by_accept(
    gateway: Gateway, admin: httpx2.AsyncClient, query: dict[str, str], accept: str
) -> None:
    await gateway.generate(user='=HYPERLINK("x"),\n1')

    response = await admin.get(
        "/usage", params=SINCE | {"by": "account,user"} | query, headers={"Accept": accept}
    )

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == (
        'attachment; filename="usage-2026-01-01.csv"'
    )
    assert table(response) == [
        ["account", "user", "requests", "images", "credits_used"],
        [ACCOUNT, '\'=HYPERLINK("x"),\n1', "1", "1", str(COST)],
    ]


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json, text/csv"])
async def test_json_is_the_default(admin: httpx2.AsyncClient, accept: str) -> None:
    response = await admin.get("/usage", params=SINCE, headers={"Accept": accept})

    assert response.json()["by"] == ["account", "model"]


async def test_many_rows_are_a_whole_document(gateway: Gateway, admin: httpx2.AsyncClient) -> None:
    fill(gateway, 2500)

    assert len((await used(admin, by="user"))["data"]) == 2500
    response = await admin.get("/usage", params=SINCE | {"by": "user", "format": "csv"})
    assert len(table(response)) == 2501


def fill(gateway: Gateway, rows: int) -> None:
    """Write usage of this many end users, beside the charges."""
    connection = connect(gateway.ledger_path)
    connection.execute(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)"
        " INSERT INTO daily_usage (account, day, model, key_id, end_user, requests, images,"
        " charged) SELECT ?, '2026-01-01', 'canvas', '', printf('user-%07d', n), 0, 0, 0"
        " FROM number",
        (rows, ACCOUNT),
    )
    connection.close()


async def test_the_rows_wait_for_a_client_that_does_not_read(
    gateway: Gateway, admin: httpx2.AsyncClient
) -> None:
    fill(gateway, 80_000)
    tracemalloc.start()
    try:
        async with admin.stream("GET", "/usage", params=SINCE | {"by": "user"}) as response:
            assert (await gateway.generate()).status_code == 200
            _, most = tracemalloc.get_traced_memory()
            read = sum([len(chunk) async for chunk in response.aiter_raw()])
    finally:
        tracemalloc.stop()

    assert read > 5_800_000
    assert most < 4_000_000


async def test_a_report_that_breaks_off_is_no_whole_response(
    gateway: Gateway, admin: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks_off(query: UsageQuery, take: TakeUsage) -> None:
        await take([UsageSum(("pia",), 1, 1, 1)])
        raise LedgerUnavailableError("the database has gone")

    monkeypatch.setattr(gateway.ledger, "report_usage", breaks_off)

    with pytest.raises(httpx2.TransportError):
        await used(admin, by="user")


async def test_a_report_of_a_ledger_that_is_unavailable_is_a_503(
    gateway: Gateway, admin: httpx2.AsyncClient
) -> None:
    gateway.ledger_path.rename(gateway.ledger_path.with_suffix(".moved"))

    response = await admin.get("/usage", params=SINCE)

    gateway.ledger_path.with_suffix(".moved").rename(gateway.ledger_path)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "ledger_unavailable"


async def test_a_head_request_has_the_headers_only(admin: httpx2.AsyncClient) -> None:
    response = await admin.head("/usage", params=SINCE | {"format": "csv"})

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"by": "account,provider"}, "by"),
        ({"by": "account,account"}, "by"),
        ({"by": ""}, "by"),
        ({"until": "2026-01-01"}, "until"),
        ({"until": "soon"}, "until"),
        ({"format": "xlsx"}, "format"),
        ({"group": "account"}, "group"),
    ],
)
async def test_what_no_report_has_is_refused(
    admin: httpx2.AsyncClient, query: dict[str, str], param: str
) -> None:
    response = await admin.get("/usage", params=SINCE | query)

    assert response.status_code == 422
    assert param in response.text


QUERY = UsageQuery(date(2026, 1, 1), by=("user",))


@pytest.mark.parametrize("batches", [[], [1], [2, 1, 3]])
def test_the_parts_of_a_report_are_one_document(batches: list[int]) -> None:
    rows = [UsageSum((f"user {number}",), 1, 2, number) for number in range(sum(batches))]
    for kind in (JsonReport, CsvReport):
        report, left = kind(QUERY), list(rows)
        text = report.head()
        for size in batches:
            text += report.rows(left[:size])
            del left[:size]
        text += report.tail()
        if kind is JsonReport:
            read = [each["user"] for each in json.loads(text)["data"]]
        else:
            read = [each["user"] for each in csv.DictReader(io.StringIO(text, newline=""))]
        assert read == [each.values[0] for each in rows]
