"""What tokens of Kubernetes ServiceAccounts say of themselves, and TokenReviews of them."""

import binascii
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tintype_gateway.auth.admin.roles import ROLES, Role

AUDIENCE = "tintype-admin"
"""The audience that a token of an admin must have."""

MAX_TOKEN_BYTES = 16 * 1024

_USER = "system:serviceaccount:"

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def parse_service_accounts(text: str) -> Mapping[str, Role]:
    """Return the roles by NAMESPACE/NAME of a list `NAMESPACE/NAME=ROLE,...`.

    Raises:
        ValueError: An entry has another form, or a ServiceAccount stands there twice.
    """
    roles: dict[str, Role] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, given = entry.partition("=")
        role: Role | None = next((role for role in ROLES if role == given), None)
        if role is None or _NAME.fullmatch(name) is None:
            raise ValueError(f"{entry!r} is not NAMESPACE/NAME=ROLE, a role of {', '.join(ROLES)}")
        if name in roles:
            raise ValueError(f"{name} stands there twice")
        roles[name] = role
    return roles


@dataclass(frozen=True)
class Claims:
    """What a token says of itself; nobody has verified it."""

    service_account: str
    """NAMESPACE/NAME."""

    expires_at: float
    """In seconds since the epoch."""


def unverified_claims(token: bytes, now: float) -> Claims | None:
    """Return the claims of what may be a token for the admin API; None for anything else.

    Only such a token is sent to the API server, which keeps other secrets from it.
    """
    payload = _payload(token)
    subject, audiences, end = payload.get("sub"), payload.get("aud"), payload.get("exp")
    if not isinstance(subject, str) or not subject.startswith(_USER):
        return None
    named = [audiences] if isinstance(audiences, str) else audiences
    if not isinstance(named, list) or AUDIENCE not in named:
        return None
    if isinstance(end, bool) or not isinstance(end, int | float) or not end > now:
        return None
    return Claims(subject.removeprefix(_USER).replace(":", "/"), float(end))


def _payload(token: bytes) -> Mapping[str, Any]:
    parts = token.split(b".")
    if len(parts) != 3 or len(token) > MAX_TOKEN_BYTES or not token.isascii():
        return {}
    try:
        payload = json.loads(urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def reviewed_service_account(status: Mapping[str, Any]) -> str | None:
    """Return NAMESPACE/NAME of a TokenReview's `status`; None if the token is not valid.

    An authenticator that does not know audiences leaves `audiences` out, and then nothing is known
    of the token's own.
    """
    user = status.get("user", {}).get("username", "")
    is_valid = status.get("authenticated") is True and AUDIENCE in status.get("audiences", ())
    if not is_valid or not user.startswith(_USER):
        return None
    return str(user.removeprefix(_USER).replace(":", "/"))
