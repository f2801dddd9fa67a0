"""What can be set from outside, read once at the start."""

from pathlib import Path
from typing import Annotated

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

    relist_seconds: Annotated[float, Field(ge=1, le=3600)] = 300.0
    """How often everything is listed anew, whatever events have told."""

    health_host: str = "0.0.0.0"  # noqa: S104 - a kubelet probes from outside of the pod
    """The address that answers liveness probes."""

    health_port: Annotated[int, Field(ge=1, le=65535)] = 8081
    """The port that answers liveness probes, at `/healthz`."""
