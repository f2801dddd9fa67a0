"""Gemini, `publishers/google/models/*:generateContent` of Vertex AI and its stream."""

from collections.abc import Mapping

from tintype_gateway.dialects.google import content_requests as requests
from tintype_gateway.dialects.google.calls import call_vertex_ai
from tintype_gateway.dialects.google.content_requests import OPERATIONS, mask_convention, streams
from tintype_gateway.dialects.google.content_responses import (
    FIRST_IMAGE,
    EventReader,
    event_reader,
    interpret,
)
from tintype_gateway.dialects.google.errors import read_error
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest

__all__ = [
    "FIRST_IMAGE",
    "OPERATIONS",
    "EventReader",
    "event_reader",
    "interpret",
    "mask_convention",
    "read_error",
    "streams",
    "translate",
]


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call that asks for one image: the protocol has no word for more."""
    method, body = requests.method_of(job), requests.body_of(job, route.binding.pricing)
    return call_vertex_ai(route, method, body, credentials, has_files=bool(job.inputs))
