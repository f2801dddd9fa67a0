"""The parts that the operations of the OpenAPI document are made of."""

from collections.abc import Iterable
from typing import Any

from tintype_gateway.api.openapi.errors import AUTHENTICATED, FAULTS
from tintype_gateway.api.response_headers import PROFILE_HEADER

Json = dict[str, Any]

_ENVELOPES = {402: ("MissingCredits", "ExceededBudget"), 422: ("FieldErrors",)}
"""The schemas of errors with more fields than OpenAI's envelope, by status."""


def operation_of(
    name: str, summary: str, response: str | None, statuses: Iterable[int] = AUTHENTICATED
) -> Json:
    """Return an operation whose response has the schema of a name, and may have these errors."""
    schema = {"type": "object"} if response is None else ref(response)
    success = {
        "description": summary,
        "headers": response_headers("x-request-id", required=True),
        "content": {"application/json": {"schema": schema}},
    }
    responses = {"200": success} | {str(status): _fault(status) for status in sorted(statuses)}
    return {"operationId": name, "summary": summary, "responses": responses}


def _fault(status: int) -> Json:
    fault = FAULTS[status]
    schema, *others = map(ref, _ENVELOPES.get(status, ("Error",)))
    if others:
        schema = {"anyOf": [schema, *others]}
    also = {405: ["Allow"], 409: ["Retry-After"], 429: ["Retry-After"], 503: ["Retry-After"]}
    return {
        "description": f"{fault.when} `code` is {_or(fault.codes)}.",
        "headers": response_headers("x-should-retry", *also.get(status, [])),
        "content": {"application/json": {"schema": schema}},
    }


def served_headers() -> Json:
    """Return the headers of a response with images."""
    return response_headers(
        *("Tintype-Route", "Tintype-Adjusted", "Tintype-Cost-Micro-Credits"),
        *(
            "Tintype-Budget-Remaining",
            "Tintype-Catalog-Revision",
            "Deprecation",
            "Sunset",
            "Preference-Applied",
        ),
        *("Idempotent-Replayed", PROFILE_HEADER),
    )


RESPONSE_HEADERS = {
    "x-request-id": "The id of the request in the gateway's log.",
    "x-should-retry": "Whether the official SDKs may retry the request automatically.",
    "ETag": "Names this content, for `If-None-Match`.",
    "Location": "The path of the job.",
    "Allow": "The methods that the path supports.",
    "Retry-After": "Seconds to wait before a retry, or before the next look at a job, if known.",
    "Tintype-Route": "Provider, region and ProviderBinding of each call.",
    "Tintype-Adjusted": "The changes that the gateway made to the request.",
    "Tintype-Cost-Micro-Credits": "The charge in micro-credits. Not in streams.",
    "Tintype-Budget-Remaining": "What the account's tightest budget for the request has left, in"
    " micro-credits, once the most that the request can cost is taken away.",
    "Tintype-Catalog-Revision": "The SHA-256 of the catalog that set the price.",
    "Deprecation": "Since when the model is deprecated (RFC 9745).",
    "Sunset": "When the model is retired (RFC 8594).",
    "Preference-Applied": "The preference that the gateway applied (RFC 7240).",
    PROFILE_HEADER: "The profile of the response: `router` or `openai`.",
    "Idempotent-Replayed": "`true` if this is the stored response to an earlier request.",
}
"""The headers that responses may have, with their descriptions."""


def response_headers(*names: str, required: bool = False) -> Json:
    """Return headers of a response by their names."""
    return {
        name: {
            "description": RESPONSE_HEADERS[name],
            "required": required,
            "schema": {"type": "string"},
        }
        for name in names
    }


def header(name: str, description: str, schema: Json) -> Json:
    """Return a header of a request."""
    return {"name": name, "in": "header", "description": description, "schema": schema}


def ref(name: str) -> Json:
    """Return the reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _or(codes: tuple[str, ...]) -> str:
    return " or ".join(f"`{code}`" for code in codes)
