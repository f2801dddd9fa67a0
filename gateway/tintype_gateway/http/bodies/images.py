"""The body of a request with images, in either of its forms."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from tintype_gateway.errors import UnsupportedMediaTypeError
from tintype_gateway.http.bodies import json_images, multipart
from tintype_gateway.http.bodies.form_values import form_values
from tintype_gateway.http.bodies.json_images import FetchImage, read_json_images
from tintype_gateway.http.bodies.limits import UploadLimits
from tintype_gateway.http.bodies.multipart import read_multipart
from tintype_gateway.runtime.spool import Spool, Spools
from tintype_gateway.values.content import UploadedDocument

READING_BYTES = 3 * 1024 * 1024
"""The memory that reading one body takes: what the spool has before its file, what the spool and
the connection gather, and their copies on the way."""


async def read_images_body(
    request: web.Request,
    spool: Spool,
    schema: Mapping[str, Any],
    limits: UploadLimits | None = None,
    fetch: FetchImage | None = None,
) -> UploadedDocument:
    """Return the fields and images of a body, which is a form or JSON.

    `schema` is the JSON schema of the request's model, which says what the texts of a form are.

    Raises:
        GatewayError: See `read_multipart`, `form_values` and `read_json_images`.
    """
    if request.content_type == json_images.MEDIA_TYPE:
        return await read_json_images(request, spool, limits, fetch)
    if request.content_type == multipart.MEDIA_TYPE:
        form = await read_multipart(request, spool, limits)
        fields = form_values(form.texts, schema)
        return UploadedDocument(fields, form.images, form.mask, form.digest, spool.keep)
    raise UnsupportedMediaTypeError(
        f"the Content-Type must be {multipart.MEDIA_TYPE} or {json_images.MEDIA_TYPE}"
    )


@dataclass(frozen=True)
class ImageBodies:
    """What the handlers of one process read bodies with images with."""

    spools: Spools
    limits: UploadLimits
    fetch: FetchImage | None = None

    @asynccontextmanager
    async def reading(
        self,
        request: web.Request,
        schema: Mapping[str, Any],
        most_bytes: int | None = None,
        *,
        digests: bool = False,
    ) -> AsyncIterator[UploadedDocument]:
        """Yield a body, whose images can be read until the block ends.

        `most_bytes` is a bound of this request, besides that of all. Only with `digests` has the
        body a digest, since to hash an image takes as long as to receive it.

        Raises:
            GatewayError: See `read_images_body`.
        """
        length, limits = request.content_length or 0, self.limits
        if most_bytes is not None:
            limits = replace(limits, total_bytes=min(most_bytes, limits.total_bytes))
        async with self.spools.opened(limits.total_bytes, length, digests=digests) as spool:
            yield await read_images_body(request, spool, schema, limits, self.fetch)
