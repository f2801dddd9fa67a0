"""The webhooks of jobs: the URL that a request names is told how its job ended.

The URL is stored sealed with the job, and the ledger adds the message to the outbox in the
transaction that ends the job, whatever ends it. What is sent is written from the job then: its
document, without images and prompt.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tintype_catalog.egress_policy import EgressPolicy
from tintype_gateway.accounts import Caller
from tintype_gateway.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    ledger_unavailable,
)
from tintype_gateway.jobs.sealing import SealError, Sealing
from tintype_gateway.jobs.webhook_secrets import WebhookSecrets
from tintype_gateway.ledger.errors import LedgerError, WebhookNotFoundError
from tintype_gateway.ledger.jobs import Job
from tintype_gateway.ledger.operations.webhooks import WebhookOperations
from tintype_gateway.ledger.outbox import WebhookDelivery
from tintype_gateway.webhooks.urls import check_url

FIELD = "webhook_url"


class JobWebhooks:
    """What clients do with webhooks: name a URL, see what became of the message, ask for it again.

    Its methods raise `UnavailableError` if the ledger cannot be used.
    """

    def __init__(
        self,
        ledger: WebhookOperations,
        secrets: WebhookSecrets,
        sealing: Sealing,
        policy: EgressPolicy,
    ) -> None:
        self._ledger = ledger
        self._secrets = secrets
        self._sealing = sealing
        self._policy = policy

    async def accepted(self, caller: Caller, job_id: str, url: str) -> bytes:
        """Return the URL that a request names for its job, sealed.

        Raises:
            ForbiddenError: The account may not have webhooks.
            BadRequestError: The gateway does not send to this URL, or the account has no secret.
        """
        if not caller.webhooks:
            raise ForbiddenError(
                f"the account {caller.account!r} may not have webhooks",
                param=FIELD,
                code="webhooks_not_allowed",
            )
        try:
            check_url(url)
            refusal = self._policy.account_webhook_refusal(url)
        except ValueError as error:
            refusal = str(error)
        if refusal is not None:
            raise BadRequestError(f"`{FIELD}` {refusal}", param=FIELD, code="invalid_value")
        try:
            keys = await self._secrets.keys(caller.account)
        except LedgerError as error:
            raise ledger_unavailable() from error
        if not keys:
            raise BadRequestError(
                f"the account {caller.account!r} has no valid webhook secret, which signs what is"
                " sent: ask an administrator for one",
                param=FIELD,
                code="webhook_secret_required",
            )
        return self._sealing.seal(url.encode(), _about(job_id))

    async def documents(self, jobs: Sequence[Job]) -> Mapping[str, Mapping[str, Any]]:
        """Return what is known of the webhooks of jobs, by their ids; not of those without one."""
        hooked = [job for job in jobs if job.webhook is not None]
        ended = [message_id(job) for job in hooked if not job.is_live]
        try:
            deliveries = await self._ledger.find_webhooks(ended) if ended else {}
        except LedgerError as error:
            raise ledger_unavailable() from error
        return {
            job.id: webhook_document(self._host(job), deliveries.get(message_id(job)))
            for job in hooked
        }

    async def redeliver(self, job: Job) -> None:
        """Let the message of a job be sent again, whatever became of it.

        Raises:
            ConflictError: The job has not ended.
            NotFoundError: Its message was forgotten.
        """
        if job.is_live:
            raise ConflictError(f"the job {job.id} has not ended yet", code="job_not_finished")
        try:
            await self._ledger.redeliver_webhook(message_id(job))
        except WebhookNotFoundError as error:
            raise NotFoundError(str(error), code="webhook_not_found") from error
        except LedgerError as error:
            raise ledger_unavailable() from error

    def _host(self, job: Job) -> str | None:
        try:
            return urlsplit(opened_url(self._sealing, job)).hostname
        except SealError:
            return None


def message_id(job: Job) -> str:
    """Return the id of the message of a job that has ended, as the ledger makes it."""
    return f"msg_{job.id}_{job.status}"


def webhook_document(host: str | None, delivery: WebhookDelivery | None) -> dict[str, Any]:
    """Return what a job's document says of its webhook; the URL may be a secret.

    Args:
        host: The host of the URL; None if it cannot be opened.
        delivery: Its message; None if there is none yet.
    """
    if delivery is None:
        return _state(host, "waiting")
    is_pending = delivery.state == "pending"
    return _state(
        host,
        delivery.state,
        attempts=delivery.attempts,
        last_status=delivery.status,
        last_error=delivery.error,
        next_attempt_at=_seconds(delivery.due_at) if is_pending else None,
        delivered_at=_seconds(delivery.finished_at) if delivery.state == "delivered" else None,
    )


def _state(
    host: str | None,
    state: str,
    attempts: int = 0,
    last_status: int | None = None,
    last_error: str | None = None,
    next_attempt_at: int | None = None,
    delivered_at: int | None = None,
) -> dict[str, Any]:
    return {
        "host": host,
        "state": state,
        "attempts": attempts,
        "last_status": last_status,
        "last_error": last_error,
        "next_attempt_at": next_attempt_at,
        "delivered_at": delivered_at,
    }


def opened_url(sealing: Sealing, job: Job) -> str:
    """Return the URL of a job's webhook.

    Raises:
        SealError: It cannot be opened.
    """
    if job.webhook is None:
        raise SealError("the job has none")
    return sealing.open(job.webhook, _about(job.id)).decode()


def _about(job_id: str) -> str:
    return f"job:{job_id}:webhook"


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
