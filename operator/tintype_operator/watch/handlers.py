"""The handlers that kopf calls. kopf only keeps the watches open; it never writes.

Only `on.event` is used, because every other kind of handler adds annotations or finalizers to the
users' objects.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import kopf

from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.config import ClusterConfig
from tintype_kubernetes.resources import (
    ACCOUNTS,
    API_KEYS,
    CREDIT_GRANTS,
    IMAGE_MODELS,
    PROVIDER_BINDINGS,
    SECRETS,
)


class Listener(Protocol):
    """Receives the events of the kinds that it serves."""

    @property
    def kinds(self) -> Collection[str]:
        """The kinds that it serves."""

    def handle_event(self, event_type: str | None, found: KubernetesObject) -> None:
        """Take an event of one of these kinds; the type is None for what kopf listed."""


@dataclass(frozen=True)
class Memo:
    """kopf's memo, which it passes to every handler."""

    config: ClusterConfig
    listeners: Sequence[Listener]

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


def registry(*, with_secrets: bool, with_accounts: bool = False) -> kopf.OperatorRegistry:
    """Return the handlers; those for Secrets need permission to list and watch Secrets."""
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers)(log_in)
    secrets = (SECRETS,) if with_secrets else ()
    accounts = (ACCOUNTS, API_KEYS, CREDIT_GRANTS) if with_accounts else ()
    for resource in (IMAGE_MODELS, PROVIDER_BINDINGS, *secrets, *accounts):
        on_event = kopf.on.event(
            resource.group, resource.version, resource.plural, registry=handlers
        )
        on_event(pass_event_on)
    return handlers


async def log_in(memo: Memo, **_: Any) -> kopf.ConnectionInfo:
    """Return kopf's credentials; kopf calls this again after a response with 401."""
    return memo.connection()


async def pass_event_on(event: kopf.RawEvent, memo: Memo, **_: Any) -> None:
    """Pass an event to its listeners. It is async because kopf runs other functions in threads."""
    found = dict(event["object"])
    for listener in memo.listeners:
        if found["kind"] in listener.kinds:
            listener.handle_event(event["type"], found)
