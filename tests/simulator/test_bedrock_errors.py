"""Each row of Bedrock's table of errors, as AWS's SDK sees it."""

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from botocore.exceptions import ClientError

from tests.simulator.aws import CORE, called, error_of, refused
from tintype_simulator.bedrock.errors import ERRORS
from tintype_testing.simulators import requests_received, script

MODELLED: dict[str, tuple[int, str]] = {
    "ValidationException": (400, "ValidationException"),
    "ContentFiltered": (400, "ValidationException"),
    "InvalidModelIdentifier": (400, "ValidationException"),
    "OnDemandNotSupported": (400, "ValidationException"),
    "ServiceQuotaExceededException": (400, "ServiceQuotaExceededException"),
    "ConflictException": (400, "ConflictException"),
    "AccessDeniedException": (403, "AccessDeniedException"),
    "ResourceNotFoundException": (404, "ResourceNotFoundException"),
    "ModelTimeoutException": (408, "ModelTimeoutException"),
    "ModelErrorException": (424, "ModelErrorException"),
    "ThrottlingException": (429, "ThrottlingException"),
    "ModelNotReadyException": (429, "ModelNotReadyException"),
    "InternalServerException": (500, "InternalServerException"),
    "ServiceUnavailableException": (503, "ServiceUnavailableException"),
}
"""Status and class of the errors that the SDK has a class for."""

COMMON = {"UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"}
"""Errors of all AWS services: status 403, and no class of their own in the SDK."""


def invoke(client: Any) -> Any:
    """Ask for an image."""
    return client.invoke_model(modelId=CORE, body=b'{"prompt": "a red fox"}')


def caught(call: Callable[[Any], Any]) -> Callable[[Any], tuple[str, ClientError]]:
    """Return a call that gives the error, behind the name of its class."""

    def catching(client: Any) -> tuple[str, ClientError]:
        with pytest.raises(ClientError) as raised:
            call(client)
        return raised.type.__name__, raised.value

    return catching


def test_the_expected_errors_are_all_of_the_table() -> None:
    assert set(ERRORS) == MODELLED.keys() | COMMON


@pytest.mark.parametrize("row", MODELLED)
async def test_the_sdk_raises_its_own_class_for_each_error(simulator: str, row: str) -> None:
    await script(simulator, {"error": f"bedrock/{row}"})

    class_name, error = await called(simulator, caught(invoke))

    status, name = MODELLED[row]
    assert class_name == name
    assert error_of(error) == (status, name, ERRORS[row].message)


@pytest.mark.parametrize("row", sorted(COMMON))
async def test_the_sdk_has_only_a_code_for_errors_of_credentials(simulator: str, row: str) -> None:
    await script(simulator, {"error": f"bedrock/{row}"})

    class_name, error = await called(simulator, caught(invoke))

    assert class_name == "ClientError"
    assert error_of(error) == (403, row, ERRORS[row].message)


async def test_a_model_error_names_its_cause(simulator: str) -> None:
    await script(simulator, {"error": "bedrock/ModelErrorException"})

    _, error = await called(simulator, caught(invoke))

    assert (error.response["originalStatusCode"], error.response["resourceName"]) == (
        500,
        "simulated",
    )


async def test_an_error_has_its_name_in_a_header_and_only_its_message_in_the_body(
    simulator: str,
) -> None:
    await script(simulator, {"error": "bedrock/ThrottlingException"})

    async with aiohttp.ClientSession() as http:
        response = await http.post(f"{simulator}/model/{CORE}/invoke")
        body = await response.json()

    assert body == {"message": "Too many requests, please wait before trying again."}
    assert response.headers["x-amzn-errortype"] == (
        "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/"
    )
    assert response.headers["content-type"] == "application/json"


async def test_every_response_has_its_own_request_id(simulator: str) -> None:
    def request_id(client: Any) -> str:
        return str(invoke(client)["ResponseMetadata"]["RequestId"])

    ids = {await called(simulator, request_id) for _ in range(2)}

    assert len(ids) == 2
    assert {len(each) for each in ids} == {36}


async def test_the_sdk_has_only_the_status_of_an_error_without_its_header(simulator: str) -> None:
    await script(simulator, {"status": 400, "body": {"message": "no name"}})

    assert await refused(simulator, CORE, {"prompt": "a red fox"}) == (400, "400", "no name")


@pytest.mark.parametrize(
    ("row", "requests"),
    [
        ("ThrottlingException", 2),
        ("ModelNotReadyException", 2),
        ("InternalServerException", 2),
        ("ServiceUnavailableException", 2),
        ("ModelTimeoutException", 1),
        ("ModelErrorException", 1),
        ("ValidationException", 1),
        ("ServiceQuotaExceededException", 1),
    ],
)
async def test_the_sdk_retries_temporary_errors_only(
    simulator: str, row: str, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = "botocore.retries.standard.ExponentialBackoff.delay_amount"
    monkeypatch.setattr(at_once, lambda backoff, context: 0)
    error: dict[str, object] = {"error": f"bedrock/{row}"}
    await script(simulator, error, error)

    await called(simulator, caught(invoke), attempts=2)

    assert len(await requests_received(simulator)) == requests
