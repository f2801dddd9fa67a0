"""What can be set from outside, read once at the start."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from tintype_catalog.contract import ObjectName


class Settings(BaseSettings):
    """The operator's settings: each is the environment variable `TINTYPE_` and its name."""

    model_config = SettingsConfigDict(
        env_prefix="TINTYPE_", frozen=True, use_attribute_docstrings=True
    )

    namespace: ObjectName | None = None
    """The namespace to serve. Left out: that of the pod, or of the kubeconfig's context."""

    catalog_configmap: ObjectName = "tintype-catalog"
    """The ConfigMap to publish the catalog in."""

    kubeconfig: Path | None = None
    """The kubeconfig file to use. Left out: as kubectl and pods find the cluster."""

    release: Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?$")] = ""
    """The release to serve: objects with this value of the label `tintype.dev/release`. Left out:
    objects without the label."""

    gateway_service: ObjectName | None = None
    """The Service of the gateways, whose port `admin` tells which catalog each of them serves."""

    gateway_status_urls: str = ""
    """Comma-separated `/status` URLs of further gateways, such as those outside of the cluster."""

    manage_credentials: bool = True
    """Whether the Secrets that bindings name are gathered into one for the gateways. Otherwise
    the gateways' credentials come from elsewhere, and no right to Secrets is needed."""

    require_credentials_opt_in: bool = True
    """Whether only Secrets with the label `tintype.dev/provider-credentials: "true"` are gathered,
    and sent to no hosts but the provider's own and those of their annotation
    `tintype.dev/allowed-hosts`. `false` is for the time of an upgrade, and goes with the next
    release."""

    credentials_secret: ObjectName = "tintype-credentials"  # noqa: S105 - a name
    """The Secret to gather the credentials in."""

    owner_deployment: ObjectName | None = None
    """The Deployment with which the ConfigMap and the Secret go away: the operator's own."""

    leader_election: bool = False
    """Whether other operators of this release stand by, of which one at a time works."""

    lease: ObjectName = "tintype-operator"
    """The Lease that the working operator holds."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe message that is logged."""

    relist_seconds: Annotated[float, Field(ge=1, le=3600)] = 300.0
    """How often everything is listed anew, whatever events have told."""

    health_host: str = "0.0.0.0"  # noqa: S104 - a kubelet probes from outside of the pod
    """The address that answers liveness probes and metrics."""

    health_port: Annotated[int, Field(ge=1, le=65535)] = 8081
    """The port that answers liveness probes, at `/healthz`, and metrics, at `/metrics`."""
