"""kopf's triggers. It tells what changed and keeps the connection; it never writes.

Only `on.event` is used, because every other kind of handler would leave annotations or finalizers
on the users' objects.
"""

from dataclasses import dataclass
from typing import Any

import kopf

from tintype_kubernetes.config import ClusterConfig
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS
from tintype_operator.aggregator import Aggregator

SILENCE_SECONDS = 90.0
"""How long the aggregator may show no sign of life: longer than any of its calls takes."""

REGISTRY = kopf.OperatorRegistry()


@dataclass(frozen=True)
class Memo:
    """What the handlers work with."""

    config: ClusterConfig
    aggregator: Aggregator

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

    def health(self) -> str:
        """Return a word for a healthy operator.

        Raises:
            PermanentError: The aggregator is stuck. kopf answers the probe with 500 then.
        """
        silence = self.aggregator.silent_seconds()
        if silence > SILENCE_SECONDS:
            raise kopf.PermanentError(f"the aggregator has been silent for {silence:.0f} s")
        return "alive"


@kopf.on.login(registry=REGISTRY)
def log_in(memo: Memo, **_: Any) -> kopf.ConnectionInfo:
    """Connect kopf; called again when its credentials are refused."""
    return memo.connection()


@kopf.on.event(IMAGE_MODELS.group, IMAGE_MODELS.version, IMAGE_MODELS.plural, registry=REGISTRY)
@kopf.on.event(
    PROVIDER_BINDINGS.group,
    PROVIDER_BINDINGS.version,
    PROVIDER_BINDINGS.plural,
    registry=REGISTRY,
)
def notice(event: kopf.RawEvent, memo: Memo, **_: Any) -> None:
    """Pass an event on."""
    memo.aggregator.notice(event["type"], dict(event["object"]))


@kopf.on.probe(id="aggregator", registry=REGISTRY)
def report_health(memo: Memo, **_: Any) -> str:
    """Answer the liveness probe."""
    return memo.health()
