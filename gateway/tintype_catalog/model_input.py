"""The fields that the input of one model has, on platforms that host models of many makers.

On fal and Replicate the calls, states and errors are those of the platform, and the fields of a
call are the model's own. A binding says which they are, so that a model needs no code.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.contract import AtMostBytes, Contract, FieldName, FieldPath
from tintype_catalog.operations import OperationName

SizeForm = Literal["ImageSize", "WidthHeight", "AspectRatio", "Omit"]

SIZE_FIELDS: dict[SizeForm, tuple[str, ...]] = {
    "ImageSize": ("image_size",),
    "WidthHeight": ("width", "height"),
    "AspectRatio": ("aspect_ratio",),
    "Omit": (),
}
"""The fields that hold the size, in each form."""


class ImagesField(Contract):
    """How a model takes the images of an edit."""

    field: FieldName
    """The field that holds the images, such as `image_url`."""

    form: Literal["One", "List"] = "One"
    """`One` takes one data URL, `List` a list of them."""


class MaskField(Contract):
    """How a model takes a mask."""

    field: FieldName
    """The field that holds the mask, such as `mask_url`."""

    convention: MaskConvention
    """Which pixels of a mask change: transparent ones (`alpha`, as OpenAI), black ones, white ones,
    or the more the lighter they are (`luminance_edits`)."""


class ModelInput(Contract):
    """The fields of a model that a platform hosts. The prompt is always `prompt`."""

    operations: Annotated[tuple[OperationName, ...], Field(min_length=1, max_length=3)] = (
        "generation",
        "edit",
        "variation",
    )
    """The operations that `upstreamModel` has, of those of the model. A platform may have a path of
    its own for edits, which is a binding of its own."""

    size: SizeForm = "Omit"
    """`ImageSize` sends `image_size: {width, height}`, `WidthHeight` sends `width` and `height`,
    `AspectRatio` sends `aspect_ratio: "16:9"`."""

    count: FieldName | None = None
    """The field that holds the number of images, such as `num_images`. Without it a call makes one
    image."""

    images: ImagesField | None = None
    """How the model takes images. Without it, it takes none."""

    mask: MaskField | None = None
    """How the model takes masks. Without it, no request with a mask is sent here."""

    allowed_fields: Annotated[tuple[FieldPath, ...], Field(max_length=64)] | None = None
    """The provider parameters that clients may send here, of those that the model has. By default
    all but those that name URLs or weights, or that turn moderation off: these must be listed."""

    defaults: Annotated[
        dict[FieldName, JsonValue], Field(max_length=64), AfterValidator(AtMostBytes(8192))
    ] = {}
    """Fields that each call has. Clients cannot change them. At most 8192 bytes as JSON."""

    @property
    def filled(self) -> frozenset[str]:
        """The fields that the gateway fills in by itself."""
        files = [own.field for own in (self.images, self.mask) if own is not None]
        count = [] if self.count is None else [self.count]
        return frozenset(("prompt", *SIZE_FIELDS[self.size], *files, *count))

    @model_validator(mode="after")
    def _sets_no_filled_field(self) -> Self:
        if taken := sorted(self.filled.intersection(self.defaults)):
            raise ValueError(f"`defaults`: the gateway fills in {', '.join(taken)} by itself")
        return self
