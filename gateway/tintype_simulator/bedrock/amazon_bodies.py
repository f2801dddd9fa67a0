"""The bodies that Titan Image Generator v2 and Nova Canvas take, for each of their tasks.

Sources: AWS's pages on the request parameters of both models. Where the pages of one model
contradict each other, a comment says which rule is simulated.
"""

from collections.abc import Mapping

from tintype_simulator.bedrock.input_images import ImageLimits
from tintype_simulator.bedrock.schema import (
    Choice,
    Flag,
    Items,
    Number,
    Record,
    Rule,
    Text,
    Variants,
)

IMAGE = Text(1)
"""An image in base64: `input_images` decodes it, and checks what is in it."""

PARAMETERS = {
    "TEXT_IMAGE": "textToImageParams",
    "INPAINTING": "inPaintingParams",
    "OUTPAINTING": "outPaintingParams",
    "IMAGE_VARIATION": "imageVariationParams",
    "COLOR_GUIDED_GENERATION": "colorGuidedGenerationParams",
    "BACKGROUND_REMOVAL": "backgroundRemovalParams",
    "VIRTUAL_TRY_ON": "virtualTryOnParams",
}
"""The member of a body that holds the parameters of a task."""

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

GARMENT_CLASSES = (
    "UPPER_BODY",
    "LOWER_BODY",
    "FULL_BODY",
    "FOOTWEAR",
    "LONG_SLEEVE_SHIRT",
    "SHORT_SLEEVE_SHIRT",
    "NO_SLEEVE_SHIRT",
    "OTHER_UPPER_BODY",
    "LONG_PANTS",
    "SHORT_PANTS",
    "OTHER_LOWER_BODY",
    "LONG_DRESS",
    "SHORT_DRESS",
    "FULL_BODY_OUTFIT",
    "OTHER_FULL_BODY",
    "SHOES",
    "BOOTS",
    "OTHER_FOOTWEAR",
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

TITAN_INPUTS = ImageLimits(("PNG", "JPEG"), max_edge=1408)

NOVA_INPUTS = ImageLimits(
    ("PNG", "JPEG"), min_edge=320, max_edge=4096, max_pixels=4_194_304, opaque=True
)
"""The limits of outputs, as AWS gives none for inputs."""


def config(**sides: Rule) -> Record:
    """Return the rule for `imageGenerationConfig`, with width and height where they are allowed."""
    fields: dict[str, Rule] = {
        "numberOfImages": Number(1, 5),
        "quality": Choice(("standard", "premium")),
        "cfgScale": Number(1.1, 10, whole=False),
        "seed": Number(0, 2_147_483_646),
    }
    return Record(fields | sides)


def task(name: str, parameters: Record | Variants, config: Record | None) -> Record:
    """Return the rule for the body of a task; a task without configuration refuses one."""
    fields: dict[str, Rule] = {PARAMETERS[name]: parameters}
    if config is not None:
        fields["imageGenerationConfig"] = config
    return Record(fields, (PARAMETERS[name],))


def text_to_image(texts: Mapping[str, Rule], *, needs_condition: bool) -> Record:
    """Return the rule for the parameters of TEXT_IMAGE.

    Args:
        texts: The rules for the prompt, and for anything else that guides the image by words.
        needs_condition: Whether the model refuses control parameters without `conditionImage`.
    """
    control: dict[str, Rule] = {
        "controlMode": Choice(("CANNY_EDGE", "SEGMENTATION")),
        "controlStrength": Number(0, 1, whole=False),
    }
    dependent = dict.fromkeys(control, "conditionImage") if needs_condition else {}
    return Record({**texts, "conditionImage": IMAGE, **control}, ("text",), dependent=dependent)


def common_tasks(
    texts: Mapping[str, Rule], sized: Record, edited: Record
) -> dict[str, tuple[Record, Record | None]]:
    """Return the rules for parameters and configuration of the tasks that both models share.

    Args:
        texts: The rules for `text` and `negativeText`.
        sized: The configuration of tasks that take a size.
        edited: The configuration of tasks whose output has the size of their input.
    """
    masked = {
        **texts,
        "image": IMAGE,
        "maskImage": IMAGE,
        "maskPrompt": texts["text"],
        "returnMask": Flag(),
    }
    one_mask = ("maskImage", "maskPrompt")
    out_mode = {"outPaintingMode": Choice(("DEFAULT", "PRECISE"))}
    similarity = {"similarityStrength": Number(0.2, 1, whole=False)}
    colors = Items(Text(pattern="#[0-9A-Fa-f]{6}"), 1, 10)
    return {
        "INPAINTING": (Record(masked, ("image",), one_mask), edited),
        "OUTPAINTING": (Record(masked | out_mode, ("image", "text"), one_mask), edited),
        "IMAGE_VARIATION": (
            Record({**texts, "images": Items(IMAGE, 1, 5), **similarity}, ("images",)),
            sized,
        ),
        "COLOR_GUIDED_GENERATION": (
            Record({**texts, "colors": colors, "referenceImage": IMAGE}, ("text", "colors")),
            sized,
        ),
        "BACKGROUND_REMOVAL": (Record({"image": IMAGE}, ("image",)), None),
    }


def try_on(text: Text) -> Variants:
    """Return the rule for the parameters of VIRTUAL_TRY_ON, with a prompt for its mask."""
    preserve = Choice(("ON", "OFF", "DEFAULT"))
    common: dict[str, Rule] = {
        "sourceImage": IMAGE,
        "referenceImage": IMAGE,
        "maskExclusions": Record(
            {"preserveBodyPose": preserve, "preserveHands": preserve, "preserveFace": preserve}
        ),
        "mergeStyle": Choice(("BALANCED", "SEAMLESS", "DETAILED")),
        "returnMask": Flag(),
    }
    shape = {"maskShape": Choice(("CONTOUR", "BOUNDING_BOX", "DEFAULT"))}
    styling = Record(
        {
            "longSleeveStyle": Choice(("SLEEVE_DOWN", "SLEEVE_UP")),
            "tuckingStyle": Choice(("UNTUCKED", "TUCKED")),
            "outerLayerStyle": Choice(("CLOSED", "OPEN")),
        }
    )
    garment: dict[str, Rule] = {
        "garmentClass": Choice(GARMENT_CLASSES),
        **shape,
        "garmentStyling": styling,
    }
    masks = {
        "IMAGE": ("imageBasedMask", Record({"maskImage": IMAGE}, ("maskImage",))),
        "GARMENT": ("garmentBasedMask", Record(garment, ("garmentClass",))),
        "PROMPT": ("promptBasedMask", Record({"maskPrompt": text, **shape}, ("maskPrompt",))),
    }
    return Variants(
        "maskType",
        {
            kind: Record({**common, name: rule}, ("sourceImage", "referenceImage", name))
            for kind, (name, rule) in masks.items()
        },
    )


def titan_body() -> Variants:
    """Return the rules for Titan, which ignores width and height where it edits an image."""
    text, edge = Text(1, 512), Number(320, 1408)
    texts: dict[str, Rule] = {"text": text, "negativeText": text}
    sized = config(width=edge, height=edge)
    tasks = common_tasks(texts, sized, sized)
    tasks["TEXT_IMAGE"] = (text_to_image(texts, needs_condition=True), sized)
    return Variants("taskType", {name: task(name, *rules) for name, rules in tasks.items()})


def nova_body() -> Variants:
    """Return the rules for Nova Canvas, which refuses width and height where it edits an image.

    AWS's table says that `text` is required for INPAINTING, and its prose that omitting it removes
    what is masked. The prose is simulated.
    """
    text, edge = Text(1, 1024), Number(320, 4096, multiple_of=16)
    texts: dict[str, Rule] = {"text": text, "negativeText": text}
    sized, edited = config(width=edge, height=edge), config()
    styled = {**texts, "style": Choice(NOVA_STYLES)}
    bodies = {
        name: task(name, *rules) for name, rules in common_tasks(texts, sized, edited).items()
    }
    bodies["TEXT_IMAGE"] = task("TEXT_IMAGE", text_to_image(styled, needs_condition=False), sized)
    bodies["VIRTUAL_TRY_ON"] = task("VIRTUAL_TRY_ON", try_on(text), edited)
    return Variants("taskType", bodies)


TITAN = titan_body()
NOVA_CANVAS = nova_body()
