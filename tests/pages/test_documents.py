"""The JSON that pages show has the fields of what a gateway sends and takes."""

import base64
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import httpx2
import pytest
from botocore.stub import Stubber
from PIL import Image

from tests.pages.blocks import ROOT, Block, claim
from tests.pages.conftest import ADMIN_TOKEN
from tintype_testing.gateway_process import GatewayProcess
from tintype_testing.waiting import eventually_blocking

RESPONSE, JOB, QUOTE, CREDITS = claim(__name__, "docs/api.md", "json")
(AUDIT,) = claim(__name__, "docs/audit-log.md", "json")
POLICY, LIFECYCLE = claim(__name__, "docs/operations.md", "json")
(EDIT,) = claim(__name__, "docs/input-images.md", "json")

PROMPT = {"model": "gpt-image-1", "prompt": "a red fox"}


def fields(value: Any, name: str = "") -> set[str]:
    """The paths of all fields of a document. What is null, or empty, may have any below it."""
    match value:
        case dict():
            return {path for key, each in value.items() for path in fields(each, f"{name}.{key}")}
        case list():
            return {path for each in value for path in fields(each, f"{name}[]")} or {f"{name}?"}
        case None:
            return {f"{name}?"}
    return {name}


def difference(shown: Any, real: Any) -> set[str]:
    """The fields that only one of two documents has."""
    ours, theirs = fields(shown), fields(real)
    open_ = tuple(path[:-1] for path in ours | theirs if path.endswith("?"))
    return {path for path in ours ^ theirs if not open_ or not path.startswith(open_)}


@pytest.mark.parametrize(
    ("shown", "real", "expected"),
    [
        ({"a": 1}, {"a": 2}, set()),
        ({"a": 1}, {"b": 2}, {".a", ".b"}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}, {"c": 1}]}, {".a[].c"}),
        ({"a": None}, {"a": {"b": 1}}, set()),
        ({"a": [{"b": 1}]}, {"a": []}, set()),
        ({"a": {"b": 1}}, {"a": {}}, {".a.b"}),
    ],
)
def test_documents_differ_in_their_fields(shown: Any, real: Any, expected: set[str]) -> None:
    assert difference(shown, real) == expected


def shown(block: Block) -> Any:
    return json.loads(block.code)


def client(url: str, key: str) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.Client(base_url=url, headers=headers, timeout=60)


@pytest.fixture
def api(gateway: GatewayProcess) -> Iterator[httpx2.Client]:
    with client(f"{gateway.url}/v1", gateway.demo_key) as client_:
        yield client_


@pytest.fixture
def admin(gateway: GatewayProcess) -> Iterator[httpx2.Client]:
    with client(f"{gateway.admin_url}/admin/v1", ADMIN_TOKEN) as client_:
        yield client_


def test_a_response(api: httpx2.Client) -> None:
    body = PROMPT | {"quality": "high", "size": "1536x1024"}

    real = api.post("/images/generations", json=body).json()

    assert difference(shown(RESPONSE), real) == set()
    chosen = ("background", "output_format", "quality", "size")
    assert [shown(RESPONSE)[name] for name in chosen] == [real[name] for name in chosen]


def test_the_events_of_a_stream(api: httpx2.Client) -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    events = [json.loads(found) for found in re.findall(r"^data: (.+)$", page, re.MULTILINE)]
    body = PROMPT | {"quality": "low", "stream": True, "partial_images": 1}

    text = api.post("/images/generations", json=body).text
    real = [json.loads(found) for found in re.findall(r"^data: (.+)$", text, re.MULTILINE)]

    assert [each["type"] for each in events] == [each["type"] for each in real]
    for event, other in zip(events, real, strict=True):
        assert difference(event, other) == set()


def test_a_job(api: httpx2.Client) -> None:
    body = PROMPT | {"quality": "high", "size": "1536x1024"}

    real = api.post("/images/generations", json=body, headers={"Prefer": "respond-async"})

    assert real.status_code == 202
    assert difference(shown(JOB), real.json()) == set()
    assert shown(JOB)["status"] == real.json()["status"]


def test_a_quote(api: httpx2.Client) -> None:
    body = PROMPT | {"quality": "hd", "size": "1000x500"}

    real = api.post("/images/quote", json=body).json()

    assert difference(shown(QUOTE), real) == set()
    assert shown(QUOTE)["adjustments"] == real["adjustments"]
    assert shown(QUOTE)["route"] == real["route"]


def test_the_credits_of_an_account(gateway: GatewayProcess, admin: httpx2.Client) -> None:
    budget = {"window": "month", "limit": 100_000_000}
    policy = {"time_zone": "Europe/Berlin", "budgets": [budget]}
    account = {"owner": "pages", "unlimited": True} | policy
    admin.put("/accounts/budgeted", json=account).raise_for_status()
    key = admin.post("/keys", json={"account": "budgeted"}).json()["key"]
    with client(f"{gateway.url}/v1", key) as api:
        api.post("/images/generations", json=PROMPT).raise_for_status()
        real = api.get("/credits").json()

    assert difference(shown(CREDITS), real) == set()


def test_a_line_of_the_audit_log(gateway: GatewayProcess, admin: httpx2.Client) -> None:
    admin.post("/accounts", json={"name": "audited", "micro_credits": 0}).raise_for_status()
    key = admin.post("/keys", json={"account": "audited"}).json()["id"]
    admin.delete(f"/keys/{key}").raise_for_status()

    def line() -> dict[str, Any]:
        lines = [line for line in gateway.stdout.splitlines(keepends=True) if line[-1] == "\n"]
        parsed = [json.loads(line) for line in lines if line.startswith("{")]
        wanted = ("revoke", key)
        return next(
            (x for x in parsed if (x["change"]["action"], x["change"]["name"]) == wanted), {}
        )

    real = eventually_blocking(line, "the line of the change")

    assert difference(shown(AUDIT), real) == set()
    assert shown(AUDIT)["message"] == real["message"]


def test_an_edit_as_json(api: httpx2.Client) -> None:
    images = {}
    for mode, color in (("RGB", (9, 9, 9)), ("RGBA", (0, 0, 0, 0))):
        file = io.BytesIO()
        Image.new(mode, (1024, 1024), color).save(file, "png")
        images[mode] = base64.b64encode(file.getvalue()).decode()
    first, second = EDIT.code.split('"mask"')
    sent = "iVBORw0KGgo..."

    body = first.replace(sent, images["RGB"]) + '"mask"' + second.replace(sent, images["RGBA"])

    assert api.post("/images/edits", json=json.loads(body)).status_code == 200


def test_the_rules_of_a_bucket_are_those_of_s3() -> None:
    """S3's own model of its API takes them."""
    own = {"aws_access_key_id": "ours", "aws_secret_access_key": "ours"}
    s3 = boto3.client("s3", region_name="eu-west-1", **own)
    rules = {"Bucket": "images", "LifecycleConfiguration": shown(LIFECYCLE)}
    with Stubber(s3) as stub:
        stub.add_response("put_bucket_lifecycle_configuration", {}, rules)
        s3.put_bucket_lifecycle_configuration(**rules)

    s3.close()

    assert shown(POLICY).keys() == {"Effect", "Action", "Resource"}
    actions = {action.removeprefix("s3:") for action in shown(POLICY)["Action"]}
    assert actions == {"PutObject", "GetObject", "DeleteObject"}
    assert actions <= {*s3.meta.service_model.operation_names}
