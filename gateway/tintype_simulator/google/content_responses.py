"""The bodies of `:generateContent`: parts, refusals, and the count of tokens. Pure.

Each field of usage counts what it was seen to count in Google's own responses, oddities included:
the details of the candidates leave out the caption, and a refusal counts its thoughts twice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from tintype_simulator.control.markers import delivered, is_forbidden, is_forbidden_image
from tintype_simulator.google.content_request import ContentRequest
from tintype_simulator.text_tokens import text_tokens

Json = dict[str, object]

THOUGHT_TOKENS = 180
"""The tokens of a model's thoughts. Real models use some hundreds."""


@dataclass(frozen=True)
class Piece:
    """One part of a response: a text, or else an image."""

    text: str = ""
    is_draft: bool = False
    is_thought: bool = False


def pieces(content_request: ContentRequest) -> Iterator[Piece]:
    """Yield the parts of a response that is no refusal."""
    if content_request.shows_thoughts or has_marker(content_request.prompt, "with-thoughts"):
        yield Piece("I sketch the scene before I paint it.", is_thought=True)
        yield Piece(is_draft=True, is_thought=True)
    if content_request.wants_text:
        yield Piece(caption(content_request))
    if content_request.wants_image:
        if has_marker(content_request.prompt, "two-images"):
            yield Piece(is_draft=True)
        yield Piece()


def caption(content_request: ContentRequest) -> str:
    """Return what the model says beside its image."""
    return f"Here is the image you asked for: {content_request.prompt}"


def refused(content_request: ContentRequest) -> Json | None:
    """Return the response to a prompt that leads to no image, or None."""
    if is_forbidden(content_request.prompt) or any(map(is_refused, content_request.references)):
        tokens = prompt_tokens(content_request)
        counts: Json = {"promptTokenCount": tokens, "totalTokenCount": tokens}
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": counts}
    if not delivered(content_request.prompt, 1):
        message = "Unable to show the generated image. It violates Google's policies."
        return without_image(
            content_request, {"content": {}, "finishMessage": message}, "IMAGE_SAFETY"
        )
    if has_marker(content_request.prompt, "imageless"):
        return without_image(content_request, {"content": {"role": "model"}}, "NO_IMAGE")
    if has_marker(content_request.prompt, "declined"):
        apology: Json = {"text": "I would rather not paint that. Shall I try something else?"}
        return without_image(content_request, {"content": content([apology])}, "STOP")
    if (
        thought_tokens(content_request) + candidate_tokens(content_request)
        > content_request.max_tokens
    ):
        return without_image(content_request, {"content": {"role": "model"}}, "MAX_TOKENS")
    return None


def without_image(content_request: ContentRequest, candidate: Json, reason: str) -> Json:
    """Return a response whose one candidate holds no image."""
    thoughts = thought_tokens(content_request)
    counts: Json = {
        "promptTokenCount": prompt_tokens(content_request),
        "candidatesTokenCount": thoughts,
        "totalTokenCount": prompt_tokens(content_request) + thoughts,
    }
    if thoughts:
        counts["thoughtsTokenCount"] = thoughts
    return {
        "candidates": [{**candidate, "finishReason": reason, "index": 0}],
        "usageMetadata": counts,
    }


def with_parts(parts: list[Json]) -> Json:
    """Return a chunk of a streamed response that is not the last."""
    return {"candidates": [{"content": content(parts), "index": 0}]}


def finished(content_request: ContentRequest, parts: list[Json]) -> Json:
    """Return a whole response, or the last chunk of one: only it has finish reason and usage."""
    candidate = {"content": content(parts), "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage(content_request)}


def content(parts: list[Json]) -> Json:
    """Return what the model says."""
    return {"parts": parts, "role": "model"}


def usage(content_request: ContentRequest) -> Json:
    """Return the tokens of a response that is no refusal."""
    prompt, thoughts = prompt_tokens(content_request), thought_tokens(content_request)
    candidates = candidate_tokens(content_request)
    inputs = [modality("TEXT", text_tokens(content_request.prompt))]
    if content_request.references:
        inputs.append(modality("IMAGE", reference_tokens(content_request)))
    counts: Json = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": candidates,
        "totalTokenCount": prompt + candidates + thoughts,
        "promptTokensDetails": inputs,
    }
    if content_request.wants_image:
        counts["candidatesTokensDetails"] = [modality("IMAGE", image_tokens(content_request))]
    if thoughts:
        counts["thoughtsTokenCount"] = thoughts
    return counts | cached_tokens(content_request)


def cached_tokens(content_request: ContentRequest) -> Json:
    """Return the cached part of the input, for a prompt with the word `cached`: one half."""
    if not has_marker(content_request.prompt, "cached"):
        return {}
    text, image = text_tokens(content_request.prompt) // 2, reference_tokens(content_request) // 2
    details = [modality("TEXT", text), *([modality("IMAGE", image)] if image else [])]
    return {"cachedContentTokenCount": text + image, "cacheTokensDetails": details}


def is_refused(image: Image.Image) -> bool:
    """Return whether an image in the prompt is refused for its content."""
    return is_forbidden_image(image.convert("RGB"))


def modality(name: str, tokens: int) -> Json:
    """Return one entry of the details of a count."""
    return {"modality": name, "tokenCount": tokens}


def prompt_tokens(content_request: ContentRequest) -> int:
    """Return the input tokens."""
    return text_tokens(content_request.prompt) + reference_tokens(content_request)


def reference_tokens(content_request: ContentRequest) -> int:
    """Return the input tokens of the images in the prompt."""
    return len(content_request.references) * content_request.model.reference_tokens


def candidate_tokens(content_request: ContentRequest) -> int:
    """Return the output tokens without thoughts: those of images and caption."""
    return image_tokens(content_request) + (
        text_tokens(caption(content_request)) if content_request.wants_text else 0
    )


def image_tokens(content_request: ContentRequest) -> int:
    """Return the output tokens of all images, without those in thoughts."""
    images = [piece for piece in pieces(content_request) if not piece.text and not piece.is_thought]
    return len(images) * content_request.image_tokens


def thought_tokens(content_request: ContentRequest) -> int:
    """Return the tokens of the model's thoughts."""
    return THOUGHT_TOKENS if content_request.model.thinks else 0


def has_marker(prompt: str, word: str) -> bool:
    """Return whether the prompt holds a word by itself, where hyphens are parts of words."""
    return re.search(rf"(?<![\w-]){word}(?![\w-])", prompt, re.IGNORECASE) is not None
