"""What Gemini's image models respond, to `generateContent` and to its stream, wherever they run."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tintype_catalog.costs import TokenUsage
from tintype_gateway.dialects.common import MALFORMED, count, malformed, reason, text, usage_of
from tintype_gateway.dialects.google.errors import read_error
from tintype_gateway.dialects.google.standard_base64 import standard_base64
from tintype_gateway.faults import begun
from tintype_gateway.images import lazy_json as blobs
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage, Preview
from tintype_gateway.values.upstream import UpstreamResponse

_REFUSALS = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
    }
)
"""Why a candidate ends that may not show its image. All others end without one by accident."""

_UNCHARGED = re.compile(r"\bnot be charged\b", re.IGNORECASE)
"""How Google says in `finishMessage` that an image that did not come costs nothing."""

_MAX_ERROR_BYTES = 32 * 1024
"""An event of an error that is longer is judged by its code alone."""

FIRST_IMAGE = None
"""Only the end of a response tells that its first image was no draft."""


def interpret(response: UpstreamResponse) -> CallResult:
    """Return the image, or that it was refused: a refusal, too, is a response of status 200.

    Raises:
        UpstreamFault: The response is not JSON, or it ends without an image and without a refusal.
    """
    try:
        document: Any = blobs.loads(response.body)
        if candidates := document.get("candidates"):
            return _read(candidates[0], document.get("usageMetadata"))
        if (blocked := _block_reason(document)) is not None:
            return CallResult(images=(), rest_refused=True, refusal_reasons=blocked)
    except MALFORMED as error:
        raise malformed() from error
    raise malformed()


def event_reader() -> "EventReader":
    """Return a reader for the events of one call."""
    return EventReader()


class EventReader:
    """Puts a response together that comes part by part.

    An image is whole in one event. One that is a thought, or that another one follows, was a draft
    and serves as a preview.
    """

    def __init__(self) -> None:
        self._parts: list[Mapping[str, Any]] = []
        self._image: Mapping[str, Any] | None = None
        self._usage: Mapping[str, Any] | None = None
        self._reason: object = None
        self._message: object = None
        self._blocked: tuple[str, ...] | None = None

    def read(self, data: bytes | bytearray) -> Sequence[Preview]:
        """Take in what an event adds, and return the drafts that it brings.

        Raises:
            UpstreamFault: The event tells of a fault, or is malformed.
        """
        try:
            document: Any = blobs.loads(data)
            if "error" in document:
                raise _fault_in_stream(document["error"], bytes(data[:_MAX_ERROR_BYTES]))
            self._usage = document.get("usageMetadata") or self._usage
            if self._blocked is None:
                self._blocked = _block_reason(document)
            return tuple(self._take(document.get("candidates")))
        except MALFORMED as error:
            raise malformed() from error

    def end(self) -> CallResult:
        """Return the image, or that it was refused.

        Raises:
            UpstreamFault: The stream ended too soon, or without an image and without a refusal.
        """
        if self._blocked is not None:
            return CallResult(images=(), rest_refused=True, refusal_reasons=self._blocked)
        if self._reason is None:
            raise UpstreamFault("outcome_unknown", "the provider's stream ended too soon")
        parts = [*self._parts, *([self._image] if self._image else [])]
        candidate = {
            "content": {"parts": parts},
            "finishReason": self._reason,
            "finishMessage": self._message,
        }
        try:
            return _read(candidate, self._usage)
        except MALFORMED as error:
            raise malformed() from error

    def _take(self, candidates: Any) -> Iterator[Preview]:
        for candidate in (candidates or ())[:1]:
            self._reason = candidate.get("finishReason") or self._reason
            self._message = candidate.get("finishMessage") or self._message
            for part in (candidate.get("content") or {}).get("parts") or ():
                if "inlineData" not in part:
                    self._parts.append(part)
                elif part.get("thought"):
                    yield _draft(part)
                else:
                    if self._image is not None:
                        yield _draft(self._image)
                    self._image = part


def _draft(part: Mapping[str, Any]) -> Preview:
    return Preview(standard_base64(part["inlineData"]["data"]))


def _block_reason(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the reported reason why the prompt was blocked, or None if it was not."""
    feedback = document.get("promptFeedback") or {}
    blocked = feedback.get("blockReason")
    return reason(blocked, feedback.get("blockReasonMessage")) if blocked else None


def _fault_in_stream(error: Mapping[str, Any], body: bytes) -> UpstreamFault:
    """Return what an event of an error means: the call was under way, so that it may have cost."""
    return begun(read_error(UpstreamResponse(int(error["code"]), {}, body)))


def _read(candidate: Mapping[str, Any], usage: Mapping[str, Any] | None) -> CallResult:
    """Return what a candidate says and shows, apart from its thoughts.

    Of several images all but the last are drafts.
    """
    parts = (candidate.get("content") or {}).get("parts") or ()
    spoken = [part for part in parts if not part.get("thought")]
    images = [part["inlineData"]["data"] for part in spoken if "inlineData" in part]
    said = "".join(text(part.get("text")) or "" for part in spoken).strip()
    if images:
        encoded = standard_base64(images[-1])
        image = GeneratedImage(encoded, revised_prompt=said or None)
        counts, unusable = usage_of(_usage, usage)
        return CallResult(images=(image,), usage=counts, usage_unusable=unusable)
    ended = text(candidate.get("finishReason")) or "no reason"
    if ended in _REFUSALS:
        why = reason(ended, candidate.get("finishMessage") or said)
        return CallResult(images=(), rest_refused=True, refusal_reasons=why)
    if ended == "STOP" and said:  # the model itself declines, in its own words
        return CallResult(images=(), rest_refused=True, refusal_reasons=reason(said))
    raise _without_image(candidate)


def _without_image(candidate: Mapping[str, Any]) -> UpstreamFault:
    """Return the fault of a candidate that ended, and so says that there is no image."""
    ended = text(candidate.get("finishReason"))
    if ended is None or ended == _UNSPECIFIED:
        return UpstreamFault("outcome_unknown", "the model gave neither an image nor a reason")
    uncharged = _UNCHARGED.search(text(candidate.get("finishMessage")) or "") is not None
    name = ended if _NAME.fullmatch(ended) else None
    message = f"the model ended without an image: {name or 'it gives no reason that has a name'}"
    return UpstreamFault("image_missing", message, name, uncharged=uncharged)


_UNSPECIFIED = "FINISH_REASON_UNSPECIFIED"
_NAME = re.compile(r"[A-Z_]{1,40}", re.ASCII)


def _usage(usage: Mapping[str, Any]) -> TokenUsage | None:
    """Read the token counts of a response with an image, if it has any.

    What the details call image is image, and all other output is text: thoughts, and the caption,
    which the details may leave out. Where they do not speak of images, what they do not call text
    is one. The total says best how much output there is: other counts may repeat the thoughts.
    """
    if "candidatesTokenCount" not in usage:
        return None
    prompt, candidates = count(usage["promptTokenCount"]), count(usage["candidatesTokenCount"])
    counted = prompt + candidates + count(usage.get("thoughtsTokenCount") or 0)
    output = count(usage.get("totalTokenCount", counted)) - prompt
    image_input = _modality(usage.get("promptTokensDetails"), "IMAGE") or 0
    image_output = _modality(usage.get("candidatesTokensDetails"), "IMAGE")
    if image_output is None:
        image_output = candidates - (_modality(usage.get("candidatesTokensDetails"), "TEXT") or 0)
    cached = count(usage.get("cachedContentTokenCount") or 0)
    cached_image = _modality(usage.get("cacheTokensDetails"), "IMAGE") or 0
    return TokenUsage(
        text_input=prompt - image_input,
        image_input=image_input,
        image_output=image_output,
        text_output=max(output - image_output, 0),
        cached_text_input=cached - cached_image,
        cached_image_input=cached_image,
    )


def _modality(details: list[Mapping[str, Any]] | None, name: str) -> int | None:
    """Return the tokens of one modality, None where the details do not speak of it."""
    counts = [count(entry["tokenCount"]) for entry in details or () if entry["modality"] == name]
    return sum(counts) if counts else None
