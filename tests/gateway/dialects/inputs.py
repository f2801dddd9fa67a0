"""Input images for jobs, as the gateway prepares them for a provider."""

import io
from typing import Any

from PIL import Image

from tintype_catalog.sizes import Size
from tintype_gateway.values.content import BytesContent, InputImage
from tintype_gateway.values.job import Job
from tintype_testing.builders import job


def input_image(image: Image.Image, form: str = "png") -> InputImage:
    """Return an input image with the pixels of another image."""
    file = io.BytesIO()
    image.save(file, form)
    return InputImage(BytesContent(file.getvalue()), form, Size(*image.size))


def fake_input(data: bytes, size: Size = Size(640, 480)) -> InputImage:  # noqa: B008  # a constant
    """Return an input image for tests that look at its bytes only."""
    return InputImage(BytesContent(data), "png", size)


def edit_job(
    task: str | None, *inputs: InputImage, mask: InputImage | None = None, **asked: Any
) -> Job:
    """Return a job with images, of which `asked` are the other fields."""
    return job(task=task, inputs=inputs, mask=mask, **asked)
