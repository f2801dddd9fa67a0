"""The spec of a ProviderBinding: how one provider serves one model."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tintype_catalog.api_options import ApiOptions
from tintype_catalog.connection import (
    CaBundle,
    ClientCertificate,
    LocalReference,
    ProxyUrl,
    ServiceReference,
)
from tintype_catalog.contract import AtMostBytes, Contract, Region, cel
from tintype_catalog.model_input import ModelInput
from tintype_catalog.price_changes import ASCENDING_RULE, PriceChanges
from tintype_catalog.pricing import Pricing
from tintype_catalog.providers import SERVICES, Dialect
from tintype_catalog.urls import has_a_host_and_a_port
from tintype_catalog.vertex_ai import VertexAi

ProviderLabel = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=40)]
"""The label of a provider in headers, ids and metrics: a DNS label, such as `gpu-pool`."""

Endpoint = Annotated[
    str,
    Field(
        pattern=r"^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
        r"(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?$",
        max_length=2048,
    ),
    AfterValidator(has_a_host_and_a_port),
]
"""A base URL that a path can be appended to."""


_ONE_SOURCE = "exactly one of `secretRef`, `workloadIdentity: true` and `none: true`"
_NONE_ONLY_WITHOUT_KEY = "`credentials.none` goes with the dialect openai-images"
_PROBE_NEEDS_ENDPOINT = "`healthProbe` needs an `endpoint` or a `serviceRef`"
_API_ONLY_OF_OPENAI = "`api` goes with the dialect openai-images"
_VERTEX_AI = "`vertexAi` goes with the dialects vertex-*, which need it"
_INPUT_OF_PLATFORMS = "`input` goes with the dialects fal and replicate"
_FAL_MODEL = r"^[^/]+(/[^/]+)+$"
_REPLICATE_MODEL = r"^((deployments/)?[^/:]+/[^/:]+|[0-9a-f]{64})$"
_FAL_NAMES = "`upstreamModel` must be OWNER/APP or OWNER/APP/PATH for the dialect fal"
_REPLICATE_NAMES = (
    "`upstreamModel` must be OWNER/NAME, deployments/OWNER/NAME, or the 64 hexadecimal digits of a "
    "version for the dialect replicate"
)
_ONE_ADDRESS = "at most one of `endpoint` and `serviceRef`"
_PRIVATE_ENDPOINT = "`allowPrivate` goes with `endpoint`"

_WITHOUT_HOST = sorted(name for name, service in SERVICES.items() if service.host is None)
_NEEDS_ENDPOINT = f"`endpoint` is needed for the dialects {', '.join(_WITHOUT_HOST)}"
_VERSION_ONLY_OF_AZURE = "`apiVersion` goes with the dialect azure-openai"

_WITH_WORKLOAD = sorted(name for name, service in SERVICES.items() if service.workload)
_HAS_NO_WORKLOAD = f"`workloadIdentity` goes with the dialects {', '.join(_WITH_WORKLOAD)}"


ApiVersion = Annotated[
    str,
    Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?|preview|latest|v1)$", max_length=32),
]
"""A version of Azure's API."""


class Credentials(Contract):
    """The source of the credentials for the provider."""

    model_config = cel(
        (
            "[has(self.secretRef), has(self.workloadIdentity) && self.workloadIdentity, "
            "has(self.none) && self.none].exists_one(given, given)",
            _ONE_SOURCE,
        )
    )

    secret_ref: LocalReference | None = None
    """The Secret with the label `tintype.dev/provider-credentials: "true"`, and with the key
    `api-key`, or `aws-access-key-id` and `aws-secret-access-key` (optionally `aws-session-token`),
    or `aws-bearer-token`, or for Vertex AI `service-account.json`, the key file of a service
    account."""

    workload_identity: bool = False
    """Whether to use the identity of the gateway's own workload instead, of the cloud that the
    dialect belongs to. A token of Azure or Google is sent to hosts of theirs only."""

    none: bool = False
    """Whether the provider needs no credentials, as many servers of one's own."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if [self.secret_ref is not None, self.workload_identity, self.none].count(True) != 1:
            raise ValueError(_ONE_SOURCE)
        return self


class HealthProbe(Contract):
    """A request that tells whether a server is healthy."""

    path: Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$", max_length=1024)]
    """The path of a GET request, appended to the endpoint, such as `/health`. The server is healthy
    if it answers with a status from 200 to 299. The request has no credentials."""

    interval_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    """The time between two requests of a gateway."""

    timeout_seconds: Annotated[int, Field(ge=1, le=60)] = 5
    """The time limit of a request."""


class ProviderBindingSpec(Contract):
    """One provider for one model, with endpoint, credentials and price."""

    model_config = cel(
        (
            "!self.dialect.startsWith('bedrock-') || has(self.regions) && size(self.regions) > 0",
            "`regions` is needed for the dialects of bedrock",
        ),
        (
            "!has(self.healthProbe) || has(self.endpoint) || has(self.serviceRef)",
            _PROBE_NEEDS_ENDPOINT,
        ),
        ("!has(self.api) || self.dialect == 'openai-images'", _API_ONLY_OF_OPENAI),
        ("has(self.input) == (self.dialect in ['fal', 'replicate'])", _INPUT_OF_PLATFORMS),
        (f"self.dialect != 'fal' || self.upstreamModel.matches('{_FAL_MODEL}')", _FAL_NAMES),
        (
            f"self.dialect != 'replicate' || self.upstreamModel.matches('{_REPLICATE_MODEL}')",
            _REPLICATE_NAMES,
        ),
        (
            "!has(self.credentials.none) || !self.credentials.none"
            " || self.dialect == 'openai-images'",
            _NONE_ONLY_WITHOUT_KEY,
        ),
        (
            "!has(self.credentials.workloadIdentity) || !self.credentials.workloadIdentity"
            f" || self.dialect in {_WITH_WORKLOAD}",
            _HAS_NO_WORKLOAD,
        ),
        ("has(self.vertexAi) == self.dialect.startsWith('vertex-')", _VERTEX_AI),
        (
            f"!(self.dialect in {_WITHOUT_HOST}) || has(self.endpoint) || has(self.serviceRef)",
            _NEEDS_ENDPOINT,
        ),
        ("!has(self.apiVersion) || self.dialect == 'azure-openai'", _VERSION_ONLY_OF_AZURE),
        ("!has(self.endpoint) || !has(self.serviceRef)", _ONE_ADDRESS),
        (
            "!has(self.allowPrivate) || !self.allowPrivate || has(self.endpoint)",
            _PRIVATE_ENDPOINT,
        ),
        ASCENDING_RULE,
    )

    model_ref: LocalReference
    """The ImageModel that this binding serves."""

    provider: ProviderLabel
    """The label of the provider, for `X-Quantized-Provider` and for prefixes of the model's id,
    such
    as `openai`, `bedrock`, `gemini`, or your own label."""

    dialect: Dialect
    """The wire protocol of the provider for this model."""

    upstream_model: Annotated[
        str,
        Field(min_length=1, max_length=2048, pattern=r"^\S+$"),
        AfterValidator(AtMostBytes(4096)),
    ]
    """The provider's id of the model. At most 4096 bytes as JSON."""

    active: bool = True
    """Whether the gateway may use this binding."""

    priority: Annotated[int, Field(ge=0, le=1000)] = 0
    """The priority: lower values are preferred."""

    weight: Annotated[int, Field(ge=0, le=1000)] = 100
    """The share of traffic among bindings of the same priority."""

    regions: Annotated[tuple[Region, ...], Field(max_length=32)] = ()
    """The provider's regions, the preferred one first. Empty for a provider without regions. For
    Vertex AI its locations: `global` (which is meant where this is empty), `us`, `eu`, or a region
    such as `europe-west4`."""

    endpoint: Endpoint | None = None
    """The base URL to call instead of the provider's own, such as a proxy or a simulator: a host,
    optionally a port and a path, and neither user information nor a query. The owner of the Secret
    must allow any host but the provider's own, by the annotation `tintype.dev/allowed-hosts`."""

    allow_private: bool = False
    """Whether `endpoint` may lead to a private address: one that the release includes in
    `gateway.allowedPrivateNetworks`."""

    service_ref: ServiceReference | None = None
    """The Service to call instead of an `endpoint`, which the release must include in
    `gateway.allowedPrivateNetworks`. For the Secret's `tintype.dev/allowed-hosts` it is the host
    `NAME.NAMESPACE.svc:PORT`."""

    ca_bundle: CaBundle | None = None
    """The only certificate authorities that may identify the server. By default those of the
    gateway's image."""

    client_certificate: ClientCertificate | None = None
    """The certificate that the gateway presents to the server."""

    proxy: ProxyUrl | None = None
    """The HTTP proxy for all calls, such as `http://proxy.example.com:3128`. The owner of the
    Secret must allow its host, and where it is a private address, the release must include it in
    `gateway.allowedPrivateNetworks`."""

    credentials: Credentials
    """The credentials for the provider."""

    api: ApiOptions | None = None
    """How the server differs from OpenAI, for the dialect `openai-images`."""

    vertex_ai: VertexAi | None = None
    """The Google Cloud projects, for the dialects of Vertex AI."""

    input: ModelInput | None = None
    """The fields that the model has, for the dialects `fal` and `replicate`, which need it."""

    api_version: ApiVersion | None = None
    """The `api-version` of each call, for the dialect `azure-openai`. A date, such as
    `2025-04-01-preview`, is of the API with a path for each deployment, and a word, such as
    `preview`, of `/openai/v1`, which is called without a version by default."""

    pricing: Pricing
    """The price at this provider, until the first of `priceChanges`."""

    price_changes: PriceChanges = ()
    """Later prices, in the order of their moments. At most 6144 bytes as JSON."""

    timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 180
    """The time limit of one call."""

    connect_timeout_seconds: Annotated[int, Field(ge=1, le=60)] = 10
    """The time limit for establishing a connection."""

    first_byte_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    """The time limit until the response starts. By default the time limit of the call."""

    max_concurrent_calls: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """The most concurrent calls with this binding, those of all gateways together."""

    concurrency_scope: Literal["Release", "Process"] = "Release"
    """The calls that `maxConcurrentCalls` counts: those of all gateways that share the ledger, or
    those of each gateway process separately."""

    queue_limit: Annotated[int, Field(ge=0, le=1000)] = 100
    """The most calls that wait for others to end. Accounts take turns."""

    queue_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """The time limit of a call's wait in the queue, which is a part of `timeoutSeconds`."""

    health_probe: HealthProbe | None = None
    """A request that each gateway sends from time to time, for the circuit of the binding."""

    @model_validator(mode="after")
    def _probe_has_endpoint(self) -> Self:
        has_address = self.endpoint is not None or self.service_ref is not None
        if self.health_probe is not None and not has_address:
            raise ValueError(_PROBE_NEEDS_ENDPOINT)
        return self

    @model_validator(mode="after")
    def _bedrock_has_regions(self) -> Self:
        if self.dialect.startswith("bedrock-") and not self.regions:
            raise ValueError("`regions` is needed for the dialects of bedrock")
        return self

    @model_validator(mode="after")
    def _options_fit_the_dialect(self) -> Self:
        if (self.vertex_ai is not None) != self.dialect.startswith("vertex-"):
            raise ValueError(_VERTEX_AI)
        if self.dialect != "openai-images":
            if self.api is not None:
                raise ValueError(_API_ONLY_OF_OPENAI)
            if self.credentials.none:
                raise ValueError(_NONE_ONLY_WITHOUT_KEY)
        if (self.input is not None) != (self.dialect in ("fal", "replicate")):
            raise ValueError(_INPUT_OF_PLATFORMS)
        return self

    @model_validator(mode="after")
    def _platforms_have_such_models(self) -> Self:
        if self.dialect == "fal" and not re.search(_FAL_MODEL, self.upstream_model):
            raise ValueError(_FAL_NAMES)
        if self.dialect == "replicate" and not re.search(_REPLICATE_MODEL, self.upstream_model):
            raise ValueError(_REPLICATE_NAMES)
        return self

    @model_validator(mode="after")
    def _has_what_its_dialect_needs(self) -> Self:
        has_address = self.endpoint is not None or self.service_ref is not None
        if self.dialect in _WITHOUT_HOST and not has_address:
            raise ValueError(_NEEDS_ENDPOINT)
        if self.api_version is not None and self.dialect != "azure-openai":
            raise ValueError(_VERSION_ONLY_OF_AZURE)
        return self

    @model_validator(mode="after")
    def _has_workload_identity(self) -> Self:
        if self.credentials.workload_identity and self.dialect not in _WITH_WORKLOAD:
            raise ValueError(_HAS_NO_WORKLOAD)
        return self

    @model_validator(mode="after")
    def _has_one_address(self) -> Self:
        service = self.service_ref
        if service is not None and self.endpoint not in (None, service.url(service.namespace)):
            raise ValueError(_ONE_ADDRESS)
        if self.allow_private and self.endpoint is None:
            raise ValueError(_PRIVATE_ENDPOINT)
        return self
