"""The facts about each wire protocol, independent of provider labels."""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

Dialect = Literal[
    "openai-images",
    "azure-openai",
    "bedrock-amazon",
    "bedrock-stability",
    "google-predict",
    "google-generate-content",
    "vertex-predict",
    "vertex-generate-content",
    "xai-images",
    "fal",
    "replicate",
    "bfl",
]
"""The names of the wire protocols: the values of `dialect` in a ProviderBinding."""

Workload = Literal["aws", "azure", "google"]
"""The clouds that can give a pod an identity of its own."""

API_KEY = frozenset({"api-key"})
AWS_KEYS = frozenset({"aws-access-key-id", "aws-secret-access-key"})
AWS_BEARER = frozenset({"aws-bearer-token"})
KEY_FILE = "service-account.json"
"""The key of a Secret that holds a key file of Google Cloud, with which the gateway gets tokens."""

SERVICE_ACCOUNT = frozenset({KEY_FILE})

ACCESS_TOKEN = frozenset({"access-token"})
"""What a dialect gets where the gateway makes a token. No Secret has this key."""

NO_REGION = "global"
"""The region of a binding that has none."""


class Service(NamedTuple):
    """The service of a protocol."""

    host: str | None
    """The default host of calls, with `{region}` if the service has regions. None for a service
    where each customer has another host, so that a binding needs an `endpoint`."""

    credentials: tuple[frozenset[str], ...]
    """The alternative sets of keys in a Secret."""

    telemetry_name: str
    """The name in OpenTelemetry's conventions for generative AI."""

    environment: Mapping[str, tuple[str, ...]]
    """The environment variables that its own SDKs read for a key of a Secret, in their order."""

    path: str
    """The path that calls append to the `endpoint`."""

    path_ending: re.Pattern[str]
    """The endings of an `endpoint` that already has a part of this path."""

    workload: Workload | None = None
    """The cloud whose identity `workloadIdentity: true` means. None: there is none."""

    token_scope: str | None = None
    """The scope of the access tokens that the gateway makes. None: it makes none."""

    own_hosts: tuple[str, ...] = ()
    """The provider's hosts besides `host`, as entries of `allowed_hosts.py`."""

    hosts_by_region: Mapping[str, str] = {}
    """The hosts of the regions whose host is not `host`."""


_OPENAI = Service(
    "api.openai.com",
    (API_KEY,),
    "openai",
    {"api-key": ("OPENAI_API_KEY",)},
    "/v1/images/generations",
    re.compile(r"/v1(/images(/generations)?)?$"),
)
_AZURE = Service(
    None,
    (API_KEY,),
    "azure.ai.openai",
    {"api-key": ("AZURE_OPENAI_API_KEY",)},
    "/openai/v1/images/generations",
    re.compile(r"/openai(/v1(/images(/generations)?)?|/deployments(/.*)?)?$"),
    workload="azure",
    token_scope="https://cognitiveservices.azure.com/.default",  # noqa: S106 - a name
    own_hosts=("*.openai.azure.com", "*.services.ai.azure.com", "*.cognitiveservices.azure.com"),
)
_BEDROCK = Service(
    "bedrock-runtime.{region}.amazonaws.com",
    (AWS_KEYS, AWS_BEARER),
    "aws.bedrock",
    {"aws-bearer-token": ("AWS_BEARER_TOKEN_BEDROCK",)},
    "/model/MODEL/invoke",
    re.compile(r"/model(/[^/]+(/invoke)?)?$"),
    workload="aws",
)
_GOOGLE = Service(
    "generativelanguage.googleapis.com",
    (API_KEY,),
    "gcp.gemini",
    {"api-key": ("GEMINI_API_KEY", "GOOGLE_API_KEY")},
    "/v1beta/models/MODEL:METHOD",
    re.compile(r"/v1(beta)?(/models(/[^/]+)?)?$"),
)
_VERTEX = Service(
    "{region}-aiplatform.googleapis.com",
    (SERVICE_ACCOUNT,),
    "gcp.vertex_ai",
    {},
    "/v1/projects/PROJECT/locations/LOCATION/publishers/google/models/MODEL:METHOD",
    re.compile(r"/v1(beta1)?(/projects(/.*)?)?$"),
    workload="google",
    token_scope="https://www.googleapis.com/auth/cloud-platform",  # noqa: S106  # no password
    hosts_by_region={
        "global": "aiplatform.googleapis.com",
        "us": "aiplatform.us.rep.googleapis.com",
        "eu": "aiplatform.eu.rep.googleapis.com",
    },
)
_FAL = Service(
    "queue.fal.run",
    (API_KEY,),
    "fal",
    {"api-key": ("FAL_KEY",)},
    "/OWNER/APP",
    re.compile(r"/fal-ai(/.*)?$"),
)
_REPLICATE = Service(
    "api.replicate.com",
    (API_KEY,),
    "replicate",
    {"api-key": ("REPLICATE_API_TOKEN",)},
    "/v1/predictions",
    re.compile(r"/v1(/(predictions|models|deployments)(/.*)?)?$"),
)

_XAI = Service(
    "api.x.ai",
    (API_KEY,),
    "x_ai",
    {"api-key": ("XAI_API_KEY",)},
    "/v1/images/generations",
    re.compile(r"/v1(/images(/(generations|edits))?)?$"),
)

_BFL = Service(
    "api.{region}.bfl.ai",
    (API_KEY,),
    "black-forest-labs",
    {"api-key": ("BFL_API_KEY",)},
    "/v1/MODEL",
    re.compile(r"/v1(/flux-[^/]+)?$"),
    hosts_by_region={NO_REGION: "api.bfl.ai"},
)

SERVICES: Mapping[Dialect, Service] = {
    "openai-images": _OPENAI,
    "azure-openai": _AZURE,
    "bedrock-amazon": _BEDROCK,
    "bedrock-stability": _BEDROCK,
    "google-predict": _GOOGLE,
    "google-generate-content": _GOOGLE,
    "vertex-predict": _VERTEX,
    "vertex-generate-content": _VERTEX,
    "xai-images": _XAI,
    "fal": _FAL,
    "replicate": _REPLICATE,
    "bfl": _BFL,
}


def own_host(service: Service, region: str = NO_REGION) -> str | None:
    """Return the provider's own host in a region; None if only an `endpoint` can tell."""
    host = service.hosts_by_region.get(region, service.host)
    return None if host is None else host.format(region=region)


def own_hosts(service: Service, regions: Iterable[str] = ()) -> tuple[str, ...]:
    """Return all hosts of a provider in some regions, as entries of `allowed_hosts.py`."""
    found = (own_host(service, region) for region in tuple(regions) or (NO_REGION,))
    return (*(host for host in found if host is not None), *service.own_hosts)


def telemetry_name(dialect: Dialect) -> str:
    """Return what OpenTelemetry's conventions call the provider of a binding: that of its dialect's
    service, because the conventions do not know the catalog's own provider labels."""
    return SERVICES[dialect].telemetry_name
