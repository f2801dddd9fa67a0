"""An uploaded image as a provider gets it: upright, of a format and size that it takes, without
metadata.

`inspect_input` reads what the file says of itself, `plan_input` decides what must happen, and
`prepare_input` does it. Reading and decoding block: call the first and the last in a thread, such
as those of `images/converter.py`. Where only metadata must go, the file is not decoded, and its
coded pixels stay what they are.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

from PIL import ExifTags, Image

from tintype_catalog.operations import OperationRule
from tintype_catalog.sizes import Size
from tintype_gateway.images.files import AssembledContent
from tintype_gateway.images.formats.facts import InputFacts
from tintype_gateway.images.input_error import InputImageError, beyond_limit
from tintype_gateway.images.input_inspection import inspect_input
from tintype_gateway.images.input_plan import (
    Preparation,
    plan_input,
    too_many_bytes,
)
from tintype_gateway.images.pixels import DecoderMissingError, pixels, rgb_profile, smaller
from tintype_gateway.values.content import BytesContent, InputImage, Upload

QUALITIES = (95, 85, 75)
"""Percentages of a JPEG or WebP: the first one whose file is small enough is taken."""

_MAX_SHRINKS = 8
_SHRINK_MARGIN = 0.95
"""How much smaller than computed an image is made whose file must become smaller."""

_FLATTENED = "transparent->opaque"
_EXIF_FORMATS = frozenset({"png", "jpeg", "webp"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """An image as the provider gets it, and what became of the client's."""

    image: InputImage
    sent: Size
    """The size of the client's image in pixels, upright: a mask must have the same."""

    adjustments: tuple[str, ...] = ()
    """The adjustments for the client's response headers, such as `image=4000x3000->3072x2304`."""


def prepare_input(
    upload: Upload,
    rule: OperationRule,
    *,
    lenient: bool = False,
    keep_metadata: bool = False,
) -> Prepared:
    """Return an image of a request as a model takes it.

    Args:
        upload: The image as it was sent.
        rule: What the model takes.
        lenient: Whether an image above the limits is made smaller.
        keep_metadata: Whether the provider may get EXIF, XMP and the like.

    Raises:
        InputImageError: It is no image that can be used, or the model does not take it.
    """
    facts = inspect_input(upload)
    preparation = plan_input(
        facts, rule, param=upload.param, lenient=lenient, keep_metadata=keep_metadata
    )
    return apply(upload, facts, preparation, rule, lenient=lenient, keep_metadata=keep_metadata)


def apply(
    upload: Upload,
    facts: InputFacts,
    preparation: Preparation,
    rule: OperationRule,
    *,
    lenient: bool = False,
    keep_metadata: bool = False,
) -> Prepared:
    """Return an image after what was planned for it, as `prepare_input` does.

    Raises:
        InputImageError: It cannot be decoded, or it cannot be made small enough.
    """
    content, param = upload.content, upload.param
    match preparation.step:
        case "cut":
            content = AssembledContent(content, facts.first)
        case "strip":
            content = AssembledContent(content, facts.bare)
    if preparation.step != "decode":
        image = InputImage(content, preparation.format, preparation.size)
        return Prepared(image, facts.upright)
    pieces = facts.first if keep_metadata else facts.bare
    source = AssembledContent(content, pieces) if pieces else content
    encoder = _Encoder(preparation, rule, param, lenient=lenient, keep_metadata=keep_metadata)
    try:
        decoded = pixels(source, facts, preparation.size)
    except DecoderMissingError as error:
        raise InputImageError(
            param, f"is {facts.format.upper()}", f"{error}: send a PNG or JPEG instead"
        ) from error
    except ValueError as error:
        raise InputImageError(param, "is damaged", str(error)) from error
    return encoder.prepared(decoded, facts)


class _Encoder:
    """Makes a new file of pixels that is small enough."""

    def __init__(
        self,
        preparation: Preparation,
        rule: OperationRule,
        param: str,
        *,
        lenient: bool,
        keep_metadata: bool,
    ) -> None:
        self._preparation = preparation
        self._rule = rule
        self._param = param
        self._lenient = lenient
        self._keep_metadata = keep_metadata

    def prepared(self, image: Image.Image, facts: InputFacts) -> Prepared:
        """Return the file with its format and size.

        Raises:
            InputImageError: It is not small enough.
        """
        info, changes = image.info, list[str]()
        if self._preparation.flatten and image.mode == "RGBA":
            if image.getchannel("A").getextrema() != (255, 255):
                changes.append(f"{self._param}={_FLATTENED}")
            image = _on_white(image)
        image.info = {}
        data, form, image = self._encoded(image, info)
        size = Size(*image.size)
        if size != facts.upright:
            changes.insert(0, f"{self._param}={facts.upright}->{size}")
        return Prepared(InputImage(BytesContent(data), form, size), facts.upright, tuple(changes))

    def _encoded(
        self, image: Image.Image, info: Mapping[Any, Any]
    ) -> tuple[bytes, str, Image.Image]:
        options = self._metadata(info)
        most = self._rule.max_bytes
        for _ in range(_MAX_SHRINKS):
            for form, quality in self._encodings(image):
                data = _file(image, form, quality, options)
                if most is None or len(data) <= most:
                    return data, form, image
            assert most is not None  # noqa: S101 - else the first file was small enough
            if not self._lenient:
                raise too_many_bytes(self._param, len(data), most, converted=True)
            image = self._smaller(image, sqrt(most / len(data)) * _SHRINK_MARGIN)
        raise self._never_small_enough(image)

    def _encodings(self, image: Image.Image) -> Iterator[tuple[str, int]]:
        """Yield formats and qualities, of ever smaller files."""
        form = self._preparation.format
        if form == "png":
            yield "png", 100
            if image.mode == "RGBA" or "jpeg" not in self._rule.input_formats:
                return
            form = "jpeg"
        for quality in QUALITIES:
            yield form, quality

    def _smaller(self, image: Image.Image, factor: float) -> Image.Image:
        width, height = (max(int(edge * factor), 1) for edge in image.size)
        size = Size(width, height)
        if min(size) < (self._rule.min_edge or 1) or size.pixels < (self._rule.min_pixels or 1):
            raise self._never_small_enough(image)
        return smaller(image, size)

    def _never_small_enough(self, image: Image.Image) -> InputImageError:
        return beyond_limit(
            self._param,
            f"has too many bytes for this model, even as {Size(*image.size)} pixels",
            f"it takes at most {self._rule.max_bytes}",
        )

    def _metadata(self, info: Mapping[Any, Any]) -> dict[str, Any]:
        options: dict[str, Any] = {"icc_profile": rgb_profile(info)}
        if self._keep_metadata and self._preparation.format in _EXIF_FORMATS and "exif" in info:
            exif = Image.Exif()
            exif.load(info["exif"])
            exif.pop(ExifTags.Base.Orientation, None)
            options["exif"] = exif.tobytes()
        return options


def _on_white(image: Image.Image) -> Image.Image:
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image)
    return flat


def _file(image: Image.Image, form: str, quality: int, options: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    match form:
        case "jpeg":
            image.save(file, form, quality=quality, subsampling="4:4:4", **options)
        case "webp":
            image.save(file, form, quality=quality, method=2, **options)
        case _:
            image.save(file, form, compress_level=3, **options)
    return file.getvalue()
