"""Every setting of the operator, read once at the start."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tintype_catalog.addresses import Reach
from tintype_catalog.contract import ObjectName
from tintype_catalog.egress_policy import EgressPolicy
from tintype_catalog.private_networks import PrivateList, read_private_networks


class Settings(BaseSettings):
    """The operator's settings; the environment variables are `TINTYPE_` and the name."""

    model_config = SettingsConfigDict(
        env_prefix="TINTYPE_", frozen=True, use_attribute_docstrings=True
    )

    namespace: ObjectName | None = None
    """The namespace to serve. Default: that of the pod, or of the kubeconfig's context."""

    catalog_configmap: ObjectName = "tintype-catalog"
    """The ConfigMap in which the catalog is published."""

    kubeconfig: Path | None = None
    """The kubeconfig file. Default: `$KUBECONFIG`, the pod's ServiceAccount or `~/.kube/config`."""

    release: Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?$")] = ""
    """The release to serve: objects with this value of the label `tintype.dev/release`. Default:
    objects without the label."""

    gateway_service: ObjectName | None = None
    """The Service of the gateways. Each endpoint reports the catalog that it serves on the port
    named `admin`."""

    gateway_status_urls: str = ""
    """Comma-separated `/status` URLs of further gateways, for example outside of the cluster."""

    gateway_admin_url: str | None = None
    """The URL of the admin port of the gateways, such as `http://tintype-gateway-admin:9090`. With
    it the operator serves Accounts, ApiKeys and CreditGrants, and reports changes of models and
    bindings to the audit log."""

    admin_token_file: Path | None = None
    """The file with the token for the gateways' admin API, read again for each call."""

    owner: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][-A-Za-z0-9_./]*$")] = (
        "tintype"
    )
    """The name by which this operator owns accounts and keys in the ledger. Operators of several
    releases or clusters with one database need different names."""

    manage_key_secrets: bool = True
    """Whether the operator writes the Secrets of ApiKeys. Otherwise it needs no permission for it,
    and each ApiKey says so in its status."""

    public_base_url: str = ""
    """The URL of the API that the Secrets of ApiKeys name as `OPENAI_BASE_URL`, with `/v1`. By
    default they name none."""

    manage_credentials: bool = True
    """Whether the operator copies the Secrets that bindings name into one Secret for the gateways.
    If not, gateways get credentials from elsewhere, and no permission on Secrets is needed."""

    require_credentials_opt_in: bool = True
    """Whether only Secrets with the label `tintype.dev/provider-credentials: "true"` are copied,
    and sent only to the provider's own hosts and to those in their annotation
    `tintype.dev/allowed-hosts`. `false` is for the time of an upgrade, and will be removed in the
    next release."""

    allow_private_endpoints: bool = False
    """Whether gateways may call private addresses for every binding, as their setting of the same
    name says. The status of a binding depends on it."""

    allow_loopback_endpoints: bool = False
    """Whether gateways may call their own machine, as their setting of the same name says."""

    allowed_private_networks: Annotated[PrivateList, NoDecode] = ()
    """The private networks and Services, separated by commas, that bindings may call, as the
    gateways' setting of the same name says."""

    credentials_secret: ObjectName = "tintype-credentials"  # noqa: S105 - a name
    """The Secret into which credentials are copied."""

    owner_deployment: ObjectName | None = None
    """The operator's own Deployment, the owner of the ConfigMap and the Secret: Kubernetes deletes
    them with it."""

    leader_election: bool = False
    """Whether several operators of this release run, of which only the leader works."""

    lease: ObjectName = "tintype-operator"
    """The Lease that the leader holds."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level that is logged."""

    relist_seconds: Annotated[float, Field(ge=1, le=3600)] = 300.0
    """The period in seconds after which all objects are listed again, besides the watches."""

    health_host: str = "0.0.0.0"  # noqa: S104 - a kubelet probes from outside of the pod
    """The address that serves liveness probes and metrics."""

    health_port: Annotated[int, Field(ge=1, le=65535)] = 8081
    """The port that serves liveness probes at `/healthz`, and metrics at `/metrics`."""

    @model_validator(mode="after")
    def _has_a_token(self) -> Self:
        if self.gateway_admin_url and self.admin_token_file is None:
            raise ValueError("TINTYPE_GATEWAY_ADMIN_URL needs TINTYPE_ADMIN_TOKEN_FILE")
        return self

    @property
    def egress_policy(self) -> EgressPolicy:
        """Where gateways let bindings call."""
        private = Reach.PRIVATE if self.allow_private_endpoints else Reach(0)
        loopback = Reach.LOOPBACK if self.allow_loopback_endpoints else Reach(0)
        networks = read_private_networks(self.allowed_private_networks)
        return EgressPolicy(Reach.PUBLIC | private | loopback, networks)
