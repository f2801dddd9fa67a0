"""Images without the texts that generators embed: prompts, settings and whole workflows."""

import pybase64

from tintype_gateway.images.base64_view import decode
from tintype_gateway.images.files import AssembledContent
from tintype_gateway.images.input_error import InputImageError
from tintype_gateway.images.input_inspection import inspect_input
from tintype_gateway.values.content import BytesContent, Upload


def without_metadata(text: bytes | memoryview) -> bytes | memoryview:
    """Return a base64-encoded image with its pixels and color profile only. Call it in a thread.

    The pixels are not encoded anew. An image of a form that has no metadata, or whose metadata
    cannot be cut out, is returned as it is.

    Raises:
        ValueError: This is no whole image.
    """
    content = BytesContent(decode(text))
    try:
        facts = inspect_input(Upload(content, "image"))
    except InputImageError as error:
        raise ValueError(str(error)) from error
    if not (facts.has_metadata and facts.bare):
        return text
    bare = AssembledContent(content, facts.bare)
    return pybase64.b64encode(bare.read(0, bare.length))
