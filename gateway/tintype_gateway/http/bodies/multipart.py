"""The body of a request with images: multipart/form-data, whose files go to the request's spool.

Nothing of a body is used before its last boundary was seen.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

from aiohttp import web

from tintype_gateway.errors import BadRequestError, UnsupportedMediaTypeError
from tintype_gateway.http.bodies.arriving import ArrivingBody
from tintype_gateway.http.bodies.limits import UploadLimits, refused, too_large
from tintype_gateway.http.bodies.multipart_parser import (
    FormEvent,
    FormParser,
    MalformedFormError,
    PartEnd,
    PartHead,
    boundary_of,
)
from tintype_gateway.runtime.spool import Spool, SpoolWriter
from tintype_gateway.values.content import Upload, UploadedForm, digest_of

MEDIA_TYPE = "multipart/form-data"

_IMAGES = {"image", "image[]"}
_FILES = {*_IMAGES, "mask"}


async def read_multipart(
    request: web.Request, spool: Spool, limits: UploadLimits | None = None
) -> UploadedForm:
    """Return the fields of a form, where `image` and `image[]`, each once or several times, and
    `mask` are files, and all others are texts.

    Raises:
        UnsupportedMediaTypeError: The body says that it is something else, or compressed.
        BadRequestError: It is broken, or a part is not what its field takes.
        PayloadTooLargeError: It, or a part of it, has more bytes than the limits allow.
        RequestTimeoutError: It comes too slowly.
        OverloadedError: There is no room on the disk for it.
    """
    if request.content_type != MEDIA_TYPE:
        raise UnsupportedMediaTypeError(f"the Content-Type must be {MEDIA_TYPE}")
    limits = limits or UploadLimits()
    form = _Form(spool, limits)
    try:
        parser = FormParser(boundary_of(request.headers["Content-Type"]))
        async for chunk in ArrivingBody(request, limits.total_bytes, limits.pace):
            for event in parser.feed(chunk):
                await form.take(event)
        parser.finish()
    except MalformedFormError as error:
        raise BadRequestError(f"the body {error}", code="invalid_multipart") from error
    spool.release_unused()
    return form.result()


@dataclass
class _Form:
    """What has arrived of a form."""

    spool: Spool
    limits: UploadLimits
    texts: list[tuple[str, str]] = field(default_factory=list)
    images: list[tuple[str, Upload]] = field(default_factory=list)
    """The names of the images' fields, and the images."""

    mask: Upload | None = None
    counts: Counter[str] = field(default_factory=Counter)
    """How many parts have each name."""

    part: "_Text | _File | None" = None

    async def take(self, event: FormEvent) -> None:
        """Add what an event of the parser brings."""
        match event:
            case PartHead():
                self.part = self._begun(event)
            case bytes() if self.part is not None:
                await self.part.add(event)
            case PartEnd():
                await self._end_part()

    def result(self) -> UploadedForm:
        """Return the form, of which all has arrived."""
        images = tuple(image for _, image in self.images)
        if len(images) == 1 and self.images[0][0] == "image":
            images = (replace(images[0], param="image"),)
        texts = tuple(self.texts)
        digest = digest_of(texts, images, self.mask) if self.spool.digests else ""
        return UploadedForm(texts, images, self.mask, digest)

    def _begun(self, head: PartHead) -> "_Text | _File":
        name = head.name
        self.counts[name] += 1
        self._require_known(head)
        if name in _FILES:
            param = f"image[{len(self.images)}]" if name in _IMAGES else name
            return _File(name, param, head.filename == "", SpoolWriter(self.spool), self.limits)
        return _Text(name, self.limits)

    def _require_known(self, head: PartHead) -> None:
        name = head.name
        if name in _FILES and head.filename is None:
            raise refused(name, "expected a file, but got text: send it with a file name")
        if name not in _FILES and head.filename is not None:
            raise refused(name, "expected text, but got a file: files are `image` and `mask`")
        if self.counts[name] > 1 and name not in _IMAGES and not name.endswith("[]"):
            raise refused(name, "occurs twice", "duplicate_parameter")
        if sum(self.counts[each] for each in _IMAGES) > self.limits.images:
            raise refused(name, f"at most {self.limits.images} images", "too_many_images")
        if len(self.texts) >= self.limits.fields and name not in _FILES:
            raise refused(name, f"more than {self.limits.fields} texts", "too_many_fields")

    async def _end_part(self) -> None:
        match self.part:
            case _Text(name):
                self.texts.append((name, self.part.decoded()))
            case _File(name) if upload := await self.part.finished():
                if name == "mask":
                    self.mask = upload
                else:
                    self.images.append((name, upload))
        self.part = None


@dataclass
class _Text:
    """A field of text that is arriving."""

    name: str
    limits: UploadLimits
    data: bytearray = field(default_factory=bytearray)

    async def add(self, data: bytes) -> None:
        """Take bytes."""
        self.data += data
        most = self.limits.text_bytes
        if len(self.data) > most:
            raise too_large(self.name, f"at most {most} bytes")

    def decoded(self) -> str:
        """Return the text."""
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            raise refused(self.name, "must be text in UTF-8") from error


@dataclass
class _File:
    """A file that is arriving."""

    name: str
    param: str
    is_unnamed: bool
    """Whether it may be what browsers send where no file was chosen."""

    writer: SpoolWriter
    limits: UploadLimits

    async def add(self, data: bytes) -> None:
        """Take bytes."""
        most = self.limits.file_bytes
        if self.writer.length + len(data) > most:
            raise too_large(self.param, f"at most {most} bytes")
        await self.writer.write(data)

    async def finished(self) -> Upload | None:
        """Return the file, None where none was chosen."""
        if self.writer.length:
            content = await self.writer.finish()
            return Upload(content, self.param, self.writer.sha256)
        if self.is_unnamed:
            return None
        raise refused(self.param, "the file is empty", "invalid_image_file")
