"""Requests that are at fault: each gets its row of the table, in OpenAI's envelope."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from tintype_testing.gateway import CREDITS_MICRO, MAX_REQUEST_BYTES, Gateway

GENERATIONS = "/v1/images/generations"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(shared_gateway: Gateway) -> Gateway:
    await shared_gateway.forget_calls()
    return shared_gateway


@dataclass(frozen=True)
class Fault:
    """A request, and the error that it gets."""

    status: int
    code: str
    param: str | None = None
    method: str = "POST"
    path: str = GENERATIONS
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    """What is different from a good body."""

    content: bytes | None = None
    """Sent in place of JSON."""


def key(authorization: str) -> Fault:
    return Fault(401, "invalid_api_key", headers={"Authorization": authorization})


def wrong(param: str, value: object, code: str = "invalid_value") -> Fault:
    return Fault(422, code, param, body={param: value})


def unsupported(param: str, value: object, code: str = "unsupported_parameter") -> Fault:
    return Fault(400, code, param, body={param: value})


def provider(
    code: str, param: str | None = None, model: str = "gpt-image-1", **headers: str
) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(400, code, param, headers=named, body={"model": model})


FAULTS = {
    # 400: the model, the provider, or what the model does not take
    "a model that makes no images": unsupported("model", "gpt-5-mini", "unsupported_modality"),
    "a retired model": unsupported("model", "dall-e-2", "no_active_providers"),
    "a provider that does not serve the model": provider(
        "provider_not_available", "model", X_Quantized_Provider="bedrock"
    ),
    "the same by the other header": provider(
        "provider_not_available", "model", X_Tintype_Provider="gemini"
    ),
    "the same by the prefix": unsupported("model", "bedrock/gpt-image-1", "provider_not_available"),
    "an unknown provider": provider(
        "unknown_provider", "X-Quantized-Provider", X_Quantized_Provider="acme"
    ),
    "an unknown provider by the other header": provider(
        "unknown_provider", "X-Tintype-Provider", X_Tintype_Provider="acme"
    ),
    "an empty provider": provider(
        "unknown_provider", "X-Quantized-Provider", X_Quantized_Provider=""
    ),
    "headers that disagree": provider(
        "conflicting_providers",
        "X-Tintype-Provider",
        X_Quantized_Provider="openai",
        X_Tintype_Provider="gemini",
    ),
    "a header and a prefix that disagree": provider(
        "conflicting_providers", "model", "openai/gpt-image-1", X_Quantized_Provider="bedrock"
    ),
    "a stream of URLs": Fault(
        400,
        "unsupported_parameter",
        "response_format",
        body={"stream": True, "response_format": "url"},
    ),
    "previews without a stream": unsupported("partial_images", 2),
    "a URL": unsupported("response_format", "url"),
    "a prompt beyond the model's limit": unsupported("prompt", "x" * 32_001, "unsupported_value"),
    "a refused prompt": Fault(400, "moderation_blocked", body={"prompt": "a forbidden thing"}),
    "no JSON": Fault(400, "invalid_json", content=b"{"),
    "two documents": Fault(400, "invalid_json", content=b"{}{}"),
    "no body": Fault(400, "invalid_json", content=b""),
    "no UTF-8": Fault(400, "invalid_json", content=b'{"prompt": "\xff"}'),
    "an idempotency key that is none": Fault(
        400, "invalid_idempotency_key", "Idempotency-Key", headers={"Idempotency-Key": "a b"}
    ),
    # 401
    "no bearer": key("sk-something"),
    "another scheme": key("Basic dXNlcjpwYXNzd29yZA=="),
    "no key": key("Bearer"),
    "an unknown key": key("Bearer sk-tintype-unknown"),
    "a key of other letters": key("Bearer schlüssel"),
    # 404, 405, 413, 415
    "an unknown model": Fault(404, "model_not_found", "model", body={"model": "gpt-image-0"}),
    "an unknown prefix": Fault(404, "model_not_found", "model", body={"model": "a/gpt-image-1"}),
    "an unknown path": Fault(404, "unknown_url", path="/v1/images/upscales"),
    "a path above the API": Fault(404, "unknown_url", path="/v1", method="GET"),
    "an unknown model to look at": Fault(
        404, "model_not_found", "model", path="/v1/models/gpt-image-0", method="GET"
    ),
    "another method": Fault(405, "method_not_allowed", method="PUT"),
    "another method for models": Fault(405, "method_not_allowed", path="/v1/models"),
    "a body that is too large": Fault(
        413, "payload_too_large", body={"prompt": "x" * MAX_REQUEST_BYTES}
    ),
    "a form": Fault(
        415,
        "unsupported_media_type",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    # 422
    "no model": wrong("model", None, "missing_required_parameter"),
    "no prompt": wrong("prompt", None, "missing_required_parameter"),
    "an empty prompt": wrong("prompt", ""),
    "a prompt that is a number": wrong("prompt", 7, "invalid_type"),
    "a model that is a list": wrong("model", ["gpt-image-1"], "invalid_type"),
    "no images": wrong("n", 0),
    "too many images": wrong("n", 11),
    "half an image": wrong("n", 1.5, "invalid_type"),
    "a number as a text": wrong("n", "1", "invalid_type"),
    "a truth as a number": wrong("n", True, "invalid_type"),
    "a size that is none": wrong("size", "large"),
    "a size without pixels": wrong("size", "0x0"),
    "an unknown quality": wrong("quality", "best"),
    "an unknown style": wrong("style", "cubist"),
    "a background that is none": wrong("background", "blue"),
    "an unknown format": wrong("output_format", "bmp"),
    "too little compression": wrong("output_compression", 101),
    "a moderation that is none": wrong("moderation", "high"),
    "a seed of another type": wrong("seed", "7", "invalid_type"),
    "an identifier that is too long": wrong("user", "x" * 513),
    "too many previews": wrong("partial_images", 4),
    "an unknown response format": wrong("response_format", "hex"),
    "an unknown field": wrong("qualty", "low", "unknown_parameter"),
    "a list": Fault(422, "invalid_type", "body", content=b"[]"),
    "a text": Fault(422, "invalid_type", "body", content=b'"a red fox"'),
}


@pytest.mark.parametrize("case", FAULTS)
async def test_a_faulty_request_gets_an_error_that_looks_like_openais(
    gateway: Gateway, case: str
) -> None:
    fault = FAULTS[case]
    body = {"model": "gpt-image-1", "prompt": "a red fox"} | fault.body
    headers = {"Content-Type": "application/json"} | fault.headers
    content = {"json": body} if fault.content is None else {"content": fault.content}

    async with gateway.http() as http:
        response = await http.request(fault.method, fault.path, headers=encoded(headers), **content)  # type: ignore[arg-type]

    assert response.status_code == fault.status, response.text
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["code"], error["param"]) == (fault.code, fault.param)
    assert error["message"]
    assert error["type"].endswith("_error")
    assert response.headers["content-type"].startswith("application/json")
    assert response.headers["x-request-id"].startswith("req_")
    assert response.headers["x-should-retry"] == "false"
    assert (await gateway.account()).balance == CREDITS_MICRO
    if fault.code != "moderation_blocked":
        assert await gateway.upstream_calls() == []


def encoded(headers: dict[str, str]) -> dict[str, bytes]:
    """Return headers as the bytes that go over the wire."""
    return {name: value.encode() for name, value in headers.items()}
