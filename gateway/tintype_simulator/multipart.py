"""Parses `multipart/form-data`, without forgiving anything: a body must be complete. Pure."""

from dataclasses import dataclass
from email.message import Message


class MultipartError(ValueError):
    """A body that is not well-formed multipart/form-data; the message says why."""


@dataclass(frozen=True)
class Part:
    """One part of a form."""

    name: str
    filename: str | None
    """The client's name of the file; None where the part is a text."""

    content_type: str | None
    """The media type that the part declares, in lower case and without parameters."""

    content: bytes


def is_multipart(content_type: str) -> bool:
    """Return whether a `Content-Type` header announces a form with files."""
    return content_type.lower().startswith("multipart/form-data")


def parse_multipart(content_type: str, body: bytes) -> list[Part]:
    """Return the parts of a form in the order in which they were sent.

    Args:
        content_type: The request's header, whose `boundary` separates the parts.
        body: The whole body.

    Raises:
        MultipartError: The boundary is missing, or the body breaks the format.
    """
    delimiter = b"--" + boundary_of(content_type)
    if not body.startswith(delimiter):
        raise MultipartError("the body does not begin with the boundary")
    parts: list[Part] = []
    position = len(delimiter)
    while body[position : position + 2] != b"--":
        if body[position : position + 2] != b"\r\n":
            raise MultipartError("the boundary is not at the end of its line")
        head_end = body.find(b"\r\n\r\n", position)
        content_end = body.find(b"\r\n" + delimiter, head_end + 4)
        if head_end < 0 or content_end < 0:
            raise MultipartError("the closing boundary is missing")
        parts.append(parsed_part(body[position + 2 : head_end], body[head_end + 4 : content_end]))
        position = content_end + 2 + len(delimiter)
    return parts


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that the header names, or raise MultipartError."""
    boundary = headers_of(f"content-type: {content_type}".encode()).get_boundary()
    if not boundary:
        raise MultipartError("the Content-Type names no boundary")
    return boundary.encode(errors="surrogateescape")


def parsed_part(head: bytes, content: bytes) -> Part:
    """Return one part, or raise MultipartError where it has no name."""
    headers = headers_of(head)
    name = headers.get_param("name", header="content-disposition")
    if not isinstance(name, str) or not name:
        raise MultipartError("a part has no name")
    declared = headers.get_content_type() if "content-type" in headers else None
    return Part(name, headers.get_filename(), declared, content)


def headers_of(head: bytes) -> Message:
    """Return the headers in a part's head."""
    headers = Message()
    for line in head.decode(errors="replace").split("\r\n"):
        name, _, value = line.partition(":")
        if value:
            headers[name.strip()] = value.strip()
    return headers
