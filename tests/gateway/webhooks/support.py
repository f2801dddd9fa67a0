"""What the tests of webhooks share."""

import base64
from pathlib import Path

import aiohttp

from tintype_catalog.addresses import Egress, Reach
from tintype_gateway.ledger.outbox import WebhookMessage
from tintype_gateway.upstream.sessions import open_session
from tintype_gateway.webhooks.endpoints import CONFIGURED


def secret(number: int = 1) -> str:
    return "whsec_" + base64.b64encode(bytes([number]) * 32).decode()


def message(number: int = 1, destination: str = CONFIGURED) -> WebhookMessage:
    payload = f'{{"type": "webhook.test", "data": {number}}}'
    return WebhookMessage(f"msg_{number}", "webhook.test", destination, payload)


def nearby() -> aiohttp.ClientSession:
    """A session that may go to receivers of the tests."""
    return open_session(Egress(Reach.LOOPBACK))


def secrets_file(folder: Path, *numbers: int) -> Path:
    path = folder / "webhook-secrets"
    path.write_text("\n".join(map(secret, numbers)))
    return path
