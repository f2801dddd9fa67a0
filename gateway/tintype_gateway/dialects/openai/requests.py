"""Requests in the form that the options of a binding describe."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any
from urllib.parse import urlencode

from tintype_catalog.api_options import ApiOptions, SentFields
from tintype_catalog.catalog import Binding
from tintype_gateway.dialects.provider_parameters import merge
from tintype_gateway.frozen import frozen_value
from tintype_gateway.values.content import InputImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.json_text import json_bytes
from tintype_gateway.values.upstream import UpstreamRequest
from tintype_gateway.values.upstream_body import (
    FileBase64,
    FileBytes,
    FormPart,
    StreamedBody,
    json_body,
    multipart_body,
)

VARIATIONS = "variations"
"""The task of a model that makes variations by the path of that name, which takes no prompt."""


@frozen_value(frozen=True)
class Server:
    """Where a server is, and what it takes."""

    base: str
    """The URL below which its images are, if it names any by URLs."""

    path: str
    """The path between `base` and `/images/generations`."""

    authorization: Mapping[str, str] = field(repr=False)
    """The header with the credential, if there is one."""

    options: ApiOptions
    """How it differs from OpenAI."""

    is_image_listed: bool = False
    """Whether the field of an edit's only image is that of several, `image[]`."""


def request_to(server: Server, job: Job, binding: Binding, images: int) -> UpstreamRequest:
    """Return the call that asks for this number of the job's images, as a stream if it is one."""
    options = server.options
    body, content_type = _body(job, _fields(job, binding, options, images), server)
    query = f"?{urlencode(options.query)}" if options.query else ""
    return UpstreamRequest(
        url=f"{server.base}{server.path}/images/{_path(job, options)}{query}",
        headers={
            **server.authorization,
            "Content-Type": content_type,
            "Accept": "text/event-stream" if job.streamed else "application/json",
        },
        body=body,
        image_base=server.base,
    )


def _path(job: Job, options: ApiOptions) -> str:
    if job.inputs:
        return VARIATIONS if job.task == VARIATIONS else options.edits.path
    return "generations"


def _fields(job: Job, binding: Binding, options: ApiOptions, images: int) -> dict[str, Any]:
    """Return the fields of a request without its images: those of the binding come first."""
    send = options.send
    left_out = {name for name in ("quality", "seed") if getattr(send, name) == "Omit"}
    parameters = {name: value for name, value in job.parameters.items() if name not in left_out}
    fields: dict[str, Any] = {
        **merge({**job.extras, **parameters}, options.defaults),
        "model": binding.upstream_model,
    }
    if job.prompt:
        fields["prompt"] = job.prompt
    if send.image_count == "Send":
        fields["n"] = images
    fields |= _size(job, send)
    if send.response_format != "Omit":
        fields["response_format"] = send.response_format
    if job.streamed:
        fields |= {"stream": True, "partial_images": job.partial_images}
    elif send.stream == "Send":
        fields["stream"] = False
    return fields


def _size(job: Job, send: SentFields) -> dict[str, str | int]:
    size = job.size.size or (job.default_size if send.auto == "Default" else None)
    if send.size == "Omit":
        return {}
    if size is None:
        return {"size": "auto"} if send.auto == "Send" else {}
    if send.size == "WidthHeight":
        return {"width": size.width, "height": size.height}
    return {"size": str(size)}


def _body(job: Job, fields: Mapping[str, Any], server: Server) -> tuple[bytes | StreamedBody, str]:
    options = server.options
    if not job.inputs:
        return json_bytes(fields), "application/json"
    if options.edits.body == "Json":
        return json_body({**fields, **dict(_data_urls(job, options))}), "application/json"
    return multipart_body([*_texts(fields), *_files(job, server)])


def _texts(fields: Mapping[str, Any], prefix: str = "") -> Iterator[FormPart]:
    """Yield fields as parts of a form; nested ones are `a[b]` and `a[]`, as the SDK sends them."""
    for name, value in fields.items():
        key = f"{prefix}[{name}]" if prefix else name
        if isinstance(value, Mapping):
            yield from _texts(value, key)
        elif isinstance(value, list | tuple):
            for item in value:
                yield FormPart(f"{key}[]", _form_text(item))
        else:
            yield FormPart(key, _form_text(value))


def _form_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _files(job: Job, server: Server) -> Iterator[FormPart]:
    """Yield the images and the mask: OpenAI refuses files without a type, or several `image`."""
    options = server.options
    is_listed = server.is_image_listed or len(job.inputs) > 1
    name = f"{options.edits.image_field}[]" if is_listed else options.edits.image_field
    for number, image in enumerate(job.inputs, 1):
        yield _file(name, f"image-{number}", image)
    if job.mask is not None:
        yield _file(_mask_field(options), "mask", job.mask)


def _file(name: str, filename: str, image: InputImage) -> FormPart:
    media_type = f"image/{image.format}"
    return FormPart(name, FileBytes(image.content), f"{filename}.{image.format}", media_type)


def _data_urls(job: Job, options: ApiOptions) -> Iterator[tuple[str, Any]]:
    images = [_data_url(image) for image in job.inputs]
    yield options.edits.image_field, images[0] if len(images) == 1 else images
    if job.mask is not None:
        yield _mask_field(options), _data_url(job.mask)


def _data_url(image: InputImage) -> FileBase64:
    return FileBase64(image.content, f"data:image/{image.format};base64,")


def _mask_field(options: ApiOptions) -> str:
    return options.mask.field if options.mask else "mask"
