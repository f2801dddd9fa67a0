"""One example of each dialect, for the tests of the interface."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.gateway.dialects import acme
from tintype_gateway.dialects.base import Dialect
from tintype_gateway.dialects.registry import DIALECTS
from tintype_gateway.values.routes import Route
from tintype_testing.builders import binding
from tintype_testing.sample_images import sample_image

IMAGE = sample_image("png", 1024, 1024, compress_level=0).decode()
"""Larger than what is looked at before an image is passed through."""

CREDENTIALS = {
    "api-key": "secret-api-key",
    "aws-access-key-id": "secret-access-key-id",
    "aws-secret-access-key": "secret-of-aws",
    "access-token": "secret-access-token",
}


@dataclass(frozen=True)
class Example:
    """A dialect, and what its provider sends."""

    name: str
    dialect: Dialect = field(repr=False)
    made: Mapping[str, Any] = field(repr=False)
    """The body of a response of status 200 with `IMAGE` as its one image."""

    error: Mapping[str, Any] = field(repr=False)
    """The body of an error, with the provider's words `WORDS`."""

    spec: Mapping[str, Any] = field(default_factory=dict)
    """Fields of a binding."""

    task: str | None = None
    """A task that changes an image, and that takes a mask if any does."""

    @property
    def route(self) -> Route:
        """The route to a binding that speaks the dialect."""
        spec = {"dialect": self.name} if self.name in DIALECTS else {}
        endpoint = "https://proxy.test/some/path"
        return Route(binding(endpoint=endpoint, **spec | dict(self.spec)), "us-east-1")

    @property
    def body(self) -> bytes:
        """The text of `made`."""
        return json.dumps(self.made).encode()


WORDS = "words of the provider"

_AWS = {"regions": ["us-east-1"], "provider": "bedrock"}
_VERTEX = {"provider": "vertex", "vertexAi": {"project": "studio"}, "regions": ["us-east-1"]}
_PREDICTED = {"predictions": [{"bytesBase64Encoded": IMAGE, "mimeType": "image/png"}]}
_PART = {"inlineData": {"data": IMAGE}}
_CONTENT = {"candidates": [{"content": {"parts": [_PART]}, "finishReason": "STOP"}]}
_GOOGLE_ERROR = {"error": {"code": 503, "message": WORDS, "status": "UNAVAILABLE"}}

ACME = Example(
    "acme",
    acme,
    {"renders": [{"file": IMAGE}], "blocked": None, "tokens": {"in": 3, "out": 70}},
    {"fault": {"id": "DOWN", "text": WORDS}},
)
DATA_URL = f"data:image/png;base64,{IMAGE}"


def _input(images: str) -> Mapping[str, Any]:
    """Return the fields of a model that takes an image and a mask."""
    return {
        "size": "ImageSize",
        "images": {"field": images},
        "mask": {"field": "mask", "convention": "white_edits"},
    }


EXAMPLES = (
    Example(
        "openai-images",
        DIALECTS["openai-images"],
        {"created": 1, "data": [{"b64_json": IMAGE}]},
        {"error": {"message": WORDS, "type": "server_error", "code": None, "param": None}},
    ),
    Example(
        "azure-openai",
        DIALECTS["azure-openai"],
        {"created": 1, "data": [{"b64_json": IMAGE}]},
        {"error": {"message": WORDS, "code": "InternalServerError"}},
        {"provider": "azure"},
    ),
    Example(
        "bedrock-amazon",
        DIALECTS["bedrock-amazon"],
        {"images": [IMAGE], "error": None},
        {"message": WORDS, "__type": "ServiceUnavailableException"},
        _AWS,
        "INPAINTING",
    ),
    Example(
        "bedrock-stability",
        DIALECTS["bedrock-stability"],
        {"finish_reasons": [None], "images": [IMAGE], "seeds": [1]},
        {"message": WORDS, "__type": "ServiceUnavailableException"},
        _AWS,
        "inpaint",
    ),
    Example(
        "google-predict",
        DIALECTS["google-predict"],
        _PREDICTED,
        _GOOGLE_ERROR,
        {"provider": "gemini"},
    ),
    Example(
        "google-generate-content",
        DIALECTS["google-generate-content"],
        _CONTENT,
        _GOOGLE_ERROR,
        {"provider": "gemini"},
    ),
    Example(
        "vertex-predict",
        DIALECTS["vertex-predict"],
        _PREDICTED,
        _GOOGLE_ERROR,
        _VERTEX,
    ),
    Example(
        "vertex-generate-content",
        DIALECTS["vertex-generate-content"],
        _CONTENT,
        _GOOGLE_ERROR,
        _VERTEX,
    ),
    Example(
        "xai-images",
        DIALECTS["xai-images"],
        {"data": [{"respect_moderation": True, "b64_json": IMAGE}]},
        {"code": "The service is currently unavailable", "error": WORDS},
        {"provider": "xai"},
    ),
    Example(
        "fal",
        DIALECTS["fal"],
        {"images": [{"url": DATA_URL}], "seed": 7, "has_nsfw_concepts": [False]},
        {"detail": WORDS, "error_type": "runner_server_error"},
        {"provider": "fal", "upstreamModel": "fal-ai/flux/dev", "input": _input("image_url")},
    ),
    Example(
        "replicate",
        DIALECTS["replicate"],
        {"status": "succeeded", "output": [DATA_URL], "metrics": {"predict_time": 1.5}},
        {"title": "Internal server error", "detail": WORDS, "status": 500},
        {"provider": "replicate", "upstreamModel": "stability-ai/sdxl", "input": _input("image")},
    ),
    Example(
        "bfl",
        DIALECTS["bfl"],
        {"id": "t-1", "status": "Ready", "result": {"sample": f"data:image/png;base64,{IMAGE}"}},
        {"detail": WORDS},
        {"provider": "bfl"},
        "fill",
    ),
    ACME,
)
