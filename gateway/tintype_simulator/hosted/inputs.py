"""Inputs of models that platforms host: pydantic checks their fields, as in the real ones."""

import io
from dataclasses import dataclass
from typing import ClassVar

from PIL import Image
from pydantic import BaseModel, ConfigDict

from tintype_simulator.control.markers import delivered, is_forbidden, is_forbidden_image
from tintype_simulator.servers.bodies import file_of_text
from tintype_simulator.servers.jobs import Job, decoded, painted_image, white_region

FORMATS = {"jpeg": "JPEG", "jpg": "JPEG", "png": "PNG", "webp": "WEBP"}
"""Pillow's name of each format."""


class HostedInput(BaseModel):
    """The fields that most models have. Fields that a model does not have are ignored."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    COUNT: ClassVar[str | None] = None
    """The field with the number of images; None for a model that makes one."""

    prompt: str
    seed: int | None = None

    @property
    def count(self) -> int:
        """The number of images."""
        return 1 if self.COUNT is None else int(getattr(self, self.COUNT))

    @property
    def format(self) -> str:
        """The format of the images, as a suffix of their names."""
        return str(getattr(self, "output_format"))  # noqa: B009 - of the models that follow

    def size(self, images: tuple[Image.Image, ...]) -> tuple[int, int]:
        """Return the size of the result, given the input images."""
        return images[0].size if images else (1024, 1024)

    def urls(self) -> tuple[str, ...]:
        """Return the URLs of the images to edit, the first one being the one that changes."""
        return ()

    def mask_url(self) -> str | None:
        """Return the URL of the mask, None where there is none."""
        return None


@dataclass(frozen=True)
class Painting:
    """What a model made of an input."""

    files: tuple[bytes, ...]
    sizes: tuple[tuple[int, int], ...]
    flagged: tuple[bool, ...]
    """Which images the safety checker blackened."""

    seed: int


class UnreadableImageError(ValueError):
    """An image of an input cannot be read; `field` is the one that names it."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class FlaggedInputError(ValueError):
    """The content of an input is refused."""


def paint_input(model: str, given: HostedInput, drawn: int) -> Painting:
    """Return the images of an input. A file is read from a data URL: nothing is downloaded.

    Raises:
        UnreadableImageError: An image is none.
        FlaggedInputError: The prompt or an image is refused.
    """
    inputs = tuple(_image("image", url) for url in given.urls())
    mask_url = given.mask_url()
    mask = None if mask_url is None else _image("mask", mask_url)
    if is_forbidden(given.prompt) or any(is_forbidden_image(each) for each in inputs):
        raise FlaggedInputError
    width, height = given.size(inputs)
    region = white_region(mask, inputs[0].size) if mask and inputs else None
    seed = drawn if given.seed is None else given.seed
    job = Job(model, given.prompt, width, height, given.count, seed, inputs, region)
    images = [painted_image(job, index) for index in range(job.n)]
    kept = delivered(given.prompt, job.n)
    for index in range(kept, job.n):
        images[index] = Image.new("RGB", images[index].size)
    return Painting(
        files=tuple(_file(image, given.format) for image in images),
        sizes=tuple(image.size for image in images),
        flagged=tuple(index >= kept for index in range(job.n)),
        seed=seed,
    )


def _image(field: str, url: str) -> Image.Image:
    try:
        return decoded(file_of_text(url)).convert("RGB")
    except ValueError as error:
        raise UnreadableImageError(field) from error


def _file(image: Image.Image, form: str) -> bytes:
    content = io.BytesIO()
    image.convert("RGB").save(content, FORMATS[form], quality=90, compress_level=1, method=0)
    return content.getvalue()
