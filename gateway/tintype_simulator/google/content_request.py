"""Reads the body of `:generateContent` for the models that return images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from PIL import Image

from tintype_simulator.google.errors import invalid
from tintype_simulator.google.fields import (
    OUTPUT_OPTIONS,
    Reader,
    anything,
    boolean,
    choice,
    file,
    integer,
    message,
    number,
    output_format,
    repeated,
    text,
    within,
)
from tintype_simulator.google.input_images import opened_part
from tintype_simulator.google.models import SQUARE, Model

PART: Mapping[str, Reader] = {
    "text": text,
    "inlineData": message({"mimeType": text, "data": file, "displayName": text}),
    "fileData": message({"mimeType": text, "fileUri": text, "displayName": text}),
    "thought": boolean,
    "thoughtSignature": file,
}
CONTENT = message({"role": text, "parts": repeated(message(PART))})


def vertex_content(value: object, path: str) -> dict[str, Any]:
    """Read one turn of a conversation, whose speaker Vertex AI wants to know."""
    content: dict[str, Any] = CONTENT(value, path)
    if content.get("role") not in ("user", "model"):
        raise invalid(f"{path}.role", "Please use a valid role: user, model.")
    return content


IMAGE_CONFIG: Mapping[str, Reader] = {"aspectRatio": text, "imageSize": text}
VERTEX_IMAGE_CONFIG: Mapping[str, Reader] = {
    **IMAGE_CONFIG,
    "personGeneration": text,
    "prominentPeople": text,
    "imageOutputOptions": OUTPUT_OPTIONS,
}
GENERATION_CONFIG: Mapping[str, Reader] = {
    "responseModalities": repeated(choice("TEXT", "IMAGE", any_case=True)),
    "imageConfig": message(IMAGE_CONFIG),
    "candidateCount": integer,
    "maxOutputTokens": integer,
    "seed": within(-(2**31), 2**31 - 1, integer),
    "temperature": within(0, 2, number),
    "topP": number,
    "topK": number,
    "stopSequences": anything,
    "thinkingConfig": message(
        {"includeThoughts": boolean, "thinkingLevel": text, "thinkingBudget": integer}
    ),
    "mediaResolution": text,
}
BODY: Mapping[str, Reader] = {
    "contents": repeated(CONTENT),
    "systemInstruction": CONTENT,
    "safetySettings": repeated(message({"category": text, "threshold": text})),
    "generationConfig": message(GENERATION_CONFIG),
    "tools": anything,
    "toolConfig": anything,
    "cachedContent": text,
}
GEMINI_BODY = message(BODY)
VERTEX_BODY = message(
    {
        **BODY,
        "contents": repeated(vertex_content),
        "generationConfig": message(
            {**GENERATION_CONFIG, "imageConfig": message(VERTEX_IMAGE_CONFIG)}
        ),
        "labels": anything,
    }
)


@dataclass(frozen=True)
class ContentRequest:
    """A valid request, with defaults filled in."""

    model: Model
    prompt: str
    references: tuple[Image.Image, ...]
    """The images that the prompt carries, in their order."""

    width: int
    height: int
    image_tokens: int
    """The output tokens of an image of this size."""

    file_format: str
    quality: int
    wants_text: bool
    wants_image: bool
    shows_thoughts: bool
    max_tokens: int
    seed: int | None


def read_content_request(model: Model, body: Mapping[str, Any]) -> ContentRequest:
    """Return the request in a body whose fields are of their types.

    Raises:
        GoogleError: A value is one that the model does not take.
    """
    config = body.get("generationConfig", {})
    image_config = config.get("imageConfig", {})
    prompt, references = prompt_of(body), tuple(opened_references(body))
    check_prompt(model, prompt, len(references))
    check_limits(model, config)
    resolution = image_size(model, image_config)
    width, height = model.pixels(aspect_ratio(model, image_config, references), resolution)
    modalities = config.get("responseModalities") or ["TEXT", "IMAGE"]
    file_format, quality = output_format(image_config.get("imageOutputOptions", {}))
    return ContentRequest(
        model=model,
        prompt=prompt,
        references=references,
        width=width,
        height=height,
        image_tokens=model.resolutions[resolution],
        file_format=file_format,
        quality=quality,
        wants_text="TEXT" in modalities,
        wants_image="IMAGE" in modalities,
        shows_thoughts=config.get("thinkingConfig", {}).get("includeThoughts", False),
        max_tokens=config.get("maxOutputTokens", model.output_tokens),
        seed=config.get("seed"),
    )


def prompt_of(body: Mapping[str, Any]) -> str:
    """Return the text of the last content that is not the model's own."""
    contents = [item for item in body.get("contents", []) if item.get("role") != "model"]
    parts = contents[-1].get("parts", []) if contents else []
    return " ".join(part["text"] for part in parts if "text" in part)


def opened_references(body: Mapping[str, Any]) -> Iterator[Image.Image]:
    """Yield the images that the prompt carries, or raise GoogleError."""
    for turn, content in enumerate(body.get("contents", [])):
        for index, part in enumerate(content.get("parts", [])):
            path = f"contents[{turn}].parts[{index}]"
            if len(part.keys() & {"text", "inlineData", "fileData"}) > 1:
                raise invalid(path, f"Invalid value at '{path}' (oneof), oneof field 'data'.")
            if "inlineData" in part:
                yield opened_part(part["inlineData"], f"{path}.inlineData")
            if "fileData" in part:
                problem = (
                    "Cannot fetch content from the provided URL."  # the simulator fetches nothing
                )
                raise invalid(f"{path}.fileData", problem)


def check_prompt(model: Model, prompt: str, references: int) -> None:
    """Refuse a prompt that is empty, or carries too many images."""
    if not prompt.strip() and not references:
        raise invalid("contents", "* GenerateContentRequest.contents: contents is not specified")
    if references > model.max_references:
        problem = f"at most {model.max_references} images are supported."
        raise invalid("contents", f"Too many images: {problem}")


def check_limits(model: Model, config: Mapping[str, Any]) -> None:
    """Refuse values that are valid for other models only."""
    if config.get("candidateCount", 1) != 1:
        problem = "Multiple candidates is not enabled for this model"
        raise invalid("generation_config.candidate_count", problem)
    if not 1 <= config.get("maxOutputTokens", 1) <= model.output_tokens:
        problem = f"max_output_tokens must be 1 to {model.output_tokens}"
        raise invalid("generation_config.max_output_tokens", problem)
    if "thinkingConfig" in config and not model.thinks:
        problem = "Thinking is not supported for this model."
        raise invalid("generation_config.thinking_config", problem)


def image_size(model: Model, image_config: Mapping[str, Any]) -> str:
    """Return the resolution, or raise GoogleError; Google's names have an upper-case K."""
    given: str | None = image_config.get("imageSize")
    if given is not None and not (model.names_resolution and given in model.resolutions):
        problem = f"Image size '{given}' is not supported for this model."
        raise invalid("generation_config.image_config.image_size", problem)
    return given or "1K"


def aspect_ratio(
    model: Model, image_config: Mapping[str, Any], references: Sequence[Image.Image]
) -> str:
    """Return the ratio: that of the first image in the prompt if none is named, or a square."""
    given: str | None = image_config.get("aspectRatio")
    if given is not None and given not in model.sizes:
        problem = f"Aspect ratio '{given}' is not supported for this model."
        raise invalid("generation_config.image_config.aspect_ratio", problem)
    if given is not None or not references:
        return given or SQUARE
    wanted = references[0].width / references[0].height
    sizes = model.sizes
    return min(sizes, key=lambda ratio: abs(log(sizes[ratio][0] / sizes[ratio][1] / wanted)))
