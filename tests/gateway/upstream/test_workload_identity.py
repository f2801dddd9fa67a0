"""`workloadIdentity`: the AWS credentials of the gateway's own workload."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from botocore.utils import ContainerMetadataFetcher

from tintype_gateway.upstream.credentials import Credentials
from tintype_testing.builders import binding

OWN = binding(
    provider="bedrock",
    dialect="bedrock-amazon",
    regions=["us-east-1"],
    credentials={"workloadIdentity": True},
)

STS_RESPONSE = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{id}</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>{expiration}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


@dataclass
class Issuer:
    """What gives credentials to workloads: EKS Pod Identity's agent, and STS."""

    lifetime: timedelta = timedelta(hours=6)
    status: int = 200
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)

    async def container(self, request: web.Request) -> web.Response:
        """Respond as EKS Pod Identity does."""
        self.asked.append({"token": request.headers.get("Authorization", "")})
        given = {
            "AccessKeyId": f"id-{len(self.asked)}",
            "SecretAccessKey": "secret",
            "Token": "session",
            "Expiration": self._expiration(),
        }
        return web.json_response(given, status=self.status)

    async def sts(self, request: web.Request) -> web.Response:
        """Respond as `AssumeRoleWithWebIdentity` does."""
        fields = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(fields)
        text = STS_RESPONSE.format(id=f"id-{len(self.asked)}", expiration=self._expiration())
        return web.Response(text=text, status=self.status, content_type="text/xml")

    def _expiration(self) -> str:
        return (datetime.now(UTC) + self.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer, app = Issuer(), web.Application()
    app.router.add_get("/credentials", issuer.container)
    app.router.add_post("/", issuer.sts)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield issuer
    await runner.cleanup()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No identity but the one that a test gives, and none of the machine's own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # botocore asks again after two seconds, in which a busy machine may have done nothing.
    monkeypatch.setattr(ContainerMetadataFetcher, "TIMEOUT_SECONDS", 60)


@pytest.fixture
def pod_identity(issuer: Issuer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What EKS Pod Identity sets in a pod; the token's file."""
    token = tmp_path / "pod-identity-token"
    token.write_text("projected-token")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{issuer.url}/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
    return token


async def test_the_environment_is_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    assert await Credentials().read(OWN) == {
        "aws-access-key-id": "id",
        "aws-secret-access-key": "secret",
    }


@pytest.mark.usefixtures("pod_identity")
async def test_a_pod_gets_its_credentials_by_pod_identity(issuer: Issuer) -> None:
    assert await Credentials().read(OWN) == {
        "aws-access-key-id": "id-1",
        "aws-secret-access-key": "secret",
        "aws-session-token": "session",
    }
    assert issuer.asked == [{"token": "projected-token"}]


@pytest.mark.usefixtures("pod_identity")
async def test_credentials_are_kept_until_they_are_about_to_end(issuer: Issuer) -> None:
    credentials = Credentials()
    for _ in range(3):
        await credentials.read(OWN)
    assert len(issuer.asked) == 1


async def test_credentials_that_are_about_to_end_are_renewed_with_the_token_of_the_moment(
    issuer: Issuer, pod_identity: Path
) -> None:
    issuer.lifetime = timedelta(minutes=1)
    credentials = Credentials()
    first = await credentials.read(OWN)
    await asyncio.to_thread(pod_identity.write_text, "rotated-token")

    second = await credentials.read(OWN)

    assert first["aws-access-key-id"] != second["aws-access-key-id"]
    assert issuer.asked[-1] == {"token": "rotated-token"}


async def test_a_pod_gets_its_credentials_by_a_web_identity(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / "web-identity-token"
    token.write_text("service-account-token")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/painter")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", issuer.url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    found = await Credentials().read(OWN)

    assert found["aws-access-key-id"] == "id-1"
    assert found["aws-session-token"] == "session"
    assert issuer.asked[0]["WebIdentityToken"] == "service-account-token"
    assert issuer.asked[0]["RoleArn"] == "arn:aws:iam::123456789012:role/painter"


@pytest.mark.usefixtures("pod_identity")
async def test_an_identity_that_is_refused_is_none_and_is_asked_for_again(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.status = 400
    credentials = Credentials()
    with caplog.at_level("WARNING"):
        assert await credentials.read(OWN) == {}
    assert "no AWS credentials of the workload" in caplog.text

    issuer.status = 200
    assert (await credentials.read(OWN))["aws-session-token"] == "session"


async def test_without_any_identity_there_are_no_credentials() -> None:
    assert await Credentials().read(OWN) == {}
