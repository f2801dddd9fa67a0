"""Tokens of Google Cloud, as google-auth asks for them."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth import identity_pool
from google.auth.compute_engine import _metadata
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from tests.gateway.upstream.tokens.google_server import (
    ACCOUNT,
    HOSTS,
    GoogleServer,
    Resolver,
    federation_file,
    key_file,
    running_google,
)
from tintype_catalog.addresses import Egress, Reach
from tintype_catalog.providers import SERVICES
from tintype_gateway.upstream.credentials import Credentials
from tintype_gateway.upstream.sessions import open_session
from tintype_gateway.upstream.tokens import google_metadata
from tintype_gateway.upstream.tokens.cache import TokenError
from tintype_gateway.upstream.tokens.google import GoogleClient, KeyFiles
from tintype_gateway.upstream.tokens.session import TokenSession
from tintype_gateway.upstream.workload import Identities
from tintype_testing.builders import binding
from tintype_testing.certificates import Authority, authority
from tintype_testing.waiting import eventually_equal

SERVICE = SERVICES["vertex-generate-content"]
SCOPE = str(SERVICE.token_scope)
SUBJECT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0aW50eXBlIn0.c2lnbmF0dXJl"


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server_tls(ca: Authority) -> ssl.SSLContext:
    return ca.server("IP:127.0.0.1", *(f"DNS:{host}" for host in HOSTS))


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
async def google(server_tls: ssl.SSLContext) -> AsyncIterator[GoogleServer]:
    async with running_google(server_tls) as server:
        yield server


@pytest.fixture
async def session(google: GoogleServer, ca: Authority) -> AsyncIterator[TokenSession]:
    tls = ssl.create_default_context(cafile=str(ca.folder / "ca.pem"))
    session = TokenSession(tls, Resolver(google.port))
    yield session
    await session.close()


@pytest.fixture
def workload(google: GoogleServer, session: TokenSession) -> GoogleClient:
    """The identity of a pod in GKE."""
    return GoogleClient(session, {"GCE_METADATA_HOST": google.metadata_host})


@pytest.fixture
def by_file(session: TokenSession, tmp_path: Path) -> Callable[[Any], GoogleClient]:
    """Return the identity that a file of the environment describes."""

    def of(document: Any) -> GoogleClient:
        file = tmp_path / "credentials.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document, indent=2))
        return GoogleClient(session, {"GOOGLE_APPLICATION_CREDENTIALS": str(file)})

    return of


async def refusal(client: GoogleClient) -> str:
    with pytest.raises(TokenError) as refused:
        await client.fetch(SCOPE)
    return str(refused.value)


def sdk_request(ca: Authority) -> Request:
    """Return the transport of google-auth, which trusts our authority."""
    http = requests.Session()
    http.trust_env = False  # whose authorities would take the place of ours
    http.verify = str(ca.folder / "ca.pem")
    return Request(http)


async def refreshed(credentials: Any, ca: Authority) -> str:
    """Return the token that google-auth gets."""

    def refresh() -> str:
        request = sdk_request(ca)
        credentials.refresh(request)
        request.session.close()
        return str(credentials.token)

    return await asyncio.to_thread(refresh)


async def test_the_assertion_of_a_key_file_is_that_of_googles_own_sdk(
    google: GoogleServer,
    by_file: Callable[[Any], GoogleClient],
    ca: Authority,
    private_key: rsa.RSAPrivateKey,
) -> None:
    file = key_file(private_key)
    local = file | {"token_uri": f"https://127.0.0.1:{google.port}/token"}
    theirs = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        local, scopes=[SCOPE]
    )

    assert await refreshed(theirs, ca) == "google-token-1"
    ours = await by_file(file).fetch(SCOPE)

    assert (ours.value, ours.seconds) == ("google-token-2", 3599)
    first, second = [_decoded(body.pop("assertion"), private_key) for body in google.bodies]
    assert google.received[0] == google.received[1]
    assert first["header"] == second["header"]
    assert second["header"]["kid"] == "key-17"
    assert first["claims"].keys() == second["claims"].keys()
    for name in ("iss", "scope", "aud"):
        assert first["claims"][name] == second["claims"][name]
    lives = [each["claims"]["exp"] - each["claims"]["iat"] for each in (first, second)]
    assert lives == [3600, 3600]
    assert abs(first["claims"]["iat"] - second["claims"]["iat"]) < 60


def _decoded(assertion: str, private_key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """Return header and claims of an assertion whose signature is valid."""
    audience = "https://oauth2.googleapis.com/token"
    claims = jwt.decode(assertion, private_key.public_key(), ["RS256"], audience=audience)
    return {"header": jwt.get_unverified_header(assertion), "claims": claims}


async def test_the_metadata_server_is_asked_as_by_googles_own_sdk(
    google: GoogleServer, workload: GoogleClient, ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", google.metadata_host)

    def theirs() -> str:
        token, _ = _metadata.get_service_account_token(  # type: ignore[no-untyped-call]
            sdk_request(ca), scopes=[SCOPE]
        )
        return str(token)

    assert await asyncio.to_thread(theirs) == "google-token-1"
    assert (await workload.fetch(SCOPE)).value == "google-token-2"

    assert google.received[0] == google.received[1]
    assert google.received[1].flavor == "Google"
    assert google.received[1].query == {"scopes": SCOPE}


async def test_a_token_of_the_metadata_server_may_be_near_its_end(
    google: GoogleServer, workload: GoogleClient
) -> None:
    google.expires_in = 95

    assert (await workload.fetch(SCOPE)).seconds == 95


async def test_a_metadata_server_that_is_not_ready_is_asked_again(
    google: GoogleServer, workload: GoogleClient
) -> None:
    google.failures = [503, 500, 429]

    assert (await workload.fetch(SCOPE)).value == "google-token-1"


async def test_a_metadata_server_that_refuses_is_not_asked_again(
    google: GoogleServer, workload: GoogleClient
) -> None:
    google.failures = [403, 200]

    assert "the metadata server responds with status 403" in await refusal(workload)
    assert google.failures == [200]


async def test_patience_with_a_metadata_server_has_an_end(
    google: GoogleServer, workload: GoogleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google_metadata, "PATIENCE_SECONDS", 0.2)
    google.failures = [503] * 9

    assert "status 503" in await refusal(workload)


async def test_a_server_of_another_kind_is_no_metadata_server(
    google: GoogleServer, workload: GoogleClient
) -> None:
    google.flavor = "Other"

    assert "is not that of Google Cloud" in await refusal(workload)


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("a/b", "GCE_METADATA_HOST is not a host and a port"),
        ("user@host", "GCE_METADATA_HOST is not a host and a port"),
        ("metadata.invalid", "no connection to the metadata server"),
    ],
)
async def test_a_metadata_server_that_cannot_be_found_is_a_failure_at_once(
    session: TokenSession, host: str, message: str
) -> None:
    assert message in await refusal(GoogleClient(session, {"GCE_METADATA_HOST": host}))


async def test_only_the_session_of_token_clients_may_reach_a_metadata_server(
    google: GoogleServer, workload: GoogleClient
) -> None:
    url = f"http://{google.metadata_host}{google_metadata.PATH}"
    async with open_session(Egress(Reach.NETWORK)) as guarded:
        with pytest.raises(OSError, match="calls may not go to"):
            await guarded.get(url, headers={"Metadata-Flavor": "Google"})

    assert google.received == []
    assert (await workload.fetch(SCOPE)).value == "google-token-1"


@pytest.mark.parametrize("impersonation", [False, True])
async def test_federation_asks_as_googles_own_sdk(
    google: GoogleServer,
    by_file: Callable[[Any], GoogleClient],
    ca: Authority,
    tmp_path: Path,
    impersonation: bool,
) -> None:
    subject = tmp_path / "token"
    await asyncio.to_thread(subject.write_text, SUBJECT)
    file = federation_file(str(subject))
    path = f"v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"
    if impersonation:
        file["service_account_impersonation_url"] = f"https://iamcredentials.googleapis.com/{path}"
    local = json.loads(
        json.dumps(file)
        .replace("sts.googleapis.com", f"127.0.0.1:{google.port}")
        .replace("iamcredentials.googleapis.com", f"127.0.0.1:{google.port}")
    )
    theirs = identity_pool.Credentials.from_info(  # type: ignore[no-untyped-call]
        local, scopes=[SCOPE]
    )

    await refreshed(theirs, ca)
    ours = await by_file(file).fetch(SCOPE)

    calls = 2 if impersonation else 1
    assert len(google.received) == 2 * calls
    assert google.bodies[:calls] == google.bodies[calls:]
    assert [each.path for each in google.received[:calls]] == [
        each.path for each in google.received[calls:]
    ]
    assert google.bodies[0]["subject_token"] == SUBJECT
    assert ours.value == f"google-token-{2 * calls}"
    assert 3500 < ours.seconds <= 3600
    if impersonation:
        assert google.received[3].authorization == "Bearer google-token-3"


async def test_a_subject_token_may_be_in_a_json_file(
    google: GoogleServer, by_file: Callable[[Any], GoogleClient], tmp_path: Path
) -> None:
    subject = tmp_path / "token.json"
    await asyncio.to_thread(subject.write_text, json.dumps({"access_token": SUBJECT}))
    form = {"type": "json", "subject_token_field_name": "access_token"}
    source = {"file": str(subject), "format": form}

    await by_file(federation_file("", credential_source=source)).fetch(SCOPE)

    assert google.bodies[0]["subject_token"] == SUBJECT


def _ec_pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"type": "authorized_user"}, "`type` of the credentials file is not `service_account`"),
        ({"client_email": ""}, "has no `client_email`"),
        ({"private_key": None}, "has no `private_key`"),
        ({"private_key": "-----BEGIN PRIVATE KEY-----\nsecret"}, "is not an RSA key"),
        ({"private_key": _ec_pem()}, "is not an RSA key"),
        ({"token_uri": "http://oauth2.googleapis.com/token"}, "not an https URL"),
        ({"token_uri": "https://evil.example.com/token"}, "not an https URL"),
        ({"token_uri": "https://googleapis.com.evil.example/token"}, "not an https URL"),
        ({"token_uri": "https://evil.example\\@oauth2.googleapis.com/token"}, "not an https URL"),
        ({"token_uri": "https://a@oauth2.googleapis.com/token"}, "not an https URL"),
        ({"token_uri": "https://oauth2.googleapis.com:8443/token"}, "not an https URL"),
        ({"token_uri": "https://169.254.169.254/token"}, "not an https URL"),
        ({"token_uri": "https://[/token"}, "not an https URL"),
        ({"token_uri": "token"}, "not an https URL"),
        ({"token_uri": "https://oauth2.googleapis.com:no/token"}, "not an https URL"),
    ],
)
async def test_a_key_file_that_cannot_be_used_is_a_failure_that_quotes_no_secret(
    google: GoogleServer,
    by_file: Callable[[Any], GoogleClient],
    private_key: rsa.RSAPrivateKey,
    fields: dict[str, Any],
    message: str,
) -> None:
    refused = await refusal(by_file(key_file(private_key, **fields)))

    assert message in refused
    assert "secret" not in refused
    assert google.received == []


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 9000, "null"])
async def test_a_file_that_is_no_json_object_is_a_failure(
    by_file: Callable[[Any], GoogleClient], text: str
) -> None:
    assert "is not a JSON object" in await refusal(by_file(text))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"credential_source": {"url": "http://169.254.169.254"}}, "no other source is supported"),
        ({"credential_source": {"executable": {"command": "sh"}}}, "no other source is supported"),
        ({"credential_source": {"file": "/nowhere"}}, "/nowhere cannot be read"),
        ({"credential_source": {"file": "/dev/null"}}, "/dev/null is empty"),
        ({"token_url": "https://sts.example.com/v1/token"}, "not an https URL"),
        (
            {"service_account_impersonation_url": "https://iam.example.com/v1"},
            "not an https URL",
        ),
    ],
)
async def test_a_configuration_of_federation_that_cannot_be_used_is_a_failure(
    by_file: Callable[[Any], GoogleClient], tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    subject = tmp_path / "token"
    await asyncio.to_thread(subject.write_text, SUBJECT)

    assert message in await refusal(by_file(federation_file(str(subject), **fields)))


async def test_a_refusal_is_told_in_the_words_of_google_without_the_assertion(
    google: GoogleServer, by_file: Callable[[Any], GoogleClient], private_key: rsa.RSAPrivateKey
) -> None:
    google.status = 400
    google.document = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}

    assert await refusal(by_file(key_file(private_key))) == (
        "Google responds with status 400: invalid_grant: Invalid JWT Signature."
    )


async def test_a_key_file_of_a_secret_is_renewed_once_for_all_requests(
    google: GoogleServer, session: TokenSession, private_key: rsa.RSAPrivateKey
) -> None:
    files = KeyFiles(session)
    text = json.dumps(key_file(private_key))

    found = await asyncio.gather(*(files.read(SERVICE, text) for _ in range(9)))

    assert found == [{"access-token": "google-token-1"}] * 9
    assert len(google.received) == 1
    other = json.dumps(key_file(private_key, private_key_id="key-18"))
    assert await files.read(SERVICE, other) == {"access-token": "google-token-2"}
    await files.close()


async def test_a_token_that_has_ended_is_replaced_by_another(
    google: GoogleServer, session: TokenSession, private_key: rsa.RSAPrivateKey
) -> None:
    google.expires_in = 10.001  # of which the last 10 s are not used
    files = KeyFiles(session)
    text = json.dumps(key_file(private_key))
    await files.read(SERVICE, text)
    google.expires_in = 3599

    await eventually_equal(lambda: files.read(SERVICE, text), {"access-token": "google-token-2"})
    await files.close()


async def test_a_secret_cannot_name_files_of_the_gateway(
    google: GoogleServer, session: TokenSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    subject = tmp_path / "token"
    await asyncio.to_thread(subject.write_text, SUBJECT)
    files = KeyFiles(session)

    assert await files.read(SERVICE, json.dumps(federation_file(str(subject)))) == {}
    await files.close()
    assert google.received == []
    assert "access token not renewed" in caplog.text


VERTEX: dict[str, Any] = {
    "provider": "vertex",
    "dialect": "vertex-generate-content",
    "vertexAi": {"project": "studio"},
    "credentials": {"secretRef": {"name": "my.vertex"}},
}


async def test_a_binding_gets_a_token_for_the_key_file_of_its_secret(
    session: TokenSession, tmp_path: Path, private_key: rsa.RSAPrivateKey
) -> None:
    """The file has several lines, and the names of Secret and key have dots."""
    text = json.dumps(key_file(private_key, project_id="st\u00fcdio"), indent=2)
    (tmp_path / "my.vertex.service-account.json").write_text(text)
    credentials = Credentials(identities=Identities({}, session))
    await credentials.load_folder(tmp_path)

    for _ in range(2):
        assert await credentials.read(binding(**VERTEX)) == {"access-token": "google-token-1"}
    await credentials.close()


async def test_a_binding_of_another_provider_gets_no_token(
    google: GoogleServer, session: TokenSession, tmp_path: Path, private_key: rsa.RSAPrivateKey
) -> None:
    (tmp_path / "openai.service-account.json").write_text(json.dumps(key_file(private_key)))
    credentials = Credentials(identities=Identities({}, session))
    await credentials.load_folder(tmp_path)

    assert await credentials.read(binding()) == {}
    assert google.received == []
    await credentials.close()


async def test_outside_a_cluster_a_binding_gets_a_token_of_the_environment(
    google: GoogleServer, session: TokenSession
) -> None:
    environment = {"GCE_METADATA_HOST": google.metadata_host}
    credentials = Credentials(environment, Identities.of(environment, session))

    assert await credentials.read(binding(**VERTEX)) == {"access-token": "google-token-1"}
    elsewhere = binding(**VERTEX, endpoint="https://proxy.example.com")
    assert await credentials.read(elsewhere) == {}
    await credentials.close()


async def test_a_workloads_token_is_sent_to_googles_own_hosts_only(
    google: GoogleServer, session: TokenSession
) -> None:
    environment = {"GCE_METADATA_HOST": google.metadata_host}
    credentials = Credentials(identities=Identities.of(environment, session))
    named = VERTEX | {"credentials": {"workloadIdentity": True}}

    assert await credentials.read(binding(**named)) == {"access-token": "google-token-1"}
    moved = binding(**named).model_copy(update={"endpoint": "https://proxy.example.com"})
    assert await credentials.read(moved) == {}
    await credentials.close()
