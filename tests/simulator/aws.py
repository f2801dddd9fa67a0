"""AWS's own SDK for Python, pointed at the simulator: the judge of what Bedrock's dialect says."""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL.Image import Image

from tintype_simulator.bedrock.signature import SECRET_ACCESS_KEY
from tintype_testing.simulators import opened

CORE = "stability.stable-image-core-v1:1"
NOVA = "amazon.nova-canvas-v1:0"
TITAN = "amazon.titan-image-generator-v2:0"

HOME = {"amazon": "us-east-1", "stability": "us-west-2"}
"""A region of each maker's models."""


def home(model: str) -> str:
    """Return a region that has the model."""
    return HOME[model.partition(".")[0]]


async def called(
    simulator: str,
    call: Callable[[Any], Any],
    *,
    service: str = "bedrock-runtime",
    region: str = "us-west-2",
    key_id: str = "AKIDEXAMPLE",
    secret: str = SECRET_ACCESS_KEY,
    token: str | None = None,
    attempts: int = 1,
) -> Any:
    """Return what `call` returns of a client that signs its requests."""
    return await asyncio.to_thread(
        _called, simulator, call, service, region, (key_id, secret, token), attempts
    )


async def invoked(
    simulator: str, model: str, body: Mapping[str, Any] | bytes, **client: Any
) -> dict[str, Any]:
    """Return the decoded response of a model, in a region that has it if none is given."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def call(runtime: Any) -> Any:
        return json.loads(runtime.invoke_model(modelId=model, body=content)["body"].read())

    options = {"region": home(model)} if model.partition(".")[0] in HOME else {}
    response: dict[str, Any] = await called(simulator, call, **options | client)
    return response


async def refused(
    simulator: str, model: str, body: Mapping[str, Any] | bytes, **client: Any
) -> tuple[int, str, str]:
    """Return status, code and message of the error from a model."""
    with pytest.raises(ClientError) as raised:
        await invoked(simulator, model, body, **client)
    return error_of(raised.value)


def error_of(error: ClientError) -> tuple[int, str, str]:
    """Return status, code and message of an error of the SDK."""
    details, metadata = error.response["Error"], error.response["ResponseMetadata"]
    return metadata["HTTPStatusCode"], details["Code"], details["Message"]


def amazon(text: str = "a red fox", parameters: Any = None, **config: Any) -> dict[str, Any]:
    """Return the body of a call for images by Titan or Nova Canvas."""
    return {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": text} | (parameters or {}),
        "imageGenerationConfig": config,
    }


def images(response: Mapping[str, Any]) -> list[Image]:
    """Return the images of a response, fully decoded."""
    return [opened(base64.b64decode(image, validate=True)) for image in response["images"]]


@cache
def session() -> Any:
    """Return the one session of these tests: what a client is made of takes long to read."""
    return boto3.Session()


def _called(
    simulator: str,
    call: Callable[[Any], Any],
    service: str,
    region: str,
    keys: tuple[str, str, str | None],
    attempts: int,
) -> Any:
    key_id, secret, token = keys
    client = session().client(
        service,
        region,
        endpoint_url=simulator,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(
            signature_version="v4", retries={"mode": "standard", "total_max_attempts": attempts}
        ),
    )
    try:
        return call(client)
    finally:
        client.close()
