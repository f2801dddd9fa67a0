"""The OpenAPI document of the protocol: `python -m tintype_gateway.guardrails.openapi`."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from tintype_gateway.guardrails.protocol import (
    Allow,
    Deny,
    ImagesCheck,
    PromptCheck,
    Replace,
)

_QUESTIONS = (PromptCheck, ImagesCheck)
_VERDICTS = (Allow, Deny, Replace)

_HEADERS = {
    "webhook-id": "The id of this question.",
    "webhook-timestamp": "When it was asked, in seconds since the epoch.",
    "webhook-signature": "One signature by each secret, separated by spaces: `v1,` and the base64 "
    "of an HMAC-SHA256 over id, timestamp and body (Standard Webhooks).",
}


def document() -> dict[str, Any]:
    """Return the OpenAPI document of a policy service."""
    _, defined = models_json_schema(
        [
            *((model, "serialization") for model in _QUESTIONS),
            *((model, "validation") for model in _VERDICTS),
        ],
        ref_template="#/components/schemas/{model}",
    )
    question = _one_of("type", {"guardrail.prompt": PromptCheck, "guardrail.images": ImagesCheck})
    answer = _one_of("verdict", {"allow": Allow, "deny": Deny, "replace": Replace})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Policy service of a Tintype gateway",
            "version": "1",
            "description": "What a gateway asks the service of `TINTYPE_GUARDRAIL_URL`. Ignore "
            "fields that you do not know.",
        },
        "paths": {
            "/": {
                "post": {
                    "operationId": "judge",
                    "summary": "Judge a prompt, or images.",
                    "parameters": [_header(*each) for each in _HEADERS.items()],
                    "requestBody": {"required": True, "content": _json(question)},
                    "responses": {
                        "200": {"description": "The verdict.", "content": _json(answer)},
                        "default": {"description": "No verdict: the gateway fails as it is set."},
                    },
                }
            }
        },
        "components": {"schemas": defined["$defs"]},
    }


def text() -> str:
    """Return the document as the file in `docs/` has it."""
    return json.dumps(document(), indent=2) + "\n"


def _header(name: str, description: str) -> dict[str, object]:
    schema = {"type": "string"}
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": schema,
    }


def _json(schema: object) -> dict[str, object]:
    return {"application/json": {"schema": schema}}


def _one_of(property_name: str, models: Mapping[str, type]) -> object:
    mapping = {value: f"#/components/schemas/{model.__name__}" for value, model in models.items()}
    return {
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": property_name, "mapping": mapping},
    }


if __name__ == "__main__":
    print(text(), end="")
