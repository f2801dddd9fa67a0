import pytest
from openai import (
    APIStatusError,
    AsyncOpenAI,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    UnprocessableEntityError,
)

from tintype_simulator.openai.errors import ERRORS
from tintype_testing.simulators import fault, requests_received, script

TABLE: dict[str, tuple[type[APIStatusError], str, str | None]] = {
    "moderation_blocked": (BadRequestError, "image_generation_user_error", "moderation_blocked"),
    "moderation_blocked_output": (
        BadRequestError,
        "image_generation_user_error",
        "moderation_blocked",
    ),
    "content_policy_violation": (
        BadRequestError,
        "invalid_request_error",
        "content_policy_violation",
    ),
    "invalid_image_file": (BadRequestError, "image_generation_user_error", "invalid_image_file"),
    "billing_hard_limit_reached": (
        BadRequestError,
        "invalid_request_error",
        "billing_hard_limit_reached",
    ),
    "invalid_api_key": (AuthenticationError, "invalid_request_error", "invalid_api_key"),
    "organization_not_verified": (PermissionDeniedError, "invalid_request_error", None),
    "model_deprecated": (NotFoundError, "invalid_request_error", "model_not_found"),
    "conflict": (ConflictError, "invalid_request_error", None),
    "unprocessable": (UnprocessableEntityError, "invalid_request_error", None),
    "rate_limit_exceeded": (RateLimitError, "requests", "rate_limit_exceeded"),
    "slow_down": (RateLimitError, "rate_limit_error", "slow_down"),
    "insufficient_quota": (RateLimitError, "insufficient_quota", "insufficient_quota"),
    "credit_balance_exhausted": (RateLimitError, "insufficient_quota", "credit_balance_exhausted"),
    "server_error": (InternalServerError, "server_error", None),
    "server_is_overloaded": (
        InternalServerError,
        "service_unavailable_error",
        "server_is_overloaded",
    ),
}


async def generate(client: AsyncOpenAI, **fields: object) -> None:
    """Ask for an image with a fault in the way."""
    await client.images.generate(
        model="gpt-image-1", prompt="a red fox", extra_headers=fault(**fields)
    )


@pytest.mark.parametrize("name", ERRORS)
async def test_each_row_is_the_error_that_openais_client_knows(
    client: AsyncOpenAI, name: str
) -> None:
    error_class, error_type, code = TABLE[name]

    with pytest.raises(error_class) as raised:
        await generate(client, error=f"openai/{name}")

    assert (raised.value.type, raised.value.code) == (error_type, code)
    assert raised.value.request_id is not None


@pytest.mark.parametrize("name", ERRORS)
async def test_each_row_has_the_four_keys_of_the_envelope(client: AsyncOpenAI, name: str) -> None:
    with pytest.raises(APIStatusError) as raised:
        await generate(client, error=f"openai/{name}")

    assert isinstance(raised.value.body, dict)
    assert {"message", "type", "param", "code"} <= set(raised.value.body)


async def test_a_refused_image_names_its_stage(client: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as raised:
        await generate(client, error="openai/moderation_blocked_output")

    assert isinstance(raised.value.body, dict)
    assert raised.value.body["moderation_details"]["moderation_stage"] == "output"


async def test_an_unverified_organization_is_forbidden(client: AsyncOpenAI) -> None:
    with pytest.raises(PermissionDeniedError, match="must be verified to use the model"):
        await generate(client, error="openai/organization_not_verified")


async def test_any_other_status_can_be_scripted(client: AsyncOpenAI) -> None:
    with pytest.raises(APIStatusError) as raised:
        await generate(client, status=418, body={"error": {"message": "short and stout"}})

    assert raised.value.status_code == 418


async def test_a_proxys_html_page_can_come_instead_of_json(client: AsyncOpenAI) -> None:
    page = "<html><h1>502 Bad Gateway</h1></html>"

    with pytest.raises(InternalServerError) as raised:
        await generate(client, status=502, body=page)

    assert raised.value.status_code == 502
    assert raised.value.response.headers["content-type"] == "text/html"
    assert raised.value.response.text == page


async def test_headers_are_added_to_an_error(client: AsyncOpenAI) -> None:
    with pytest.raises(RateLimitError) as raised:
        await generate(
            client, error="openai/rate_limit_exceeded", headers={"Retry-After-Ms": "250"}
        )

    assert raised.value.response.headers["retry-after-ms"] == "250"


async def test_a_header_replaces_the_one_of_the_same_name(client: AsyncOpenAI) -> None:
    with pytest.raises(InternalServerError) as raised:
        await generate(client, status=500, body="{", headers={"Content-Type": "application/json"})

    assert raised.value.response.headers.get_list("content-type") == ["application/json"]


async def test_openais_client_retries_after_the_time_in_the_header(
    simulator: str, client: AsyncOpenAI
) -> None:
    throttled: dict[str, object] = {
        "error": "openai/rate_limit_exceeded",
        "headers": {"retry-after-ms": "1"},
    }
    await script(simulator, throttled, throttled)

    patient = client.with_options(max_retries=2)
    response = await patient.images.generate(model="gpt-image-1", prompt="a red fox")

    assert response.data
    assert len(await requests_received(simulator)) == 3


@pytest.mark.parametrize(
    "headers", [{"retry-after": "130"}, {"retry-after-ms": "1", "x-should-retry": "false"}]
)
async def test_a_header_keeps_openais_client_from_retrying(
    simulator: str, client: AsyncOpenAI, headers: dict[str, str]
) -> None:
    with pytest.raises(RateLimitError):
        await generate(
            client.with_options(max_retries=2), error="openai/insufficient_quota", headers=headers
        )

    assert len(await requests_received(simulator)) == 1
