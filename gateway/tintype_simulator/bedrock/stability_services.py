"""What Stability's models and image services make of their input images.

Pure, but not fast: images are decoded and painted, so call these functions in a thread.
"""

from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from tintype_simulator.bedrock.errors import malformed
from tintype_simulator.bedrock.input_images import ImageLimits, alpha, decode
from tintype_simulator.bedrock.stability_bodies import RATIOS, SIDES
from tintype_simulator.painting import edits

Fresh = Callable[[tuple[int, int]], Image.Image]
"""Paints the prompt of a request at a size."""

Images = Mapping[str, Image.Image]
"""The input images by their fields, in the modes of their files."""

Painter = Callable[[Fresh, Images, Mapping[str, Any]], Image.Image]
"""Takes the images and the body of a request, and returns what a service makes of them."""

IMAGE_FIELDS = ("image", "init_image", "style_image")

UPSCALED_PIXELS = 9_437_184
"""The area of an image in 4K, such as 4096x2304, which the large upscalers give."""

FAST_FACTOR = 4
"""What fast upscale multiplies each side with."""


def read_images(body: Mapping[str, Any], limits: ImageLimits) -> Images:
    """Return the input images of a request.

    Raises:
        BedrockError: The model does not take one of them.
    """
    images = {
        name: decode(body[name], f"#/{name}", limits) for name in IMAGE_FIELDS if name in body
    }
    if "mask" in body:
        images["mask"] = decode(body["mask"], "#/mask", ImageLimits(limits.formats))
    return images


def region(images: Images) -> Image.Image:
    """Return the pixels that change: by the luminance of the mask, or else by the image's alpha.

    A mask of another size is resized, as Stability's services do without a word.
    """
    source = images["image"]
    if "mask" not in images:
        return edits.inverted(alpha(source))
    luminance = images["mask"].convert("RGB").convert("L")
    return luminance.resize(source.size, Image.Resampling.NEAREST)


def text_to_image(fresh: Fresh, _: Images, body: Mapping[str, Any]) -> Image.Image:
    """Return a new image of the aspect ratio."""
    return fresh(RATIOS[body.get("aspect_ratio", "1:1")])


def image_to_image(fresh: Fresh, images: Images, body: Mapping[str, Any]) -> Image.Image:
    """Return the image, unchanged at strength 0 and another one at strength 1."""
    source = opaque(images["image"])
    return edits.mixed(source, edits.unlike(fresh(source.size), source), body["strength"])


def inpaint(fresh: Fresh, images: Images, _: Mapping[str, Any]) -> Image.Image:
    """Return the image, painted anew in the region."""
    source = opaque(images["image"])
    return edits.replaced(source, fresh(source.size), region(images))


def outpaint(fresh: Fresh, images: Images, body: Mapping[str, Any]) -> Image.Image:
    """Return the image with more of it on some sides.

    Raises:
        BedrockError: No side is to grow.
    """
    left, right, up, down = (body.get(side, 0) for side in SIDES)
    if not (left or right or up or down):
        raise malformed("#", f"one of [{', '.join(SIDES)}] must be greater than 0")
    source = opaque(images["image"])
    canvas = fresh((left + source.width + right, up + source.height + down))
    canvas.paste(source, (left, up))
    return canvas


def search_replace(fresh: Fresh, images: Images, body: Mapping[str, Any]) -> Image.Image:
    """Return the image, painted anew where the searched object is."""
    source = opaque(images["image"])
    found = edits.named_region(body["search_prompt"], source.size)
    return edits.replaced(source, fresh(source.size), found)


def search_recolor(_: Fresh, images: Images, body: Mapping[str, Any]) -> Image.Image:
    """Return the image with other colors where the selected object is."""
    source = opaque(images["image"])
    return edits.recolored(source, edits.named_region(body["select_prompt"], source.size))


def remove_background(_: Fresh, images: Images, body: Mapping[str, Any]) -> Image.Image:
    """Return the image with a transparent background, which JPEG makes white."""
    cut = edits.cut_out(opaque(images["image"]))
    if body.get("output_format", "png").lower() != "jpeg":
        return cut
    white = Image.new("RGB", cut.size, "white")
    white.paste(cut, mask=cut.getchannel("A"))
    return white


def control(fresh: Fresh, images: Images, body: Mapping[str, Any]) -> Image.Image:
    """Return a new image with the outlines of the input."""
    source = opaque(images["image"])
    return edits.outlined(fresh(source.size), source, body.get("control_strength", 0.7))


def style_guide(fresh: Fresh, images: Images, body: Mapping[str, Any]) -> Image.Image:
    """Return a new image with something of the input, the more the higher the fidelity."""
    painted = fresh(RATIOS[body.get("aspect_ratio", "1:1")])
    return edits.mixed(painted, opaque(images["image"]), body.get("fidelity", 0.5))


def style_transfer(_: Fresh, images: Images, body: Mapping[str, Any]) -> Image.Image:
    """Return the initial image with something of the style image."""
    share = body.get("style_strength", 1) * body.get("change_strength", 0.9) / 2
    return edits.mixed(opaque(images["init_image"]), opaque(images["style_image"]), share)


def upscale_to_4k(_: Fresh, images: Images, body: Mapping[str, Any]) -> Image.Image:
    """Return the image in 4K."""
    source = opaque(images["image"])
    size = edits.size_of_area(source.size, UPSCALED_PIXELS)
    return edits.upscaled(source, size, body["prompt"])


def upscale_fast(_: Fresh, images: Images, __: Mapping[str, Any]) -> Image.Image:
    """Return the image with four times as many pixels on each side."""
    source = opaque(images["image"])
    size = (FAST_FACTOR * source.width, FAST_FACTOR * source.height)
    return edits.upscaled(source, size, "fast")


def opaque(image: Image.Image) -> Image.Image:
    """Return the colors of an image, without its alpha."""
    return image.convert("RGB")


PAINTERS: Mapping[str, Painter] = {
    "text-to-image": text_to_image,
    "image-to-image": image_to_image,
    "stable-image-inpaint": inpaint,
    "stable-image-erase-object": inpaint,
    "stable-outpaint": outpaint,
    "stable-image-search-replace": search_replace,
    "stable-image-search-recolor": search_recolor,
    "stable-image-remove-background": remove_background,
    "stable-image-control-sketch": control,
    "stable-image-control-structure": control,
    "stable-image-style-guide": style_guide,
    "stable-style-transfer": style_transfer,
    "stable-creative-upscale": upscale_to_4k,
    "stable-conservative-upscale": upscale_to_4k,
    "stable-fast-upscale": upscale_fast,
}
"""Painters by the mode of a model, and by the name of a service."""
