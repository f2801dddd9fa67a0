"""How large the bodies of requests with images may be, and what those that are refused get."""

from dataclasses import dataclass, field

from tintype_gateway.errors import BadRequestError, PayloadTooLargeError
from tintype_gateway.http.connection_limits import BodyPace


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """The bounds of one body, whichever form it has."""

    total_bytes: int = 1024**3
    """The whole body, as it arrives."""

    images: int = 16
    """How many images, without the mask."""

    file_bytes: int = 50 * 1024**2
    """One file. OpenAI takes less than 50 MB."""

    fields: int = 64
    """How many fields of text a form has."""

    text_bytes: int = 128 * 1024
    """One field of text. A prompt of 32,000 characters has at most 128,000 bytes."""

    data_url_characters: int = 20_971_520
    """One data URL of a JSON body, as at OpenAI."""

    document_bytes: int = 1024**2
    """A JSON body without its data URLs."""

    fetch_seconds: float = 30
    """The time in which all images at https URLs must be fetched."""

    pace: BodyPace = field(default_factory=BodyPace)


def refused(param: str, problem: str, code: str = "invalid_type") -> BadRequestError:
    """Return the error of a field that has a problem, such as `expected a file`."""
    shown = shown_name(param)
    return BadRequestError(f"{shown}: {problem}", code=code, param=shown)


def too_large(param: str, bound: str) -> PayloadTooLargeError:
    """Return the error of a field that goes beyond a bound, such as `at most 3 bytes`."""
    shown = shown_name(param)
    return PayloadTooLargeError(f"{shown}: must have {bound}", param=shown)


def shown_name(name: str) -> str:
    """Return the name of a field as messages show it: the client's word, and bounded."""
    return name[:64].encode("ascii", "replace").decode()
