"""What the bodies of Bedrock's image models may hold, for images from text alone.

Sources: AWS's pages on the parameters of Titan Image Generator, Nova Canvas and the Stability AI
models; what they leave open is said where it stands.
"""

from collections.abc import Mapping

from tintype_simulator.bedrock.schema import Choice, Number, Record, Rule, Text


def amazon_body(text: Text, edge: Number, parameters: Mapping[str, Rule]) -> Record:
    """Return the rules that Amazon's models share.

    Args:
        text: The rule for the prompt, and for what not to paint.
        edge: The rule for width and height, in pixels.
        parameters: What else `textToImageParams` may hold.
    """
    config: dict[str, Rule] = {
        "numberOfImages": Number(1, 5),
        "width": edge,
        "height": edge,
        "quality": Choice(("standard", "premium")),
        "cfgScale": Number(1.1, 10, whole=False),
        "seed": Number(0, 2_147_483_646),
    }
    prompt = Record({"text": text, "negativeText": text, **parameters}, ("text",))
    fields: dict[str, Rule] = {
        "taskType": Choice(("TEXT_IMAGE",)),
        "textToImageParams": prompt,
        "imageGenerationConfig": Record(config),
    }
    return Record(fields, ("taskType", "textToImageParams"))


def stability_body(highest_seed: int, *formats: str) -> Record:
    """Return the rules that Stability's models share."""
    fields: dict[str, Rule] = {
        "prompt": Text(longest=10_000),
        "negative_prompt": Text(longest=10_000),
        "aspect_ratio": Choice(tuple(RATIOS)),
        "mode": Choice(("text-to-image",)),
        "seed": Number(0, highest_seed),
        "output_format": Choice(formats, any_case=True),
    }
    return Record(fields, ("prompt",))


NOVA_STYLES = (
    "3D_ANIMATED_FAMILY_FILM",
    "DESIGN_SKETCH",
    "FLAT_VECTOR_ILLUSTRATION",
    "GRAPHIC_NOVEL_ILLUSTRATION",
    "MAXIMALISM",
    "MIDCENTURY_RETRO",
    "PHOTOREALISM",
    "SOFT_DIGITAL_PAINTING",
)

TITAN_LARGE = (
    (1024, 1024),
    (768, 1152),
    (1152, 768),
    (768, 1280),
    (1280, 768),
    (896, 1152),
    (1152, 896),
    (768, 1408),
    (1408, 768),
    (640, 1408),
    (1408, 640),
)
"""The sizes of Titan that it also paints half as wide and high."""

TITAN_SIZES = frozenset(
    {
        *TITAN_LARGE,
        *((width // 2, height // 2) for width, height in TITAN_LARGE),
        *((768, 768), (1152, 640), (1173, 640)),
    }
)

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

TITAN = amazon_body(Text(1, 512), Number(320, 1408), {})
NOVA_CANVAS = amazon_body(
    Text(1, 1024), Number(320, 4096, multiple_of=16), {"style": Choice(NOVA_STYLES)}
)
STABLE_IMAGE = stability_body(4_294_967_295, "png", "jpeg")
STABLE_DIFFUSION = stability_body(4_294_967_294, "png", "jpeg", "webp")
