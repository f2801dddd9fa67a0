"""Checks the credentials of a call: a signature of version 4, or a bearer key.

The signature is computed from AWS's description of it, independently of the signers that it
checks. Every access key id has the secret `simulated`, and every bearer key is valid, but for ids
and keys that begin with `invalid`.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from multidict import MultiMapping

from tintype_simulator.bedrock.errors import ERRORS, BedrockError, forbidden, unrecognized

SECRET_ACCESS_KEY = "simulated"  # noqa: S105 - it is public

SERVICE = "bedrock"
"""The scope of signatures, for calls of models and for the list of models."""

MAX_SKEW = timedelta(minutes=5)
"""How far the clocks may differ: AWS's usual figure, as AWS publishes none for Bedrock."""

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +"
    r"Credential=(?P<key_id>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)"
    r"/aws4_request, *SignedHeaders=(?P<signed>[^,\s]+), *Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Received:
    """A request as it was sent."""

    method: str
    raw_path: str
    """Path and query, with the percent-encoding of the client."""

    headers: MultiMapping[str]
    """The headers, with names in any case."""

    body: bytes


def region_of_caller(request: Received, now: datetime) -> str | None:
    """Return the region in the scope of a signature, None for a bearer key, which has no region.

    Raises:
        BedrockError: The credentials are missing or wrong.
    """
    authorization = request.headers.get("authorization", "")
    if not authorization:
        raise forbidden("MissingAuthenticationTokenException", "Missing Authentication Token")
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() == "bearer":
        if not key or key.startswith("invalid"):
            raise unrecognized()
        return None
    claim = AUTHORIZATION.fullmatch(authorization)
    if claim is None:
        message = "The Authorization header is not of Signature Version 4."
        raise forbidden("IncompleteSignatureException", message)
    check_scope(request, claim, now)
    if claim["key_id"].startswith("invalid"):
        raise unrecognized()
    if not hmac.compare_digest(signature(request, claim), claim["signature"]):
        raise ERRORS["InvalidSignatureException"]
    return claim["region"]


def check_scope(request: Received, claim: re.Match[str], now: datetime) -> None:
    """Refuse a signature for another service or day, or one that does not cover all headers."""
    if claim["service"] != SERVICE:
        raise wrong_signature(f"Credential should be scoped to correct service: '{SERVICE}'.")
    stamp = request.headers.get("x-amz-date", "")
    try:
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise wrong_signature("The header x-amz-date must be like 20261120T000000Z.") from error
    if not stamp.startswith(claim["day"]):
        raise wrong_signature("Date in Credential scope does not match the header x-amz-date.")
    if abs(now - signed_at) > MAX_SKEW:
        raise wrong_signature(f"Signature expired: {stamp} is not now.")
    names = {name.lower() for name in request.headers}
    amazon = {"host", *(name for name in names if name.startswith("x-amz-"))}
    if unsigned := amazon - set(claim["signed"].split(";")):
        raise wrong_signature(f"These headers must be signed: {', '.join(sorted(unsigned))}.")


def signature(request: Received, claim: re.Match[str]) -> str:
    """Return the correct signature of a request for the scope in its header."""
    scope = (claim["day"], claim["region"], claim["service"], "aws4_request")
    canonical = canonical_request(request, claim["signed"]).encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(canonical).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", request.headers["x-amz-date"], "/".join(scope), digest))
    key = f"AWS4{SECRET_ACCESS_KEY}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def canonical_request(request: Received, signed_headers: str) -> str:
    """Return the canonical request, which client and server hash.

    The path is percent-encoded a second time: `%3A` on the wire is `%253A` here.
    """
    path, _, query = request.raw_path.partition("?")
    names = signed_headers.split(";")
    lines = (f"{name}:{canonical_value(request.headers.getall(name, ()))}\n" for name in names)
    return "\n".join(
        (
            request.method,
            quote(path, safe="/", errors="surrogatepass"),
            canonical_query(query),
            "".join(lines),
            signed_headers,
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def canonical_query(query: str) -> str:
    """Return the parameters of a query, percent-encoded again and sorted."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return "&".join(sorted(f"{encoded(name)}={encoded(value)}" for name, _, value in pairs))


def encoded(text: str) -> str:
    """Return a name or value of a query with all but unreserved characters percent-encoded."""
    return quote(unquote(text), safe="", errors="surrogatepass")


def canonical_value(values: Iterable[str]) -> str:
    """Return the values of one header, with single spaces only."""
    return ",".join(" ".join(value.split()) for value in values)


def wrong_signature(message: str) -> BedrockError:
    """Return the error for a signature that is not valid."""
    return forbidden("InvalidSignatureException", message)
