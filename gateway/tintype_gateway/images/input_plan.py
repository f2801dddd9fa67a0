"""What must happen to an uploaded image before a provider gets it: decided from its facts alone."""

from dataclasses import dataclass
from decimal import Decimal
from math import isqrt
from typing import Literal

from tintype_catalog.operations import OperationRule
from tintype_catalog.sizes import Size
from tintype_gateway.images.formats.facts import MAX_INPUT_PIXELS, InputFacts
from tintype_gateway.images.input_error import InputImageError, beyond_limit

BYTES_PER_PIXEL = 4
"""Of a decoded image, as Pillow keeps RGB, RGBA and CMYK in memory."""

Step = Literal["pass", "cut", "strip", "decode"]
"""pass: the file as it is. cut: without further images. strip: without metadata, the coded pixels
untouched. decode: made anew from its pixels."""

_DECODER_BYTES_PER_PIXEL = {"png": 0, "jpeg": 6, "webp": 7, "gif": 2, "heic": 8}
"""What a decoder needs beside the result: coefficients of a progressive JPEG, planes of colors."""

_WORK_BYTES = 1 << 21
"""The memory in bytes that any conversion needs, for an image of any size."""

_READ_WHOLE = frozenset({"webp", "heic"})
"""Formats whose decoders read the file into memory."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What must happen to an image."""

    step: Step
    format: str
    """The format of the result."""

    size: Size
    """The size of the result in pixels, upright."""

    flatten: bool = False
    """Whether what is transparent becomes white."""

    adjustments: tuple[str, ...] = ()
    """The adjustments for the client's response headers, such as `image=4000x3000->3072x2304`."""


def plan_input(
    facts: InputFacts,
    rule: OperationRule,
    *,
    param: str,
    lenient: bool = False,
    keep_metadata: bool = False,
) -> Preparation:
    """Return what must happen to an image that a model's rule applies to.

    Args:
        facts: What is known of the image.
        rule: What the model takes.
        param: The field of the request, for errors and adjustments.
        lenient: Whether an image above the limits is made smaller.
        keep_metadata: Whether the provider may get EXIF, XMP and the like.

    Raises:
        InputImageError: The model does not take such an image.
    """
    if facts.is_animated:
        raise InputImageError(
            param, "is animated", "animated images are not accepted, only those of one frame"
        )
    size = _size(facts, rule, param, lenient=lenient)
    step = _step_without_decoding(facts, rule, size, keep_metadata=keep_metadata)
    length = facts.bare_length if step == "strip" else facts.length
    if step and rule.max_bytes is not None and length > rule.max_bytes:
        if not lenient:
            raise too_many_bytes(param, length, rule.max_bytes)
        step = None
    if step:
        return Preparation(step, facts.format, size)
    return _to_decode(facts, rule, param, size)


def _to_decode(facts: InputFacts, rule: OperationRule, param: str, size: Size) -> Preparation:
    form = _format(facts, rule)
    flatten = facts.has_alpha and (rule.opaque or form == "jpeg")
    if facts.size.pixels > MAX_INPUT_PIXELS:
        raise beyond_limit(
            param,
            f"is {facts.upright} pixels and would have to be converted",
            f"images of up to {MAX_INPUT_PIXELS} pixels are",
        )
    change = f"{param}={facts.upright}->{size}"
    changes = (change,) if size != facts.upright else ()
    return Preparation("decode", form, size, flatten, changes)


def bytes_to_decode(facts: InputFacts, preparation: Preparation) -> int:
    """Return how much memory the work takes, for admission: an upper bound in bytes."""
    if preparation.step != "decode":
        return 0
    stored = facts.size.pixels * (BYTES_PER_PIXEL + _DECODER_BYTES_PER_PIXEL[facts.format])
    copies = 2 * facts.size.pixels * BYTES_PER_PIXEL
    encoded = preparation.size.pixels * BYTES_PER_PIXEL
    read = facts.length if facts.format in _READ_WHOLE else 0
    return stored + copies + encoded + read + _WORK_BYTES


def fitted(size: Size, max_edge: int | None, max_pixels: int | None) -> Size:
    """Return the largest size of the same aspect ratio within limits, rounded down."""
    width, height = size
    longest = max(size)
    edge = longest if max_edge is None else min(longest, max_edge)
    if max_pixels is not None and size.pixels > max_pixels:
        edge = min(edge, isqrt(max_pixels * longest * longest // size.pixels))
    return Size(max(width * edge // longest, 1), max(height * edge // longest, 1))


def too_many_bytes(
    param: str, length: int, most: int, *, converted: bool = False
) -> InputImageError:
    """Return the error of a file that is too large, as it was sent or after a conversion."""
    sent = f"has {length} bytes{' once it is converted' if converted else ''}"
    return beyond_limit(param, sent, f"this model takes at most {most}")


def _size(facts: InputFacts, rule: OperationRule, param: str, *, lenient: bool) -> Size:
    """Return the size of the result."""
    sent = facts.upright
    if lenient:
        _check_smallest(fitted(sent, rule.max_edge, rule.max_pixels), rule, param, sent)
    else:
        _check_largest(sent, rule, param)
        _check_smallest(sent, rule, param, sent)
    ratio = Decimal(max(sent)) / min(sent)
    if rule.longest_ratio is not None and ratio > rule.longest_ratio:
        raise beyond_limit(
            param,
            f"is {sent} pixels, an aspect ratio of {ratio:.2f}:1",
            f"this model takes at most {rule.max_aspect_ratio}:1",
        )
    return fitted(sent, rule.max_edge, rule.max_pixels)


def _check_largest(sent: Size, rule: OperationRule, param: str) -> None:
    if rule.max_edge is not None and max(sent) > rule.max_edge:
        allowed = f"this model takes edges of at most {rule.max_edge} pixels"
        raise beyond_limit(param, f"is {sent} pixels", f"{allowed}{_HINT}")
    if rule.max_pixels is not None and sent.pixels > rule.max_pixels:
        allowed = f"this model takes at most {rule.max_pixels} pixels"
        raise beyond_limit(param, f"is {sent}, {sent.pixels} pixels", f"{allowed}{_HINT}")


_HINT = "; with `Prefer: handling=lenient` larger images are made smaller"


def _check_smallest(size: Size, rule: OperationRule, param: str, sent: Size) -> None:
    made = f"is {sent} pixels" if size == sent else f"is {sent} pixels, {size} when made smaller"
    if min(size) < rule.min_edge:
        allowed = f"this model takes edges of at least {rule.min_edge} pixels"
        raise beyond_limit(param, made, allowed)
    if size.pixels < rule.min_pixels:
        raise beyond_limit(param, made, f"this model takes at least {rule.min_pixels} pixels")


def _format(facts: InputFacts, rule: OperationRule) -> str:
    """Return the format in which an image is made anew: its own where that can be."""
    formats = rule.input_formats
    if facts.has_alpha and not rule.opaque:
        wanted: tuple[str, ...] = ("png", "webp")
    elif facts.is_lossy:
        wanted = ("jpeg", "png", "webp")
    else:
        wanted = ("png", "jpeg", "webp")
    if facts.format in wanted and facts.format in formats:
        return facts.format
    return next((form for form in wanted if form in formats), "jpeg")


def _step_without_decoding(
    facts: InputFacts, rule: OperationRule, size: Size, *, keep_metadata: bool
) -> Step | None:
    """Return what can be done to the file itself, None where it must be made anew."""
    is_changed = (
        facts.orientation != 1 or size != facts.upright or (facts.has_alpha and rule.opaque)
    )
    if is_changed or facts.format not in rule.input_formats:
        return None
    if facts.format == "heic":
        return "pass" if keep_metadata else None
    if facts.colors in ("cmyk", "palette") or facts.bits != 8 or not facts.is_plain:
        return None
    if not keep_metadata:
        return "strip" if facts.has_metadata else "pass"
    return "cut" if facts.is_multiple else "pass"
