"""How a gateway reaches the server of a binding: a Service, TLS with its files, and a proxy."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tintype_catalog.contract import Contract, ObjectName, cel
from tintype_catalog.urls import has_a_host_and_a_port

DEFAULT_NAMESPACE = "default"
"""The namespace of a manifest that names none, as for kubectl."""

_DnsLabel = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"

Namespace = Annotated[str, Field(pattern=rf"^{_DnsLabel}$", max_length=63)]
"""The name of a namespace: a DNS label."""

ServiceName = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
"""The name of a Service: a DNS label that begins with a letter."""

ProxyUrl = Annotated[
    str,
    Field(pattern=r"^http://[A-Za-z0-9._-]+(:[0-9]{1,5})?/?$", max_length=300),
    AfterValidator(has_a_host_and_a_port),
]
"""The URL of an HTTP proxy: a name or an IPv4 address, and optionally a port."""

ObjectKind = Literal["configmap", "secret"]

_ONE_OBJECT = "exactly one of `configMapRef` and `secretRef`"


class LocalReference(Contract):
    """The name of another object in the same namespace."""

    name: ObjectName
    """The name of the object."""


class ServiceReference(Contract):
    """A Service of the cluster."""

    name: ServiceName
    """The name of the Service."""

    namespace: Namespace | None = None
    """The namespace of the Service. By default that of the binding."""

    port: Annotated[int, Field(ge=1, le=65535)]
    """The port of the Service."""

    scheme: Literal["http", "https"] = "http"
    """The protocol at this port."""

    def url(self, namespace: str | None) -> str:
        """Return the base URL of the Service in a namespace, as the `endpoint` in a catalog."""
        return f"{self.scheme}://{self.name}.{namespace}.svc:{self.port}"


class CaBundle(Contract):
    """Certificate authorities in the PEM format, in a ConfigMap or a Secret."""

    model_config = cel(("has(self.configMapRef) != has(self.secretRef)", _ONE_OBJECT))

    config_map_ref: LocalReference | None = None
    """The ConfigMap, in the namespace of the binding."""

    secret_ref: LocalReference | None = None
    """The Secret, with the label `tintype.dev/provider-credentials: "true"`."""

    key: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][-A-Za-z0-9._]*\.(crt|pem)$", max_length=22)
    ] = "ca.crt"
    """The key in this object; it ends in `.crt` or `.pem`."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.config_map_ref is None) == (self.secret_ref is None):
            raise ValueError(_ONE_OBJECT)
        return self

    @property
    def source(self) -> tuple[ObjectKind, str]:
        """The kind and name of the object."""
        if self.secret_ref is not None:
            return "secret", self.secret_ref.name
        return "configmap", self.config_map_ref.name if self.config_map_ref else ""

    @property
    def file(self) -> str:
        """The name of the file in a gateway's credentials folder."""
        return tls_file(*self.source, self.key)


class ClientCertificate(Contract):
    """A certificate with its key, by which the gateway shows the server who it is."""

    secret_ref: LocalReference
    """The Secret of the type `kubernetes.io/tls`, with the label `tintype.dev/provider-credentials:
    "true"`, and with the keys `tls.crt` and `tls.key`."""

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files in a gateway's credentials folder: certificate and key."""
        return tuple(tls_file("secret", self.secret_ref.name, key) for key in CERTIFICATE_KEYS)


CERTIFICATE_KEYS = ("tls.crt", "tls.key")
"""The keys of a Secret of the type `kubernetes.io/tls`."""

MAX_CA_BYTES = 256 * 1024
"""The largest bundle of authorities; all files of all bindings share one Secret of 1 MiB."""


def tls_file(kind: ObjectKind, name: str, key: str) -> str:
    """Return the name of a file of TLS in a gateway's credentials folder.

    No name of an object has an underscore, so different objects have different files.
    """
    return f"{kind}_{name}_{key}"


def is_ca_key(key: str) -> bool:
    """Return whether a key of an object may hold authorities, or a certificate."""
    return key.endswith((".crt", ".pem"))


def is_tls_file(name: str) -> bool:
    """Return whether a file of the credentials folder is one of TLS."""
    return name.startswith(("configmap_", "secret_"))
