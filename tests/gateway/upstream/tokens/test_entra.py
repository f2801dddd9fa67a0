"""Tokens of Entra ID for the workload identity of AKS, as azure-identity asks for them."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from azure.identity import WorkloadIdentityCredential

from tests.gateway.upstream.tokens.entra_server import EntraServer, running_entra
from tintype_catalog.providers import SERVICES
from tintype_gateway.upstream.tokens.cache import TokenError
from tintype_gateway.upstream.tokens.entra import EntraClient
from tintype_gateway.upstream.tokens.session import TokenSession
from tintype_gateway.upstream.workload import Identities
from tintype_testing.certificates import Authority, authority

SCOPE = "https://cognitiveservices.azure.com/.default"
ASSERTION = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0aW50eXBlIn0.c2lnbmF0dXJl"

REFUSED = {
    "error": "invalid_client",
    "error_description": "AADSTS700213: No matching federated identity record found for presented "
    f"assertion subject 'system:serviceaccount:images:tintype-gateway'. Assertion {ASSERTION}. "
    "Trace ID: 0c2a3f6e-6bd4-4a3c-9dd5-6d7b6b1c5a00",
    "error_codes": [700213],
}


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server_tls(ca: Authority) -> ssl.SSLContext:
    return ca.server("IP:127.0.0.1")


@pytest.fixture
async def entra(server_tls: ssl.SSLContext) -> AsyncIterator[EntraServer]:
    async with running_entra(server_tls) as server:
        yield server


@pytest.fixture
def environment(entra: EntraServer, tmp_path: Path) -> dict[str, str]:
    """What the webhook of AKS sets in a pod."""
    file = tmp_path / "azure-identity-token"
    file.write_text(ASSERTION)
    return {
        "AZURE_CLIENT_ID": "4d0b2a7e-0000-4a6e-9a55-d0f1d1a5c001",
        "AZURE_TENANT_ID": "72f988bf-0000-41af-91ab-2d7cd011db47",
        "AZURE_FEDERATED_TOKEN_FILE": str(file),
        "AZURE_AUTHORITY_HOST": f"{entra.url}/",
    }


@pytest.fixture
async def session(ca: Authority) -> AsyncIterator[TokenSession]:
    session = TokenSession(ssl.create_default_context(cafile=str(ca.folder / "ca.pem")))
    yield session
    await session.close()


async def refusal(client: EntraClient) -> TokenError:
    with pytest.raises(TokenError) as refused:
        await client.fetch(SCOPE)
    return refused.value


async def test_the_request_is_that_of_azures_own_sdk(
    entra: EntraServer,
    environment: dict[str, str],
    session: TokenSession,
    ca: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def by_sdk() -> str:
        with WorkloadIdentityCredential(
            connection_verify=str(ca.folder / "ca.pem"), disable_instance_discovery=True
        ) as credential:
            return credential.get_token(SCOPE).token

    assert await asyncio.to_thread(by_sdk) == "entra-token-1"
    ours = await EntraClient(session, environment).fetch(SCOPE)

    assert (ours.value, ours.seconds) == ("entra-token-2", 3599)
    assert entra.forms[0] == entra.forms[1]
    assert entra.requests[0] == entra.requests[1]
    assert entra.forms[1]["client_assertion"] == ASSERTION


async def test_the_projected_token_is_read_anew_at_each_renewal(
    entra: EntraServer, environment: dict[str, str], session: TokenSession
) -> None:
    client = EntraClient(session, environment)
    await client.fetch(SCOPE)
    rotated = Path(environment["AZURE_FEDERATED_TOKEN_FILE"])
    await asyncio.to_thread(rotated.write_text, "rotated\n")
    await client.fetch(SCOPE)

    assert [form["client_assertion"] for form in entra.forms] == [ASSERTION, "rotated"]


async def test_a_refusal_is_told_in_the_words_of_entra_without_the_assertion(
    entra: EntraServer, environment: dict[str, str], session: TokenSession
) -> None:
    entra.status, entra.document = 401, REFUSED

    message = str(await refusal(EntraClient(session, environment)))

    assert "status 401: invalid_client: AADSTS700213: No matching federated identity" in message
    assert "system:serviceaccount:images:tintype-gateway" in message
    assert "eyJ" not in message


async def test_an_assertion_in_any_form_is_removed_from_a_refusal(
    entra: EntraServer, environment: dict[str, str], session: TokenSession
) -> None:
    file = Path(environment["AZURE_FEDERATED_TOKEN_FILE"])
    await asyncio.to_thread(file.write_text, "not-a-jwt")
    entra.status, entra.document = 400, {"error": "invalid_request: not-a-jwt"}

    message = str(await refusal(EntraClient(session, environment)))

    assert message == "Entra ID responds with status 400: invalid_request: [removed]"


async def test_a_throttled_request_says_when_to_ask_again(
    entra: EntraServer, environment: dict[str, str], session: TokenSession
) -> None:
    entra.status, entra.document, entra.headers = 429, {}, {"Retry-After": "17"}

    assert (await refusal(EntraClient(session, environment))).retry_after_seconds == 17


@pytest.mark.parametrize(
    "document",
    [
        {"access_token": "t"},
        {"access_token": "", "expires_in": 3599},
        {"access_token": 5, "expires_in": 3599},
        {"access_token": "a\nb", "expires_in": 3599},
        {"access_token": "t", "expires_in": "soon"},
        {"access_token": "t", "expires_in": "NaN"},
        {"access_token": "t", "expires_in": -1},
        {"expires_in": 3599},
    ],
)
async def test_a_response_without_a_usable_token_is_a_failure(
    document: dict[str, Any], entra: EntraServer, environment: dict[str, str], session: TokenSession
) -> None:
    entra.document = document

    assert "no usable token" in str(await refusal(EntraClient(session, environment)))


async def test_a_pod_without_the_webhooks_variables_says_what_it_needs(
    session: TokenSession, environment: dict[str, str]
) -> None:
    del environment["AZURE_CLIENT_ID"], environment["AZURE_FEDERATED_TOKEN_FILE"]

    message = str(await refusal(EntraClient(session, environment)))

    assert message.startswith("AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE not set")
    assert "azure.workload.identity/use" in message


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AZURE_FEDERATED_TOKEN_FILE", "/nowhere", "/nowhere cannot be read"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/dev/null", "/dev/null is empty"),
        ("AZURE_AUTHORITY_HOST", "http://login.example.com", "not a URL of https"),
        ("AZURE_AUTHORITY_HOST", "https://[", "not a URL of https"),
        ("AZURE_AUTHORITY_HOST", "localhost:1", "no connection to Entra ID"),
    ],
)
async def test_an_environment_that_cannot_work_is_a_failure(
    name: str, value: str, expected: str, environment: dict[str, str], session: TokenSession
) -> None:
    assert expected in str(await refusal(EntraClient(session, environment | {name: value})))


async def test_no_assertion_is_sent_where_the_certificate_is_not_trusted(
    entra: EntraServer, environment: dict[str, str]
) -> None:
    session = TokenSession()
    try:
        assert "no connection" in str(await refusal(EntraClient(session, environment)))
    finally:
        await session.close()
    assert entra.forms == []


async def test_a_service_gets_the_token_of_its_scope_and_a_failure_is_logged_once(
    entra: EntraServer,
    environment: dict[str, str],
    session: TokenSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    identities = Identities.of(environment, session)
    service = SERVICES["azure-openai"]
    entra.status, entra.document = 401, REFUSED
    with caplog.at_level(logging.DEBUG):
        assert [await identities.read(service) for _ in range(3)] == [{}, {}, {}]
    await identities.close()

    (record,) = [r for r in caplog.records if r.getMessage() == "access token not renewed"]
    assert "AADSTS700213" in record.__dict__["cause"]
    assert ASSERTION not in caplog.text + str([r.__dict__ for r in caplog.records])
    assert [form["scope"] for form in entra.forms] == [SCOPE]


async def test_fifty_requests_at_once_send_one_assertion(
    entra: EntraServer, environment: dict[str, str], session: TokenSession
) -> None:
    identities = Identities.of(environment, session)
    service = SERVICES["azure-openai"]

    found = await asyncio.gather(*(identities.read(service) for _ in range(50)))
    await identities.close()

    assert found == [{"access-token": "entra-token-1"}] * 50
    assert len(entra.forms) == 1
