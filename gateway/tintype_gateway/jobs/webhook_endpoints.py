"""Finds the receiver of the webhook of a job that has ended, and writes its body."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

import aiohttp

from tintype_catalog.addresses import Egress
from tintype_catalog.egress_policy import EgressPolicy
from tintype_gateway.api.jobs import job_document
from tintype_gateway.jobs.sealing import SealError, Sealing
from tintype_gateway.jobs.webhook_secrets import WebhookSecrets
from tintype_gateway.jobs.webhooks import opened_url
from tintype_gateway.ledger.errors import JobNotFoundError
from tintype_gateway.ledger.jobs import Job
from tintype_gateway.ledger.operations.accounts import AccountOperations
from tintype_gateway.ledger.operations.jobs import JobOperations
from tintype_gateway.ledger.outbox import JOB, WebhookMessage
from tintype_gateway.upstream.sessions import open_session
from tintype_gateway.webhooks.endpoints import Endpoint, NoEndpointError


class JobLedger(AccountOperations, JobOperations, Protocol):
    """What is read of a job's webhook."""


class JobEndpoints:
    """Finds the receivers of jobs' messages."""

    def __init__(
        self,
        ledger: JobLedger,
        secrets: WebhookSecrets,
        sealing: Sealing,
        policy: EgressPolicy,
        sessions: "EgressSessions",
    ) -> None:
        self._ledger = ledger
        self._secrets = secrets
        self._sealing = sealing
        self._policy = policy
        self._sessions = sessions

    async def find(self, message: WebhookMessage) -> Endpoint:
        """See `Endpoints`."""
        account = message.account or ""
        try:
            job, owner, keys = await asyncio.gather(
                self._ledger.job(account, message.destination.removeprefix(JOB)),
                self._ledger.account(account),
                self._secrets.keys(account),
            )
            url = opened_url(self._sealing, job)
        except JobNotFoundError as error:
            raise NoEndpointError("its job has expired", is_final=True) from error
        except SealError as error:
            raise NoEndpointError(f"its URL cannot be opened: {error}") from error
        if not owner.policy.webhooks:
            raise NoEndpointError("the account may not have webhooks")
        if not keys:
            raise NoEndpointError("the account has no valid webhook secret")
        session = self._sessions.to(self._policy.to_account_webhook(url))
        return Endpoint(url, keys, session, _payload(message.type, job))


class EgressSessions:
    """A session for each set of addresses that receivers may have: there are few."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._sessions: dict[Egress, aiohttp.ClientSession] = {}

    def to(self, egress: Egress) -> aiohttp.ClientSession:
        """Return the session for these addresses, which closes with the stack."""
        if egress not in self._sessions:
            self._sessions[egress] = session = open_session(egress)
            self._stack.push_async_callback(session.close)
        return self._sessions[egress]


@asynccontextmanager
async def open_job_endpoints(
    ledger: JobLedger, secrets: WebhookSecrets, sealing: Sealing, policy: EgressPolicy
) -> AsyncIterator[JobEndpoints]:
    """Give what finds the receivers of jobs' messages; its sessions close with the block."""
    async with AsyncExitStack() as stack:
        yield JobEndpoints(ledger, secrets, sealing, policy, EgressSessions(stack))


def _payload(kind: str, job: Job) -> str:
    document = job_document(job)
    del document["webhook"]
    at = job.finished_at
    return json.dumps(
        {"type": kind, "timestamp": None if at is None else at.isoformat(), "data": document}
    )
