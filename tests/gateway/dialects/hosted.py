"""Routes to models that platforms host, and what is sent to them."""

from typing import Any

from tintype_gateway.values.content import InputImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_testing.builders import job, route

CREDENTIALS = {"api-key": "secret-key"}

EDITS = {"operations": {"edit": {"maxImages": 4, "mask": "Optional"}}}
"""What a model has that changes up to four images."""


_OF_THE_BINDING = ("of", "endpoint", "timeoutSeconds")


def hosted_route(dialect: str, upstream_model: str, **given: Any) -> Route:
    """Return the route to a model whose binding has these fields of `input`."""
    spec: dict[str, Any] = {key: given.pop(key) for key in _OF_THE_BINDING if key in given}
    spec |= {"dialect": dialect, "provider": dialect, "upstreamModel": upstream_model}
    return route(**spec, input={"size": "ImageSize"} | given)


def edit_of(*images: InputImage, mask: InputImage | None = None, **asked: Any) -> Job:
    """Return a job that changes images."""
    return job(inputs=images, mask=mask, **asked)
