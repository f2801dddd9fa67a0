"""`tintype gateway` with a place for images, as a process of its own."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tintype_gateway.images.container import read_header
from tintype_gateway.storage.s3 import Bucket
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.s3 import ACCESS_KEY, SECRET_KEY, S3Server
from tintype_testing.waiting import eventually_blocking


def response_of(gateway: GatewayProcess, **fields: object) -> dict[str, Any]:
    """Ask for an image of a model that is soon painted."""
    body = {"model": "stability.stable-image-core-v1:1", "prompt": "a red fox"} | fields
    request = Request(  # noqa: S310 - loopback
        f"{gateway.url}/v1/images/generations",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {gateway.demo_key}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=120) as response:  # noqa: S310
        parsed: dict[str, Any] = json.load(response)
        return parsed


def format_behind(response: dict[str, Any]) -> str:
    with urlopen(response["data"][0]["url"], timeout=120) as image:  # noqa: S310
        return read_header(base64.b64encode(image.read())).format


def test_against_simulators_urls_work_at_once(tmp_path: Path) -> None:
    with running_process(tmp_path, "--simulate", "--demo") as gateway:
        response = response_of(gateway, response_format="url", output_format="webp")

        assert response["data"][0]["url"].startswith(f"{gateway.url}/v1/images/files/")
        assert format_behind(response) == "webp"


def variables(bucket: Bucket) -> dict[str, str]:
    return {
        "AWS_S3_BUCKET": bucket.name,
        "AWS_REGION": bucket.region,
        "AWS_ENDPOINT_URL_S3": bucket.endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "TINTYPE_S3_PATH_STYLE": "true",
    }


def test_the_usual_variables_of_aws_name_the_bucket(
    tmp_path: Path, s3: S3Server, bucket: Bucket
) -> None:
    environ = variables(bucket) | {"TINTYPE_DEFAULT_RESPONSE_FORMAT": "url"}
    with running_process(tmp_path, "--simulate", "--demo", environ=environ) as gateway:
        response = response_of(gateway)

        assert response["data"][0]["url"].startswith(f"{s3.url}/{bucket.name}/tintype/images/")
        assert format_behind(response) == "png"


def test_a_missing_bucket_is_logged_at_the_start_and_stops_only_requests_that_need_it(
    tmp_path: Path, bucket: Bucket
) -> None:
    environ = variables(bucket) | {"AWS_S3_BUCKET": "nobody-made-this-one"}
    with running_process(tmp_path, "--simulate", "--demo", environ=environ) as gateway:
        why = eventually_blocking(lambda: readiness(gateway).get("image_store"), "what is wrong")
        response = response_of(gateway)
        errors = [line for line in gateway.log() if line["level"] == "error"]

    assert why == "the bucket refuses: NoSuchBucket"
    assert [(line["message"], line["error"]) for line in errors] == [
        ("the image store cannot be used", why)
    ]
    assert "b64_json" in response["data"][0]


def readiness(gateway: GatewayProcess) -> dict[str, Any]:
    with urlopen(f"{gateway.admin_url}/readyz", timeout=120) as response:  # noqa: S310
        parsed: dict[str, Any] = json.load(response)
        return parsed
