"""kopf's triggers. It tells what changed and keeps the connection; it never writes.

Only `on.event` is used, because every other kind of handler would leave annotations or finalizers
on the users' objects.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import kopf

from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.config import ClusterConfig
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS, SECRETS


class Listener(Protocol):
    """Hears of every event."""

    def notice(self, event_type: str | None, found: KubernetesObject) -> None:
        """Take in an event; the type is None for what kopf listed."""


@dataclass(frozen=True)
class Memo:
    """What the handlers work with."""

    config: ClusterConfig
    listener: Listener

    def connection(self) -> kopf.ConnectionInfo:
        """Return the credentials of today, the same as those of our own client."""
        return kopf.ConnectionInfo(
            server=self.config.server,
            ca_data=self.config.ca,
            insecure=self.config.insecure,
            token=self.config.bearer_token(),
            certificate_data=self.config.client_certificate,
            private_key_data=self.config.client_key,
            default_namespace=self.config.namespace,
        )


def registry(*, with_secrets: bool) -> kopf.OperatorRegistry:
    """Return the triggers, with those for Secrets where they are wanted and allowed."""
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers)(log_in)
    for resource in (IMAGE_MODELS, PROVIDER_BINDINGS, *((SECRETS,) if with_secrets else ())):
        on_event = kopf.on.event(
            resource.group, resource.version, resource.plural, registry=handlers
        )
        on_event(notice)
    return handlers


async def log_in(memo: Memo, **_: Any) -> kopf.ConnectionInfo:
    """Connect kopf; called again when its credentials are refused."""
    return memo.connection()


async def notice(event: kopf.RawEvent, memo: Memo, **_: Any) -> None:
    """Pass an event on; asynchronous, because kopf runs anything else in threads."""
    memo.listener.notice(event["type"], dict(event["object"]))
