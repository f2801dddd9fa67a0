"""The bodies that Stability's models and image services on Bedrock take.

Source: AWS's pages on the request parameters of the Stability AI models, and of the thirteen
Stability AI Image Services.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tintype_simulator.bedrock.input_images import ImageLimits
from tintype_simulator.bedrock.schema import Choice, Number, Record, Rule, Text, Variants

IMAGE = Text(1)
PROMPT = Text(longest=10_000)
SHARE = Number(0, 1, whole=False)

RATIOS = {
    "1:1": (1024, 1024),
    "16:9": (1344, 768),
    "21:9": (1536, 640),
    "2:3": (832, 1216),
    "3:2": (1216, 832),
    "4:5": (896, 1088),
    "5:4": (1088, 896),
    "9:16": (768, 1344),
    "9:21": (640, 1536),
}
"""The aspect ratios of Stability's models in pixels. AWS says only that edges are 640 to 1536 long:
these are the sizes of about a megapixel that Stability's own service gives."""

STYLE_PRESETS = (
    "3d-model",
    "analog-film",
    "anime",
    "cinematic",
    "comic-book",
    "digital-art",
    "enhance",
    "fantasy-art",
    "isometric",
    "line-art",
    "low-poly",
    "modeling-compound",
    "neon-punk",
    "origami",
    "photographic",
    "pixel-art",
    "tile-texture",
)

FIELDS: Mapping[str, Rule] = {
    "prompt": PROMPT,
    "negative_prompt": PROMPT,
    "search_prompt": PROMPT,
    "select_prompt": PROMPT,
    "image": IMAGE,
    "mask": IMAGE,
    "init_image": IMAGE,
    "style_image": IMAGE,
    "grow_mask": Number(0, 20),
    "left": Number(0, 2000),
    "right": Number(0, 2000),
    "up": Number(0, 2000),
    "down": Number(0, 2000),
    "control_strength": SHARE,
    "fidelity": SHARE,
    "composition_fidelity": SHARE,
    "style_strength": SHARE,
    "change_strength": Number(0.1, 1, whole=False),
    "aspect_ratio": Choice(tuple(RATIOS)),
    "style_preset": Choice(STYLE_PRESETS),
    "seed": Number(0, 4_294_967_294),
    "output_format": Choice(("png", "jpeg", "webp"), any_case=True),
}
"""The rules for the fields that mean the same in every service that has them."""

WHOLE_IMAGE = ImageLimits(
    ("PNG", "JPEG", "WEBP"), min_edge=64, max_pixels=9_437_184, max_aspect_ratio=2.5
)
"""The limits of input images where a service states no others."""


@dataclass(frozen=True)
class Service:
    """What one of the image services takes."""

    title: str
    body: Record
    images: ImageLimits = WHOLE_IMAGE


def service(
    title: str,
    required: str,
    optional: str,
    images: ImageLimits = WHOLE_IMAGE,
    **fields: Rule,
) -> Service:
    """Return a service.

    Args:
        title: The name that people read.
        required: The required fields.
        optional: The optional fields, but for `output_format`, which every service has.
        images: The limits of its input images.
        **fields: The rules for fields that differ from those in `FIELDS`.
    """
    names = (*required.split(), *optional.split(), "output_format")
    rules = {name: fields.get(name) or FIELDS[name] for name in names}
    return Service(f"Stable Image {title}", Record(rules, tuple(required.split())), images)


def creativity(lowest: float, highest: float) -> Number:
    """Return the rule for `creativity`, whose bounds differ from service to service."""
    return Number(lowest, highest, whole=False)


STYLED = "negative_prompt style_preset seed"

SERVICES: Mapping[str, Service] = {
    "stable-image-inpaint": service("Inpaint", "prompt image", f"mask grow_mask {STYLED}"),
    "stable-image-erase-object": service("Erase Object", "image", "mask grow_mask seed"),
    "stable-outpaint": service(
        "Outpaint",
        "image",
        "prompt left right up down creativity style_preset seed",
        creativity=creativity(0.1, 1),
    ),
    "stable-image-search-replace": service(
        "Search and Replace", "prompt image search_prompt", f"grow_mask {STYLED}"
    ),
    "stable-image-search-recolor": service(
        "Search and Recolor", "prompt image select_prompt", f"grow_mask {STYLED}"
    ),
    "stable-image-remove-background": service("Remove Background", "image", ""),
    "stable-image-control-sketch": service(
        "Control Sketch", "prompt image", f"control_strength {STYLED}"
    ),
    "stable-image-control-structure": service(
        "Control Structure", "prompt image", f"control_strength {STYLED}"
    ),
    "stable-image-style-guide": service(
        "Style Guide", "prompt image", f"aspect_ratio fidelity {STYLED}"
    ),
    "stable-style-transfer": service(
        "Style Transfer",
        "init_image style_image",
        "prompt composition_fidelity style_strength change_strength negative_prompt seed",
    ),
    "stable-creative-upscale": service(
        "Creative Upscale",
        "prompt image",
        f"creativity {STYLED}",
        ImageLimits(WHOLE_IMAGE.formats, min_edge=64, min_pixels=4096, max_pixels=1_048_576),
        creativity=creativity(0.1, 0.5),
    ),
    "stable-conservative-upscale": service(
        "Conservative Upscale",
        "prompt image",
        "creativity negative_prompt seed",
        creativity=creativity(0.1, 0.5),
    ),
    "stable-fast-upscale": service(
        "Fast Upscale",
        "image",
        "",
        ImageLimits(
            WHOLE_IMAGE.formats, min_edge=32, max_edge=1536, min_pixels=1024, max_pixels=1_048_576
        ),
    ),
}
"""The image services by the name in their ids, `us.stability.<name>-v1:0`."""

SIDES = ("left", "right", "up", "down")
"""The fields of outpaint, of which one must be above 0."""


def generator_body(highest_seed: int, *formats: str, from_image: bool = False) -> Variants:
    """Return the rules for a model that makes images from text, and perhaps from an image."""
    fields: dict[str, Rule] = {
        "prompt": PROMPT,
        "negative_prompt": PROMPT,
        "seed": Number(0, highest_seed),
        "output_format": Choice(formats, any_case=True),
    }
    modes = {
        "text-to-image": Record({**fields, "aspect_ratio": FIELDS["aspect_ratio"]}, ("prompt",))
    }
    if from_image:
        modes["image-to-image"] = Record(
            {**fields, "image": IMAGE, "strength": SHARE}, ("prompt", "image", "strength")
        )
    return Variants("mode", modes, default="text-to-image")


STABLE_IMAGE = generator_body(4_294_967_295, "png", "jpeg")
STABLE_DIFFUSION_3 = generator_body(4_294_967_294, "png", "jpeg", "webp")
STABLE_DIFFUSION_35 = generator_body(4_294_967_294, "png", "jpeg", "webp", from_image=True)

STABLE_DIFFUSION_INPUTS = ImageLimits(WHOLE_IMAGE.formats, min_edge=640, max_edge=1536)
"""What AWS says of the edges of the image in image-to-image."""
