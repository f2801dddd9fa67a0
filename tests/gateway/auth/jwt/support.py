"""An issuer of one's own: keys, tokens, and a server that publishes the keys."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from tintype_gateway.auth.jwt.issuers import Issuer

ISSUER = "https://issuer.example"
AUDIENCE = "tintype"
DAY_SECONDS = 24 * 3600

CURVES: dict[str, ec.EllipticCurve] = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
}

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class SigningKey:
    """A private key, and its public part."""

    id: str
    algorithm: str
    private: PrivateKey = field(repr=False)

    def sign(self, token: dict[str, Any], **header: Any) -> str:
        """Return a token; a header field of None is left out."""
        fields = {"kid": self.id} | header
        given = {name: value for name, value in fields.items() if value is not None}
        return jwt.encode(token, self.private, self.algorithm, headers=given)

    def jwk(self, **fields: Any) -> dict[str, Any]:
        """Return the public key as it is published; a field of None is left out."""
        algorithm = get_default_algorithms()[self.algorithm]
        jwk: dict[str, Any] = algorithm.to_jwk(self.private.public_key(), as_dict=True)
        jwk |= {"kid": self.id, "alg": self.algorithm, "use": "sig"} | fields
        return {name: value for name, value in jwk.items() if value is not None}

    def pem(self) -> bytes:
        """Return the public key as a file has it."""
        return self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )


def signing_key(key_id: str = "first", algorithm: str = "ES256", bits: int = 2048) -> SigningKey:
    """Return a new key."""
    return SigningKey(key_id, algorithm, _private_key(algorithm, bits))


def claims(**changed: Any) -> dict[str, Any]:
    """Return the claims of a good token; one that is changed to None is left out."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "team-a", "iat": now, "exp": now + DAY_SECONDS}
    return {name: value for name, value in (good | changed).items() if value is not None}


def issuer(**fields: Any) -> Issuer:
    """Return the settings of the issuer as its file has them, with these fields."""
    given = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "algorithms": ["ES256"],
        "accountPrefix": "",
    } | fields
    return Issuer.model_validate_json(json.dumps(given, default=str))


def key_set(*keys: SigningKey) -> bytes:
    """Return the document that publishes these keys."""
    return json.dumps({"keys": [key.jwk() for key in keys]}).encode()


@dataclass
class JwksServer:
    """A server of keys, whose responses a test sets."""

    url: str = ""
    status: int = 200
    document: bytes = b""
    authorizations: list[str | None] = field(default_factory=list)
    """The header of each request that came."""

    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Responses wait for it."""

    async def response(self, request: web.Request) -> web.Response:
        """Serve the document."""
        self.authorizations.append(request.headers.get("Authorization"))
        await self.released.wait()
        return web.Response(status=self.status, body=self.document, headers={"Location": "/keys"})


@asynccontextmanager
async def jwks_server(
    *keys: SigningKey, tls: ssl.SSLContext | None = None
) -> AsyncIterator[JwksServer]:
    """Publish these keys on a loopback port, over HTTPS where there is a certificate."""
    server = JwksServer(document=key_set(*keys))
    server.released.set()
    app = web.Application()
    app.router.add_get("/keys", server.response)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        scheme = "https" if tls else "http"
        server.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}/keys"
        yield server
    finally:
        server.released.set()
        await runner.cleanup()


def _private_key(algorithm: str, bits: int) -> PrivateKey:
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm])
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, bits)
