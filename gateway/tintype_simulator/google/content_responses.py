"""The bodies of `:generateContent`: what they are made of, refusals, and the count of tokens. Pure.

A field of usage counts what Google's own answers were seen to count, oddities included: the
details of the candidates leave out the caption, and a refusal counts its thoughts twice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from tintype_simulator.control.markers import delivered, is_forbidden, is_forbidden_image
from tintype_simulator.google.content_request import Order
from tintype_simulator.text_tokens import text_tokens

Json = dict[str, object]

THOUGHT_TOKENS = 180
"""What a model that thinks takes for it; with real ones, it is some hundreds."""


@dataclass(frozen=True)
class Piece:
    """One part of an answer: a text, or else an image."""

    text: str = ""
    is_draft: bool = False
    is_thought: bool = False


def pieces(order: Order) -> Iterator[Piece]:
    """Yield the parts of an answer that is not refused."""
    if order.shows_thoughts or has_marker(order.prompt, "with-thoughts"):
        yield Piece("I sketch the scene before I paint it.", is_thought=True)
        yield Piece(is_draft=True, is_thought=True)
    if order.wants_text:
        yield Piece(caption(order))
    if order.wants_image:
        if has_marker(order.prompt, "two-images"):
            yield Piece(is_draft=True)
        yield Piece()


def caption(order: Order) -> str:
    """Return what the model says beside its image."""
    return f"Here is the image you asked for: {order.prompt}"


def refused(order: Order) -> Json | None:
    """Return the answer to a prompt that leads to no image, or None."""
    if is_forbidden(order.prompt) or any(map(is_refused, order.references)):
        tokens = prompt_tokens(order)
        counts: Json = {"promptTokenCount": tokens, "totalTokenCount": tokens}
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": counts}
    if not delivered(order.prompt, 1):
        message = "Unable to show the generated image. It violates Google's policies."
        return without_image(order, {"content": {}, "finishMessage": message}, "IMAGE_SAFETY")
    if has_marker(order.prompt, "imageless"):
        return without_image(order, {"content": {"role": "model"}}, "NO_IMAGE")
    if has_marker(order.prompt, "declined"):
        apology: Json = {"text": "I would rather not paint that. Shall I try something else?"}
        return without_image(order, {"content": content([apology])}, "STOP")
    if thought_tokens(order) + candidate_tokens(order) > order.max_tokens:
        return without_image(order, {"content": {"role": "model"}}, "MAX_TOKENS")
    return None


def without_image(order: Order, candidate: Json, reason: str) -> Json:
    """Return an answer whose one candidate holds no image."""
    thoughts = thought_tokens(order)
    counts: Json = {
        "promptTokenCount": prompt_tokens(order),
        "candidatesTokenCount": thoughts,
        "totalTokenCount": prompt_tokens(order) + thoughts,
    }
    if thoughts:
        counts["thoughtsTokenCount"] = thoughts
    return {
        "candidates": [{**candidate, "finishReason": reason, "index": 0}],
        "usageMetadata": counts,
    }


def with_parts(parts: list[Json]) -> Json:
    """Return the beginning of an answer, or all of it but its end."""
    return {"candidates": [{"content": content(parts), "index": 0}]}


def finished(order: Order, parts: list[Json]) -> Json:
    """Return the end of an answer, or all of it: only here it tells why it stops, and its cost."""
    candidate = {"content": content(parts), "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage(order)}


def content(parts: list[Json]) -> Json:
    """Return what the model says."""
    return {"parts": parts, "role": "model"}


def usage(order: Order) -> Json:
    """Return the tokens of an answer that is not refused."""
    prompt, thoughts = prompt_tokens(order), thought_tokens(order)
    candidates = candidate_tokens(order)
    inputs = [modality("TEXT", text_tokens(order.prompt))]
    if order.references:
        inputs.append(modality("IMAGE", reference_tokens(order)))
    counts: Json = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": candidates,
        "totalTokenCount": prompt + candidates + thoughts,
        "promptTokensDetails": inputs,
    }
    if order.wants_image:
        counts["candidatesTokensDetails"] = [modality("IMAGE", image_tokens(order))]
    if thoughts:
        counts["thoughtsTokenCount"] = thoughts
    return counts | cached_tokens(order)


def cached_tokens(order: Order) -> Json:
    """Return the cached part of the input, for a prompt with the word `cached`: one half."""
    if not has_marker(order.prompt, "cached"):
        return {}
    text, image = text_tokens(order.prompt) // 2, reference_tokens(order) // 2
    details = [modality("TEXT", text), *([modality("IMAGE", image)] if image else [])]
    return {"cachedContentTokenCount": text + image, "cacheTokensDetails": details}


def is_refused(image: Image.Image) -> bool:
    """Return whether an image in the prompt is refused for its content."""
    return is_forbidden_image(image.convert("RGB"))


def modality(name: str, tokens: int) -> Json:
    """Return one entry of the details of a count."""
    return {"modality": name, "tokenCount": tokens}


def prompt_tokens(order: Order) -> int:
    """Return the input tokens."""
    return text_tokens(order.prompt) + reference_tokens(order)


def reference_tokens(order: Order) -> int:
    """Return the input tokens of the images in the prompt."""
    return len(order.references) * order.model.reference_tokens


def candidate_tokens(order: Order) -> int:
    """Return the output tokens that are no thoughts: those of images and caption."""
    return image_tokens(order) + (text_tokens(caption(order)) if order.wants_text else 0)


def image_tokens(order: Order) -> int:
    """Return the output tokens of all images that are no thoughts."""
    images = [piece for piece in pieces(order) if not piece.text and not piece.is_thought]
    return len(images) * order.image_tokens


def thought_tokens(order: Order) -> int:
    """Return the tokens of the model's thoughts."""
    return THOUGHT_TOKENS if order.model.thinks else 0


def has_marker(prompt: str, word: str) -> bool:
    """Return whether the prompt holds a word by itself, where hyphens are parts of words."""
    return re.search(rf"(?<![\w-]){word}(?![\w-])", prompt, re.IGNORECASE) is not None
