"""Access with signatures of AWS's SDK, and with handwritten ones that the SDK would not make."""

from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.simulator.aws import CORE, NOVA, called, invoked, refused
from tintype_testing.simulators import requests_received

FOX = {"prompt": "a red fox"}

MISMATCH = (
    403,
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided.",
)
UNRECOGNIZED = "The security token included in the request is invalid."


async def post(
    simulator: str, path: str = f"/model/{CORE}/invoke", **headers: str
) -> tuple[int, str, Any]:
    """Ask for an image without the SDK; return status, name of the error and body."""
    async with aiohttp.ClientSession() as http:
        url = URL(f"{simulator}{path}", encoded=True)
        response = await http.post(url, json=FOX, headers=headers)
        name = response.headers.get("x-amzn-errortype", "").partition(":")[0]
        return response.status, name, await response.json()


async def test_every_key_id_is_accepted_with_the_known_secret(simulator: str) -> None:
    responses = [
        await invoked(simulator, CORE, FOX | {"seed": 7}, key_id=name) for name in ("AKIA", "ASIA")
    ]

    assert responses[0] == responses[1]


async def test_temporary_credentials_are_accepted(simulator: str) -> None:
    assert (await invoked(simulator, CORE, FOX, token="TOKEN123"))["images"]


async def test_a_signature_with_another_secret_is_wrong(simulator: str) -> None:
    assert await refused(simulator, CORE, FOX, secret="another") == MISMATCH


async def test_a_key_id_that_begins_with_invalid_is_refused(simulator: str) -> None:
    response = await refused(simulator, CORE, FOX, key_id="invalidAKIA")

    assert response == (403, "UnrecognizedClientException", UNRECOGNIZED)


async def test_the_signature_covers_the_query(simulator: str) -> None:
    def call(client: Any) -> Any:
        return client.list_foundation_models(byProvider="Stability AI", byOutputModality="IMAGE")

    response = await called(simulator, call, service="bedrock")

    assert {model["providerName"] for model in response["modelSummaries"]} == {"Stability AI"}


async def test_an_arn_is_signed_as_it_is_sent(simulator: str) -> None:
    arn = f"arn:aws:bedrock:us-west-2::foundation-model/{CORE}"

    assert (await invoked(simulator, arn, FOX))["images"]

    path = f"/model/{arn.replace(':', '%3A').replace('/', '%2F')}/invoke"
    assert [call["path"] for call in await requests_received(simulator)] == [path]


@pytest.mark.parametrize("model", [CORE, CORE.replace(":", "%3A")])
async def test_a_bearer_key_is_accepted_with_an_encoded_or_a_literal_colon(
    simulator: str, model: str
) -> None:
    status, _, body = await post(
        simulator, f"/model/{model}/invoke", Authorization="Bearer bedrock-api-key-1"
    )

    assert status == 200
    assert len(body["images"]) == 1


async def test_a_bearer_key_works_in_every_region(simulator: str) -> None:
    status, name, body = await post(
        simulator, f"/model/{NOVA}/invoke", Authorization="Bearer bedrock-api-key-1"
    )

    assert (status, name) == (400, "ValidationException")
    assert "#: required key [taskType] not found" in body["message"]


@pytest.mark.parametrize("key", ["invalid", "invalid-key", ""])
async def test_a_wrong_bearer_key_is_refused(simulator: str, key: str) -> None:
    response = await post(simulator, Authorization=f"Bearer {key}")

    assert response == (403, "UnrecognizedClientException", {"message": UNRECOGNIZED})


async def test_a_request_without_credentials_is_refused(simulator: str) -> None:
    response = await post(simulator)

    assert response == (
        403,
        "MissingAuthenticationTokenException",
        {"message": "Missing Authentication Token"},
    )


@pytest.mark.parametrize("authorization", ["Basic eDp5", "AWS4-HMAC-SHA256 Credential=x"])
async def test_other_forms_of_authorization_are_refused(simulator: str, authorization: str) -> None:
    status, name, _ = await post(simulator, Authorization=authorization)

    assert (status, name) == (403, "IncompleteSignatureException")
