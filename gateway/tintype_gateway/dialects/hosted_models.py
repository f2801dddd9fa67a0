"""What the dialects of platforms for hosted models share: a model's input, and images in outputs.

`input` of a binding names the fields of its model (`tintype_catalog.model_input`).
"""

from collections.abc import Mapping
from typing import Any

from tintype_catalog.model_input import ModelInput
from tintype_gateway.dialects.common import plain_base64, text
from tintype_gateway.dialects.provider_parameters import merge
from tintype_gateway.values.content import InputImage
from tintype_gateway.values.images import GeneratedImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream_body import FileBase64

_ABOUT_CLIENTS = frozenset({"user", "safety_identifier"})
"""Standard parameters that no hosted model has: they speak of the client."""

_DATA_URL = "data:"


def model_input(job: Job, route: Route, images: int) -> dict[str, Any]:
    """Return the input of a call for a number of images.

    What the gateway fills in goes before the binding's defaults, these go before what the client
    sent.
    """
    fields = route.binding.input or ModelInput()
    sent = {name: value for name, value in job.parameters.items() if name not in _ABOUT_CLIENTS}
    asked = merge({**job.extras, **sent}, fields.defaults)
    if job.prompt:
        asked["prompt"] = job.prompt
    if fields.count is not None:
        asked[fields.count] = images
    return {**asked, **_size(job, fields), **_files(job, fields)}


def generated(url: object, seed: int | None = None) -> GeneratedImage:
    """Return the image that an output names by a URL, or holds as a data URL.

    Raises:
        ValueError: The output is neither.
    """
    start = bytes(url[:5]).decode("latin-1") if isinstance(url, memoryview) else text(url) or ""
    if start.startswith(_DATA_URL) and isinstance(url, memoryview | str):
        return GeneratedImage(plain_base64(url), seed=seed)
    if not start or not isinstance(url, str):
        raise ValueError("an image has no URL")
    return GeneratedImage(b"", seed=seed, url=url)


def _size(job: Job, fields: ModelInput) -> Mapping[str, Any]:
    """Return the fields of the size; none where the provider chooses it."""
    size, ratio = job.size.size, job.size.ratio
    if fields.size == "AspectRatio":
        return {} if ratio is None else {"aspect_ratio": ratio}
    if fields.size == "Omit" or size is None:
        return {}
    edges = {"width": size.width, "height": size.height}
    return {"image_size": edges} if fields.size == "ImageSize" else edges


def _files(job: Job, fields: ModelInput) -> dict[str, Any]:
    """Return the fields of the images and of the mask, as data URLs."""
    files: dict[str, Any] = {}
    if job.inputs and fields.images is not None:
        urls = [_data_url(image) for image in job.inputs]
        files[fields.images.field] = urls if fields.images.form == "List" else urls[0]
    if job.mask is not None and fields.mask is not None:
        files[fields.mask.field] = _data_url(job.mask)
    return files


def _data_url(image: InputImage) -> FileBase64:
    return FileBase64(image.content, f"data:image/{image.format};base64,")
