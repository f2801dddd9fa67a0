"""Handwritten responses of Google's models, and the bindings that lead to them."""

from typing import Any

from tintype_testing.manifests import per_token, tokens
from tintype_testing.sample_images import sample_image

SMALL = sample_image().decode()
LARGE = "iVBO" * 5000

CREDENTIALS = {"api-key": "AIza-secret"}

IMAGEN: dict[str, Any] = {
    "provider": "gemini",
    "dialect": "google-predict",
    "upstreamModel": "imagen-4.0-generate-001",
}
GEMINI: dict[str, Any] = {
    "provider": "gemini",
    "dialect": "google-generate-content",
    "upstreamModel": "gemini-3.1-flash-image",
    "pricing": per_token(
        table=[tokens(747, maxPixels=300_000), tokens(1120)], maxOtherOutputTokens=4096
    ),
}


def shown(data: str = SMALL, **fields: Any) -> dict[str, Any]:
    """Return a part with an image."""
    return {"inlineData": {"mimeType": "image/png", "data": data}} | fields


def candidate(*parts: dict[str, Any], reason: str | None = "STOP", **fields: Any) -> dict[str, Any]:
    """Return a candidate of these parts."""
    return {"content": {"parts": [*parts], "role": "model"}, "finishReason": reason} | fields


def gemini_response(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a response with one candidate of these parts, by default an image."""
    return {"candidates": [candidate(*(parts or (shown(),)))]} | fields


def imagen_response(*data: str, **fields: Any) -> dict[str, Any]:
    """Return a response with these images."""
    return {
        "predictions": [
            {"mimeType": "image/png", "bytesBase64Encoded": encoded} | fields for encoded in data
        ]
    }


def details(**counts: int) -> list[dict[str, Any]]:
    """Return the details of a token count by modality."""
    return [{"modality": name, "tokenCount": count} for name, count in counts.items()]


USAGE: dict[str, Any] = {
    "promptTokenCount": 17,
    "candidatesTokenCount": 1306,
    "totalTokenCount": 1323,
    "promptTokensDetails": details(TEXT=17),
    "candidatesTokensDetails": details(IMAGE=1290),
}
"""What Google was seen to count: the details leave out the caption."""
