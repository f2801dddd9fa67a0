"""Opens the sender of webhooks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tintype_catalog.egress_policy import EgressPolicy
from tintype_gateway.ledger.operations.webhooks import WebhookOperations
from tintype_gateway.ledger.outbox import JOB
from tintype_gateway.upstream.sessions import open_session
from tintype_gateway.webhooks.budgets import report_alerts
from tintype_gateway.webhooks.endpoints import (
    CONFIGURED,
    ByDestination,
    ConfiguredEndpoint,
    Endpoints,
    SecretsFile,
)
from tintype_gateway.webhooks.sender import Sender


@asynccontextmanager
async def open_sender(
    ledger: WebhookOperations,
    url: str,
    secrets_file: Path | None,
    policy: EgressPolicy,
    jobs: Endpoints | None,
) -> AsyncIterator[Sender]:
    """Give the sender of webhooks to the receiver of the settings, if there is one, and of jobs.

    Raises:
        OSError: The file with the secrets cannot be read.
        ValueError: It has no secret, or a line that is none.
    """
    endpoints: dict[str, Endpoints] = {} if jobs is None else {JOB.removesuffix(":"): jobs}
    if not url or secrets_file is None:
        yield Sender(ledger, ByDestination(endpoints))
        return
    secrets = SecretsFile(secrets_file)
    secrets.load()
    async with open_session(policy.to_webhook(url)) as session:
        endpoints[CONFIGURED] = ConfiguredEndpoint(url, secrets, session)
        yield Sender(ledger, ByDestination(endpoints), [report_alerts])
