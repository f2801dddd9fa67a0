"""Checks the images of a provider's response, then converts or stores them where required.

An image that is neither converted nor stored stays the base64 text of the response: the gateway
reads only its header and its end. Other images are decoded once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pybase64

from tintype_catalog.image_model import Watermark
from tintype_gateway.faults import withheld
from tintype_gateway.images.bare import without_metadata
from tintype_gateway.images.base64_view import decode
from tintype_gateway.images.convert import Converted
from tintype_gateway.images.converter import Converter
from tintype_gateway.images.inspection import inspect_quickly
from tintype_gateway.observability.spans import traced
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.storage.interface import ImageStore, StoreError, media_type, new_name
from tintype_gateway.values.events import FinishedCall
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, FinishedImage, GeneratedImage, PassedThrough
from tintype_gateway.values.job import Encoding
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import PlannedCall


async def inspect(
    planned: PlannedCall,
    route: Route,
    result: CallResult,
    plan: Plan,
    tools: ImageTools,
    passed: Sequence[PassedThrough] = (),
) -> FinishedCall:
    """Return the images of a call over a route, with the format and size that their bytes show.

    Args:
        passed: The first images, as far as the client has already received them.

    Raises:
        UpstreamFault: There is no image, one is invalid, or the first ones are not those that were
            passed through; or the provider refused all, and the response profile has no entries
            for refused images.
    """
    images = _passed_on(result.images[: len(passed)], passed)
    for image in result.images[len(passed) :]:
        if route.binding.api is not None and route.binding.api.strip_text:
            image = replace(image, base64=await stripped(image.base64, tools))
        images += (await _inspected(image, plan.model.watermark, tools.converter),)
    refused = max(planned.asked - len(images), 0) if result.rest_refused else 0
    if not images and not refused:
        raise UpstreamFault("outcome_unknown", "the provider's response has no image")
    counted = {"refused" if plan.profile == "router" else "withheld": refused}
    call = FinishedCall(
        planned.first, planned.asked, route, result, images, passed=len(passed), **counted
    )
    if not images and call.withheld:
        raise UpstreamFault("refused", withheld(call.flag_reason(0)))
    return call


async def stripped(text: bytes | memoryview, tools: ImageTools) -> bytes | memoryview:
    """Return the base64 of an image without the texts that its server embedded.

    Raises:
        UpstreamFault: This is no image.
    """
    try:
        return await tools.converter.run(without_metadata, text)
    except ValueError as error:
        raise _no_image(error) from error


def needs_finish(plan: Plan) -> bool:
    """Return whether the images of a plan are converted or stored."""
    return plan.job.encoding is not None or plan.as_url


@traced("finish")
async def finish(call: FinishedCall, plan: Plan, tools: ImageTools) -> FinishedCall:
    """Return the images of a call, converted and stored as the plan requires.

    Raises:
        UpstreamFault: An image cannot be decoded or stored.
    """
    images = await asyncio.gather(*(_delivered(image, plan, tools) for image in call.images))
    made = call.result._replace(images=())  # frees the original base64
    return replace(call, result=made, images=tuple(images))


def _passed_on(
    first: Sequence[GeneratedImage], passed: Sequence[PassedThrough]
) -> tuple[FinishedImage, ...]:
    """Return the images that were passed through, if they are the first ones of the response.

    Behind all but the last of them the client has read that there is no more to say of the image.
    """
    told = [GeneratedImage(image.placeholder) for image in passed]
    if tuple(first[:-1]) != tuple(told[:-1]) or [image.base64 for image in first[-1:]] != [
        image.base64 for image in told[-1:]
    ]:
        message = "the provider's response does not start with the images that were passed on"
        raise UpstreamFault("outcome_unknown", message)
    return tuple(
        FinishedImage(image, each.format, each.size, each.watermark)
        for image, each in zip(first, passed, strict=True)
    )


async def _inspected(
    image: GeneratedImage, declared: Watermark, converter: Converter
) -> FinishedImage:
    """Return an image with the format, size and watermark that its bytes show.

    A quick inspection is enough for usual images. A thread inspects all others, among them those
    that turn out to be invalid.
    """
    text, find_c2pa = image.base64, declared == "c2pa"
    try:
        found = inspect_quickly(text, find_c2pa=find_c2pa)
    except ValueError:
        try:
            found = await converter.inspect(text, find_c2pa=find_c2pa)
        except ValueError as error:
            raise _no_image(error) from error
    is_marked = found.has_c2pa or not find_c2pa
    return FinishedImage(image, found.format, found.size, declared if is_marked else "none")


async def _delivered(image: FinishedImage, plan: Plan, tools: ImageTools) -> FinishedImage:
    encoding = plan.job.encoding
    if encoding is not None and not encoding.is_met_by(image.format) and encoding.is_convertible:
        converted = await _converted(image, encoding, tools)
        image, content = _in_new_format(image, encoding, converted), converted.content
        if not plan.as_url:
            return _with_base64(image, pybase64.b64encode(content))
    elif plan.as_url:
        content = _decoded(image)
    else:
        return image
    assert tools.store is not None  # noqa: S101 - else the request was refused
    return await _stored(image, content, tools.store, tools.url_seconds)


async def _converted(image: FinishedImage, encoding: Encoding, tools: ImageTools) -> Converted:
    try:
        return await tools.converter.convert(image.image.base64, encoding)
    except ValueError as error:
        raise _no_image(error) from error


def _in_new_format(image: FinishedImage, encoding: Encoding, converted: Converted) -> FinishedImage:
    """Return the watermark after a conversion: pixel marks survive, a C2PA manifest does not."""
    watermark: Watermark = "none" if image.watermark == "c2pa" else image.watermark
    return replace(image, format=encoding.format, size=converted.size, watermark=watermark)


def _decoded(image: FinishedImage) -> bytes:
    try:
        return decode(image.image.base64)
    except ValueError as error:
        raise _no_image(error) from error


async def _stored(
    image: FinishedImage, content: bytes, store: ImageStore, url_seconds: int
) -> FinishedImage:
    """Store an image, and drop its base64."""
    name = new_name(image.format)
    try:
        await store.put(name, content, media_type(image.format), url_seconds)
        url = await store.url(name, url_seconds)
    except StoreError as error:
        message = f"the image was made, and is not charged, but it cannot be stored: {error}"
        raise UpstreamFault("store", message) from error
    return replace(_with_base64(image, b""), url=url, name=name)


def _with_base64(image: FinishedImage, text: bytes) -> FinishedImage:
    return replace(image, image=replace(image.image, base64=text))


def _no_image(error: ValueError) -> UpstreamFault:
    message = f"the provider's response is not an image: {error}"
    return UpstreamFault("outcome_unknown", message)
