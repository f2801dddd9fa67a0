"""What is known of each wire protocol, whatever label its provider has in a catalog."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tintype_catalog.provider_binding import Dialect

API_KEY = frozenset({"api-key"})
AWS_KEYS = frozenset({"aws-access-key-id", "aws-secret-access-key"})
AWS_BEARER = frozenset({"aws-bearer-token"})


class Service(NamedTuple):
    """The service that speaks a protocol."""

    host: str
    """The host that calls go to without an `endpoint`, with `{region}` where it has regions."""

    credentials: tuple[frozenset[str], ...]
    """The sets of keys of a Secret of which one is needed."""

    telemetry_name: str
    """What OpenTelemetry's conventions for generative AI call it."""

    path: str
    """What a call adds to the `endpoint`."""

    path_ending: re.Pattern[str]
    """How an `endpoint` ends that has a part of this path already."""


_OPENAI = Service(
    "api.openai.com",
    (API_KEY,),
    "openai",
    "/v1/images/generations",
    re.compile(r"/v1(/images(/generations)?)?$"),
)
_BEDROCK = Service(
    "bedrock-runtime.{region}.amazonaws.com",
    (AWS_KEYS, AWS_BEARER),
    "aws.bedrock",
    "/model/MODEL/invoke",
    re.compile(r"/model(/[^/]+(/invoke)?)?$"),
)
_GOOGLE = Service(
    "generativelanguage.googleapis.com",
    (API_KEY,),
    "gcp.gemini",
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
