"""The body of a request with images in OpenAI's JSON form, whose data URLs go to the spool.

    {"images": [{"image_url": "data:image/png;base64,..."}], "mask": {"image_url": "..."}, ...}

What a data URL holds is never in memory as a whole. Nothing is used before the body was complete.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from aiohttp import web
from pydantic_core import from_json

from tintype_gateway.errors import (
    BadRequestError,
    FieldProblem,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
    ValidationError,
)
from tintype_gateway.http.bodies.arriving import ArrivingBody
from tintype_gateway.http.bodies.data_urls import DataUrlParser, UrlEnd, UrlEvent, UrlStart
from tintype_gateway.http.bodies.limits import UploadLimits, refused
from tintype_gateway.runtime.spool import Spool, SpooledContent, SpoolWriter
from tintype_gateway.values.content import Upload, UploadedDocument, digest_of

MEDIA_TYPE = "application/json"

FetchImage = Callable[[str, str, SpoolWriter], Awaitable[None]]
"""Writes the image at an https URL, which a field of this name holds. Raises GatewayError."""


async def read_json_images(
    request: web.Request,
    spool: Spool,
    limits: UploadLimits | None = None,
    fetch: FetchImage | None = None,
) -> UploadedDocument:
    """Return the fields of a document, without `images` and `mask`, and what these two hold.

    Images at https URLs are fetched by `fetch`, and refused without it.

    Raises:
        UnsupportedMediaTypeError: The body says that it is something else, or compressed.
        BadRequestError: It is no JSON, or an image is not one that can be taken.
        ValidationError: It is no object.
        PayloadTooLargeError: It has more bytes than the limits allow.
        RequestTimeoutError: It comes too slowly.
        OverloadedError: There is no room on the disk for it.
    """
    if request.content_type != MEDIA_TYPE:
        raise UnsupportedMediaTypeError(f"the Content-Type must be {MEDIA_TYPE}")
    limits = limits or UploadLimits()
    urls = _Urls(spool)
    parser = DataUrlParser(limits.data_url_characters, limits.document_bytes)
    try:
        async for chunk in ArrivingBody(request, limits.total_bytes, limits.pace):
            for event in parser.feed(chunk):
                await urls.take(event)
        fields = _fields(parser.finish(), urls.complete)
    except OverflowError as error:
        most = limits.document_bytes
        raise PayloadTooLargeError(
            f"the body must have at most {most} bytes beside its data URLs"
        ) from error
    except ValueError as error:
        raise BadRequestError(f"the body is not JSON: {error}", code="invalid_json") from error
    references = _references(fields, limits.images)
    _refuse_data_urls_elsewhere(fields)
    uploads = await _uploads(references, spool, fetch, limits.fetch_seconds)
    spool.release_unused()
    has_mask = bool(references) and references[-1].is_mask
    images, mask = (uploads[:-1], uploads[-1]) if has_mask else (uploads, None)
    digest = ""
    if spool.digests:
        digest = digest_of([("", json.dumps(fields, sort_keys=True))], images, mask)
    return UploadedDocument(fields, tuple(images), mask, digest, spool.keep)


@dataclass(frozen=True, slots=True)
class _DataUrl:
    """What stood in the place of a data URL in the document."""

    content: SpooledContent = field(repr=False)
    sha256: str
    problem: str | None


@dataclass
class _Urls:
    """The data URLs that have arrived."""

    spool: Spool
    complete: list[_DataUrl] = field(default_factory=list)
    writer: SpoolWriter | None = None

    async def take(self, event: UrlEvent) -> None:
        """Add what an event of the parser brings."""
        if isinstance(event, UrlStart):
            self.writer = SpoolWriter(self.spool)
        elif self.writer is not None and isinstance(event, UrlEnd):
            content = await self.writer.finish()
            self.complete.append(_DataUrl(content, self.writer.sha256, event.problem))
        elif self.writer is not None and isinstance(event, bytes):
            await self.writer.write(event)


def _fields(document: bytes, urls: Sequence[_DataUrl]) -> dict[str, object]:
    """Return the document, with the data URLs in their places.

    Raises:
        ValueError: It is not JSON.
        ValidationError: It is no object.
    """
    from_json(document, allow_inf_nan=True, cache_strings="keys")  # bounds its depth, too
    remaining = iter(urls)

    def constant(name: str) -> _DataUrl:
        url = next(remaining, None) if name == "NaN" else None
        if url is None:
            raise ValueError(f"{name} is not JSON")
        return url

    decoded = json.loads(
        document.decode(), parse_constant=constant, object_pairs_hook=_with_unique_names
    )
    if not isinstance(decoded, dict):
        raise ValidationError([FieldProblem("body", "must be a JSON object", "invalid_type")])
    return decoded


def _with_unique_names(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Refuse what one reader would take for its first value and another for its last."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return members


@dataclass(frozen=True, slots=True)
class _Reference:
    """An image that the document refers to."""

    param: str
    url: str | _DataUrl = field(repr=False)
    is_mask: bool = False


def _references(fields: dict[str, object], max_images: int) -> list[_Reference]:
    """Take `images` and `mask` out of the fields, and return the images, the mask last."""
    images, mask = fields.pop("images", None), fields.pop("mask", None)
    if images is not None and not isinstance(images, list):
        raise refused("images", 'must be a list, such as [{"image_url": "data:..."}]')
    found = [_reference(f"images[{at}]", each) for at, each in enumerate(images or ())]
    if len(found) > max_images:
        raise refused("images", f"must have at most {max_images} images", "too_many_images")
    if mask is not None:
        found.append(_reference("mask", mask))
    return found


def _reference(param: str, value: object) -> _Reference:
    if not isinstance(value, dict):
        raise refused(param, 'must be an object, such as {"image_url": "data:..."}')
    given = {name: each for name, each in value.items() if each is not None}
    if unknown := sorted(given.keys() - {"image_url", "file_id"}):
        raise refused(f"{param}.{unknown[0]}", "unknown field", "unknown_parameter")
    if len(given) != 1:
        raise refused(param, "must have either `image_url` or `file_id`", "invalid_value")
    if "file_id" in given:
        raise refused(
            f"{param}.file_id",
            "not supported, since the gateway stores no files: send the image in `image_url`, as a "
            "data URL",
            "unsupported_parameter",
        )
    url = given["image_url"]
    if not isinstance(url, str | _DataUrl):
        raise refused(f"{param}.image_url", "must be a data URL, a text")
    return _Reference(f"{param}.image_url", url, is_mask=param == "mask")


def _refuse_data_urls_elsewhere(fields: dict[str, object]) -> None:
    for name, value in fields.items():
        if any(isinstance(each, _DataUrl) for each in _leaves(value)):
            raise refused(
                name,
                "must not hold a data URL: images belong into `images[].image_url` and "
                "`mask.image_url`",
            )


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
    else:
        yield value


async def _uploads(
    references: Sequence[_Reference], spool: Spool, fetch: FetchImage | None, seconds: float
) -> list[Upload]:
    """Return the images, fetched one after the other where they are at URLs."""
    uploads: list[Upload] = []
    try:
        async with asyncio.timeout(seconds):
            for each in references:
                uploads.append(await _upload(each, spool, fetch))
    except TimeoutError as error:
        raise refused(
            references[len(uploads)].param,
            f"the images of a request must be fetched within {seconds:g} seconds",
            "invalid_image_url",
        ) from error
    return uploads


async def _upload(reference: _Reference, spool: Spool, fetch: FetchImage | None) -> Upload:
    url, param = reference.url, reference.param
    if isinstance(url, _DataUrl):
        problem = url.problem or (None if url.content.length else "the image is empty")
        if problem is not None:
            raise refused(param, problem, "invalid_image_url")
        return Upload(url.content, param, url.sha256)
    if not url.lower().startswith("https://"):
        raise refused(param, "must be `data:image/png;base64,...`", "invalid_image_url")
    if fetch is None:
        raise refused(
            param,
            "images are not fetched from URLs by this gateway (TINTYPE_ALLOW_IMAGE_URLS): send a "
            "data URL",
            "unsupported_parameter",
        )
    writer = SpoolWriter(spool)
    await fetch(url, param, writer)
    content = await writer.finish()
    return Upload(content, param, writer.sha256)
