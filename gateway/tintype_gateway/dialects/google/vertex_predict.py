"""Imagen on Vertex AI, `publishers/google/models/*:predict`."""

from collections.abc import Mapping

from tintype_gateway.dialects.google.calls import call_vertex_ai
from tintype_gateway.dialects.google.predictions import (
    FIRST_IMAGE,
    NEXT_IMAGE,
    body_of,
    interpret,
    read_error,
)
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest

__all__ = ["FIRST_IMAGE", "NEXT_IMAGE", "interpret", "read_error", "translate"]


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call for a number of the job's images."""
    return call_vertex_ai(route, "predict", body_of(job, images), credentials)
