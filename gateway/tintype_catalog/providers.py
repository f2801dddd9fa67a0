"""The facts about each wire protocol, independent of provider labels."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tintype_catalog.provider_binding import Dialect

API_KEY = frozenset({"api-key"})
AWS_KEYS = frozenset({"aws-access-key-id", "aws-secret-access-key"})
AWS_BEARER = frozenset({"aws-bearer-token"})


class Service(NamedTuple):
    """The service of a protocol."""

    host: str
    """The default host of calls, with `{region}` if the service has regions."""

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


_OPENAI = Service(
    "api.openai.com",
    (API_KEY,),
    "openai",
    {"api-key": ("OPENAI_API_KEY",)},
    "/v1/images/generations",
    re.compile(r"/v1(/images(/generations)?)?$"),
)
_BEDROCK = Service(
    "bedrock-runtime.{region}.amazonaws.com",
    (AWS_KEYS, AWS_BEARER),
    "aws.bedrock",
    {"aws-bearer-token": ("AWS_BEARER_TOKEN_BEDROCK",)},
    "/model/MODEL/invoke",
    re.compile(r"/model(/[^/]+(/invoke)?)?$"),
)
_GOOGLE = Service(
    "generativelanguage.googleapis.com",
    (API_KEY,),
    "gcp.gemini",
    {"api-key": ("GEMINI_API_KEY", "GOOGLE_API_KEY")},
    "/v1beta/models/MODEL:METHOD",
    re.compile(r"/v1(beta)?(/models(/[^/]+)?)?$"),
)

SERVICES: Mapping[Dialect, Service] = {
    "openai-images": _OPENAI,
    "bedrock-amazon": _BEDROCK,
    "bedrock-stability": _BEDROCK,
    "google-predict": _GOOGLE,
    "google-generate-content": _GOOGLE,
}


def telemetry_name(dialect: Dialect) -> str:
    """Return what OpenTelemetry's conventions call the provider of a binding: that of its dialect's
    service, because the conventions do not know the catalog's own provider labels."""
    return SERVICES[dialect].telemetry_name
