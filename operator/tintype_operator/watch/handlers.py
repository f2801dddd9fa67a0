"""The handlers that kopf calls. kopf only keeps the watches open; it never writes.

Only `on.event` is used, because every other kind of handler adds annotations or finalizers to the
users' objects.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import kopf

from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.config import ClusterConfig
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS, SECRETS


class Listener(Protocol):
    """Receives every event."""

    def handle_event(self, event_type: str | None, found: KubernetesObject) -> None:
        """Take an event; the type is None for what kopf listed."""


@dataclass(frozen=True)
class Memo:
    """kopf's memo, which it passes to every handler."""

    config: ClusterConfig
    listener: Listener

    def connection(self) -> kopf.ConnectionInfo:
        """Return the current credentials, the same as those of the operator's own client."""
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
    """Return the handlers; those for Secrets need permission to list and watch Secrets."""
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers)(log_in)
    for resource in (IMAGE_MODELS, PROVIDER_BINDINGS, *((SECRETS,) if with_secrets else ())):
        on_event = kopf.on.event(
            resource.group, resource.version, resource.plural, registry=handlers
        )
        on_event(pass_event_on)
    return handlers


async def log_in(memo: Memo, **_: Any) -> kopf.ConnectionInfo:
    """Return kopf's credentials; kopf calls this again after a response with 401."""
    return memo.connection()


async def pass_event_on(event: kopf.RawEvent, memo: Memo, **_: Any) -> None:
    """Pass an event to the listener. It is async because kopf runs other functions in threads."""
    memo.listener.handle_event(event["type"], dict(event["object"]))
