"""Kubernetes ServiceAccounts as admins: their tokens, reviewed by the API server.

A token counts if a TokenReview says that it belongs to a ServiceAccount of the settings, and has
the audience of the admin API, so that a token for another service is of no use here.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tintype_gateway.auth.admin.review import AUDIENCE, reviewed_service_account, unverified_claims
from tintype_gateway.auth.admin.roles import AdminCaller, Role
from tintype_gateway.auth.admin.token_files import digest
from tintype_gateway.errors import UnavailableError
from tintype_kubernetes.client import KubernetesClient
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.resources import TOKEN_REVIEWS

log = logging.getLogger(__name__)

CACHE_SECONDS = 60.0
"""How long a review counts. The API server keeps its own for 10 seconds, so that a token works for
70 seconds at most after its ServiceAccount is deleted."""

MAX_CACHED = 1000
"""Above this number of tokens, those that have expired are removed."""

RETRY_SECONDS = 5


@dataclass(frozen=True)
class _Reviewed:
    caller: AdminCaller
    expires_at: float
    checked_at: float
    """By the monotonic clock: the other one may be set back."""


class ServiceAccounts:
    """Finds the ServiceAccounts that tokens belong to."""

    def __init__(
        self,
        client: KubernetesClient,
        roles: Mapping[str, Role],
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._roles = roles
        self._wall_clock = wall_clock
        self._clock = clock
        self._reviewed: dict[bytes, _Reviewed] = {}
        self._turn = asyncio.Lock()

    def may_be_admin(self, token: bytes) -> bool:
        """Return whether a token says that it is of a ServiceAccount of the settings."""
        claims = unverified_claims(token, self._wall_clock())
        return claims is not None and claims.service_account in self._roles

    def is_known(self, token: bytes) -> bool:
        """Return whether a review has found this token valid, be it some time ago."""
        return digest(token) in self._reviewed

    async def find(self, token: bytes) -> AdminCaller | None:
        """Return the admin that a token belongs to, or None.

        Raises:
            UnavailableError: The API server does not review it.
        """
        if (cached := self._cached(token)) is not None:
            return cached
        async with self._turn:  # one review for all calls with a new token
            return self._cached(token) or await self._review(token)

    def _cached(self, token: bytes) -> AdminCaller | None:
        found = self._reviewed.get(digest(token))
        if found is None or self._wall_clock() >= found.expires_at:
            return None
        is_fresh = self._clock() - found.checked_at < CACHE_SECONDS
        return found.caller if is_fresh else None

    async def _review(self, token: bytes) -> AdminCaller | None:
        claims = unverified_claims(token, self._wall_clock())
        if claims is None:
            return None
        body = {
            "apiVersion": TOKEN_REVIEWS.api_version,
            "kind": TOKEN_REVIEWS.kind,
            "spec": {"token": token.decode("ascii"), "audiences": [AUDIENCE]},
        }
        started = self._clock()
        try:
            review = await self._client.create(TOKEN_REVIEWS, body)
        except KubernetesError as error:
            log.error("token of a ServiceAccount not reviewed", extra={"error": str(error)})
            raise UnavailableError(
                "the API server does not review the token of the ServiceAccount",
                code="token_review_unavailable",
                retry=True,
                retry_after_seconds=RETRY_SECONDS,
            ) from error
        name = reviewed_service_account(review.get("status", {}))
        role = None if name is None else self._roles.get(name)
        if name is None or role is None:
            self._reviewed.pop(digest(token), None)
            return None
        caller = AdminCaller(name, "service_account", role)
        self._keep(token, _Reviewed(caller, claims.expires_at, started))
        return caller

    def _keep(self, token: bytes, reviewed: _Reviewed) -> None:
        if len(self._reviewed) >= MAX_CACHED:
            now = self._wall_clock()
            self._reviewed = {
                key: each for key, each in self._reviewed.items() if each.expires_at > now
            }
        self._reviewed[digest(token)] = reviewed
