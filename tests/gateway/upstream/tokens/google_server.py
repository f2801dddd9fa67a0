"""Google's issuers of tokens: its token endpoints by https, and a metadata server by http."""

import datetime
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typing_extensions import override

HOSTS = ("oauth2.googleapis.com", "sts.googleapis.com", "iamcredentials.googleapis.com")

ACCOUNT = "images@studio.iam.gserviceaccount.com"


@dataclass(frozen=True)
class Received:
    """A request, without what distinguishes HTTP clients."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]
    flavor: str | None
    authorization: str | None


@dataclass
class GoogleServer:
    """Gives numbered tokens, or responds as a test says."""

    port: int = 0
    metadata_host: str = ""
    status: int = 200
    document: dict[str, Any] | None = None
    failures: list[int] = field(default_factory=list)
    """The statuses of the next responses of the metadata server."""

    flavor: str = "Google"
    expires_in: float = 3599
    received: list[Received] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The bodies of all requests for a token."""
        return [request.body for request in self.received]

    async def token(self, request: web.Request) -> web.Response:
        body = await _taken(self, request)
        given = {
            "access_token": f"google-token-{len(self.received)}",
            "expires_in": self.expires_in,
            "token_type": "Bearer",
        }
        if "subject_token" in body:
            given["issued_token_type"] = body["requested_token_type"]
        return web.json_response(self.document or given, status=self.status)

    async def impersonate(self, request: web.Request) -> web.Response:
        await _taken(self, request)
        ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
        given = {
            "accessToken": f"google-token-{len(self.received)}",
            "expireTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return web.json_response(self.document or given, status=self.status)

    async def metadata(self, request: web.Request) -> web.Response:
        if self.failures:
            return web.Response(status=self.failures.pop(0), headers={"Metadata-Flavor": "Google"})
        response = await self.token(request)
        response.headers["Metadata-Flavor"] = self.flavor
        return response


async def _taken(server: GoogleServer, request: web.Request) -> dict[str, Any]:
    text = await request.text()
    is_json = request.content_type == "application/json" and text
    body = json.loads(text) if is_json else dict(await request.post())
    server.received.append(
        Received(
            request.method,
            request.path,
            dict(request.query),
            body,
            request.headers.get("Metadata-Flavor"),
            request.headers.get("Authorization"),
        )
    )
    return body


class Resolver(AbstractResolver):
    """Finds Google's hosts on this machine, and no other host."""

    def __init__(self, port: int) -> None:
        self._port = port

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host not in HOSTS or port != 443:
            raise OSError(f"{host}:{port} has no address")
        found = ResolveResult(
            hostname=host,
            host="127.0.0.1",
            port=self._port,
            family=socket.AF_INET,
            proto=0,
            flags=0,
        )
        return [found]

    @override
    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def running_google(tls: ssl.SSLContext) -> AsyncIterator[GoogleServer]:
    """Run the servers on free ports of this machine while the block runs."""
    server = GoogleServer()
    issuers, metadata = web.Application(), web.Application()
    issuers.router.add_post("/token", server.token)
    issuers.router.add_post("/v1/token", server.token)
    issuers.router.add_post("/v1/projects/-/serviceAccounts/{account}", server.impersonate)
    folder = "/computeMetadata/v1/instance/service-accounts/default"
    metadata.router.add_get(f"{folder}/token", server.metadata)
    runners = [web.AppRunner(issuers), web.AppRunner(metadata)]
    try:
        for runner in runners:
            await runner.setup()
        await web.TCPSite(runners[0], "127.0.0.1", 0, ssl_context=tls).start()
        await web.TCPSite(runners[1], "127.0.0.1", 0).start()
        server.port = runners[0].addresses[0][1]
        server.metadata_host = f"127.0.0.1:{runners[1].addresses[0][1]}"
        yield server
    finally:
        for runner in runners:
            await runner.cleanup()


def key_file(private_key: rsa.RSAPrivateKey, /, **fields: object) -> dict[str, Any]:
    """Return the key file of a service account, as the console of Google Cloud gives it."""
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "type": "service_account",
        "project_id": "studio",
        "private_key_id": "key-17",
        "private_key": pem,
        "client_email": ACCOUNT,
        "client_id": "1234567890",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
    } | fields


def federation_file(subject_token_file: str, **fields: object) -> dict[str, Any]:
    """Return a configuration of workload identity federation, with a file as its source."""
    pool = "projects/1234/locations/global/workloadIdentityPools/clusters/providers/ours"
    return {
        "type": "external_account",
        "audience": f"//iam.googleapis.com/{pool}",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"file": subject_token_file},
    } | fields
