"""The OpenAI Images API as openai-python 3.52 speaks it: JSON for generations, and forms for edits
and variations.

Other servers have the same paths. `api` of a binding says how they differ (`options.py`).
"""

from collections.abc import Mapping

from tintype_catalog.api_options import ApiOptions, MaskConvention
from tintype_catalog.catalog import Binding
from tintype_catalog.operations import OperationName
from tintype_gateway.dialects.common import required
from tintype_gateway.dialects.openai.errors import read_error
from tintype_gateway.dialects.openai.options import options_of
from tintype_gateway.dialects.openai.requests import VARIATIONS, Server, request_to
from tintype_gateway.dialects.openai.responses import (
    FIRST_IMAGE,
    NEXT_IMAGE,
    EventReader,
    interpret,
)
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest

__all__ = [
    "ENDPOINT",
    "FIRST_IMAGE",
    "NEXT_IMAGE",
    "OPERATIONS",
    "VARIATIONS",
    "EventReader",
    "event_reader",
    "interpret",
    "mask_convention",
    "read_error",
    "streams",
    "translate",
]

OPERATIONS: frozenset[OperationName] = frozenset(("generation", "edit", "variation"))

ENDPOINT = "https://api.openai.com"


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call that asks for this number of the job's images, as a stream if it is one."""
    binding = route.binding
    options = options_of(binding)
    server = Server(
        base=(binding.endpoint or ENDPOINT).rstrip("/"),
        path=options.path_prefix,
        authorization=_authorization(binding, options, credentials),
        options=options,
    )
    return request_to(server, job, binding, images)


def _authorization(
    binding: Binding, options: ApiOptions, credentials: Mapping[str, str]
) -> dict[str, str]:
    if binding.credentials.none:
        return {}
    key, header = required(credentials, "api-key"), options.key_header
    return {header: f"Bearer {key}" if header.lower() == "authorization" else key}


def event_reader() -> EventReader:
    """Return a reader for the events of one call."""
    return EventReader()


def mask_convention(task: str | None) -> MaskConvention | None:
    """Return how a mask is read: transparent pixels change. A variation has no mask."""
    return None if task == VARIATIONS else "alpha"


def streams(binding: Binding) -> bool:
    """Return whether the model can respond with a stream."""
    return options_of(binding).streaming
