"""Turns the images and the mask of a request into what the provider gets.

Looking at an image reads its header; preparing it may decode it. Both run in the converter's
threads, and what decoding takes is reserved in the memory budget first, one image after the other.
"""

from dataclasses import dataclass, replace

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.operations import InputFormat, OperationRule
from tintype_catalog.sizes import Size
from tintype_gateway.api.requests import ValidRequest
from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.images.converter import Converter
from tintype_gateway.images.formats.facts import InputFacts
from tintype_gateway.images.input import Prepared, apply
from tintype_gateway.images.input_error import InputImageError
from tintype_gateway.images.input_inspection import inspect_input
from tintype_gateway.images.input_plan import bytes_to_decode, plan_input
from tintype_gateway.images.mask import CheckedMask, bytes_to_render, check_mask, render_mask
from tintype_gateway.observability.spans import traced
from tintype_gateway.runtime.memory_budget import MemoryBudget
from tintype_gateway.values.content import BytesContent, Keep, Upload
from tintype_gateway.values.job import Job

WAIT_SECONDS = 30
"""How long a request whose images have arrived waits for the memory to decode one of them."""


@dataclass(frozen=True, slots=True)
class InspectedInputs:
    """What the images of a request say of themselves."""

    images: tuple[tuple[Upload, InputFacts], ...] = ()
    mask: CheckedMask | None = None

    @property
    def shape(self) -> Size | None:
        """The size of the first image in pixels, upright."""
        return self.images[0][1].upright if self.images else None


NO_INPUTS = InspectedInputs()


@dataclass(frozen=True)
class InputTools:
    """What the preparation of images needs: threads, memory, and a decision about metadata."""

    converter: Converter
    memory: MemoryBudget
    keep_metadata: bool = False
    """Whether providers get the EXIF, XMP and other metadata of photos."""

    async def inspect(self, request: ValidRequest) -> InspectedInputs:
        """Return what the images and the mask of a request say of themselves.

        Raises:
            BadRequestError: One is no image, or the mask does not fit the first image.
        """
        if not request.images:
            return NO_INPUTS
        try:
            facts = [await self.converter.run(inspect_input, image) for image in request.images]
            checked = await self._checked(request.mask, facts[0])
        except InputImageError as error:
            raise error.response_error() from error
        return InspectedInputs(tuple(zip(request.images, facts, strict=True)), checked)

    async def _checked(self, mask: Upload | None, first: InputFacts) -> CheckedMask | None:
        if mask is None:
            return None
        return await self.converter.run(check_mask, mask, first.upright)

    @traced("prepare_inputs")
    async def prepare(
        self,
        job: Job,
        inspected: InspectedInputs,
        rule: OperationRule,
        convention: MaskConvention | None,
        *,
        is_lenient: bool,
        is_strict: bool,
        keep: Keep,
    ) -> Job:
        """Return the job with its images and its mask as the provider takes them.

        Args:
            job: What is asked for.
            inspected: The images of the request, as `inspect` saw them.
            rule: What the model takes.
            convention: How the provider reads a mask.
            is_lenient: Whether images above the model's limits are made smaller.
            is_strict: Whether a change to an image is an error.
            keep: Keeps an image that was made anew, until the request ends.

        Raises:
            BadRequestError: The model does not take an image, or one cannot be decoded.
            OverloadedError: There is no memory to decode it in.
        """
        if not inspected.images:
            return job
        prepared: list[Prepared] = []
        try:
            for index, (upload, facts) in enumerate(inspected.images):
                is_masked = index == 0 and inspected.mask is not None
                own_rule = _for_mask(rule, convention) if is_masked else rule
                prepared.append(
                    await self._image(upload, facts, own_rule, lenient=is_lenient, keep=keep)
                )
            mask = inspected.mask and await self._mask(
                inspected.mask, convention, prepared[0].image.size, keep
            )
        except InputImageError as error:
            raise error.response_error() from error
        changes = tuple(change for each in prepared for change in each.adjustments)
        if changes and is_strict:
            raise UnsupportedParameterError(
                f"`image` would have to be changed ({', '.join(changes)}), and handling is strict",
                param="image",
            )
        return replace(
            job,
            inputs=tuple(each.image for each in prepared),
            mask=mask.image if mask else None,
            adjustments=(*job.adjustments, *changes),
        )

    async def _image(
        self, upload: Upload, facts: InputFacts, rule: OperationRule, *, lenient: bool, keep: Keep
    ) -> Prepared:
        preparation = plan_input(
            facts, rule, param=upload.param, lenient=lenient, keep_metadata=self.keep_metadata
        )

        def work() -> Prepared:
            return apply(
                upload,
                facts,
                preparation,
                rule,
                lenient=lenient,
                keep_metadata=self.keep_metadata,
            )

        if preparation.step != "decode":
            return work()  # reads nothing
        size = bytes_to_decode(facts, preparation)
        async with self.memory.reserved_soon(size, WAIT_SECONDS):
            return await _kept(await self.converter.run(work), keep)

    async def _mask(
        self, mask: CheckedMask, convention: MaskConvention | None, size: Size, keep: Keep
    ) -> Prepared:
        if convention is None:  # a catalog that promises a mask of a dialect that has none
            raise InputImageError(mask.param, "cannot be sent", "its provider takes no mask")

        def work() -> Prepared:
            return render_mask(mask, convention, size=size)

        async with self.memory.reserved_soon(bytes_to_render(mask), WAIT_SECONDS):
            return await _kept(await self.converter.run(work), keep)


async def _kept(prepared: Prepared, keep: Keep) -> Prepared:
    """Return an image whose bytes are kept with the request's, and no more in memory."""
    image = prepared.image
    if not isinstance(image.content, BytesContent):
        return prepared
    content = await keep(image.content.data)
    return replace(prepared, image=replace(image, content=content))


def _for_mask(rule: OperationRule, convention: MaskConvention | None) -> OperationRule:
    """Return the rule of an image with a mask: OpenAI wants both in one format, which is PNG."""
    png: tuple[InputFormat, ...] = ("png",)
    is_alpha = convention == "alpha"
    return rule.model_copy(update={"input_formats": png}) if is_alpha else rule
