"""The credentials of a binding to Azure: a key, or a token of the pod's own identity."""

import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tintype_catalog.catalog import Binding
from tintype_catalog.providers import SERVICES
from tintype_gateway.upstream.credentials import Credentials, SimulatedCredentials
from tintype_gateway.upstream.tokens.cache import Token, TokenError
from tintype_gateway.upstream.tokens.session import TokenSession
from tintype_gateway.upstream.workload import Identities, TokenIdentity
from tintype_testing.builders import binding

OWN = "https://images.openai.azure.com"


class Issuer:
    """Gives one token, or fails, and counts how often it was asked."""

    def __init__(self) -> None:
        self.scopes: list[str] = []
        self.fails = False

    async def fetch(self, scope: str) -> Token:
        self.scopes.append(scope)
        if self.fails:
            raise TokenError("AADSTS700213: no matching federated identity")
        return Token("secret-token", 3600)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def credentials(issuer: Issuer) -> AsyncIterator[Credentials]:
    session = TokenSession()
    identities = Identities({"azure": TokenIdentity("Entra ID", issuer.fetch)}, session)
    credentials = Credentials({"AZURE_OPENAI_API_KEY": "key-of-the-environment"}, identities)
    yield credentials
    await credentials.close()


def azure(**spec: Any) -> Binding:
    own = {
        "dialect": "azure-openai",
        "endpoint": OWN,
        "credentials": {"workloadIdentity": True},
    }
    return binding(**own | spec)


def moved(endpoint: str, **spec: Any) -> Binding:
    """Return a binding that no compiler lets pass, as a catalog may have it nevertheless."""
    return azure(**spec).model_copy(update={"endpoint": endpoint})


async def test_a_binding_to_azure_gets_a_token_of_azures_scope(
    credentials: Credentials, issuer: Issuer
) -> None:
    assert await credentials.read(azure()) == {"access-token": "secret-token"}
    assert await credentials.read(azure()) == {"access-token": "secret-token"}
    assert issuer.scopes == ["https://cognitiveservices.azure.com/.default"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://images.example.com",
        "http://images.openai.azure.com",
        "https://images.openai.azure.com.example.com",
        "https://images.openai.azure.com@example.com",
        "http://127.0.0.1:8080",
    ],
)
async def test_no_other_host_gets_the_token_whatever_the_catalog_says(
    endpoint: str, credentials: Credentials, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    assert await credentials.read(moved(endpoint)) == {}
    assert issuer.scopes == []
    [record] = [r for r in caplog.records if r.getMessage() == "token not sent"]
    assert record.__dict__["binding"] == "canvas-openai"


async def test_a_proxy_that_could_read_the_token_gets_none(
    credentials: Credentials, issuer: Issuer
) -> None:
    bundle = azure(caBundle={"configMapRef": {"name": "authorities"}})
    spied = bundle.model_copy(update={"proxy": "http://proxy.example.com:3128"})

    assert await credentials.read(spied) == {}
    assert issuer.scopes == []


async def test_without_a_token_there_are_no_credentials(
    credentials: Credentials, issuer: Issuer
) -> None:
    issuer.fails = True
    assert await credentials.read(azure()) == {}


async def test_neither_the_log_nor_an_object_shows_the_token(
    credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await credentials.read(azure())
    shown = [caplog.text, *(str(record.__dict__) for record in caplog.records)]
    assert "secret-token" not in "".join([*shown, repr(vars(credentials))])


async def test_a_key_of_a_secret_goes_where_the_binding_says(
    credentials: Credentials, tmp_path: Path
) -> None:
    (tmp_path / "azure.api-key").write_text("key-1")
    await credentials.load_folder(tmp_path)

    by_key = azure(credentials={"secretRef": {"name": "azure"}}, endpoint="https://a.example.com")
    assert await credentials.read(by_key) == {"api-key": "key-1"}


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [(OWN, {"api-key": "key-of-the-environment"}), ("https://a.example.com", {})],
)
async def test_the_key_of_the_environment_goes_to_azure_only(
    endpoint: str, expected: Mapping[str, str], credentials: Credentials
) -> None:
    named = azure(credentials={"secretRef": {"name": "azure"}}, endpoint=endpoint)
    assert await credentials.read(named) == expected


async def test_a_cloud_without_an_identity_has_no_credentials() -> None:
    assert await Identities({}, TokenSession()).read(SERVICES["azure-openai"]) == {}


async def test_a_simulated_provider_gets_a_simulated_token() -> None:
    assert (await SimulatedCredentials().read(azure()))["access-token"] == "simulated"
