"""kopf's triggers. It tells what changed and keeps the connection; it never writes.

Only `on.event` is used, because every other kind of handler would leave annotations or finalizers
on the users' objects.
"""

from typing import Any

import kopf

from tintype_kubernetes.config import ClusterConfig
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS
from tintype_operator.aggregator import Aggregator

SILENCE_SECONDS = 90.0
"""How long the aggregator may show no sign of life: some calls at their deadline."""

REGISTRY = kopf.OperatorRegistry()


class Memo:
    """What the handlers work with."""

    def __init__(self, config: ClusterConfig, aggregator: Aggregator) -> None:
        """Take the parts that `run` has made."""
        self.config = config
        self.aggregator = aggregator


@kopf.on.login(registry=REGISTRY)
def log_in(memo: Memo, **_: Any) -> kopf.ConnectionInfo:
    """Give kopf the same credentials as our own client; called again when they expire."""
    config = memo.config
    return kopf.ConnectionInfo(
        server=config.server,
        ca_data=config.ca,
        insecure=config.insecure,
        token=config.bearer_token(),
        certificate_data=config.client_certificate,
        private_key_data=config.client_key,
        default_namespace=config.namespace,
    )


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
    """Tell the liveness probe whether the aggregator works; an error makes it fail."""
    silence = memo.aggregator.silent_seconds()
    if silence > SILENCE_SECONDS:
        raise kopf.PermanentError(f"the aggregator has shown no sign of life for {silence:.0f} s")
    return "alive"
