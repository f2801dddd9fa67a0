"""Reads bodies as these servers do, and lets each say in its own words what is wrong. Pure."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tintype_simulator.dialect import Handler, SimulatedResponse
from tintype_simulator.multipart import MultipartError, is_multipart, parse_multipart


@dataclass(eq=False)
class Refused(Exception):
    """A request that a server does not serve; the response says why, in the server's own form."""

    response: SimulatedResponse


class Malformed(ValueError):
    """A body that is neither JSON nor a form where the server needs one; the message says why."""


@dataclass(frozen=True)
class Form:
    """A form with files. Where a field comes several times, its last text counts."""

    texts: Mapping[str, str]
    files: Mapping[str, tuple[bytes, ...]]

    def first_files(self, names: Iterable[str]) -> tuple[bytes, ...]:
        """Return the files of the first of these fields that has any."""
        return next((self.files[name] for name in names if name in self.files), ())


def read_json(body: bytes) -> dict[str, Any]:
    """Return the fields of a JSON body, without those that are null.

    Raises:
        Malformed: The body is not a JSON object.
    """
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"invalid JSON: {error}") from error
    if not isinstance(fields, dict):
        raise Malformed("the body must be a JSON object")
    return {name: value for name, value in fields.items() if value is not None}


def read_form(content_type: str, body: bytes) -> Form:
    """Return the texts and the files of a form.

    Raises:
        Malformed: The body is not a form of the type multipart/form-data.
    """
    if not is_multipart(content_type):
        raise Malformed("request Content-Type isn't multipart/form-data")
    try:
        parts = parse_multipart(content_type, body)
    except MultipartError as error:
        raise Malformed(str(error)) from error
    files: dict[str, tuple[bytes, ...]] = {}
    for part in parts:
        if part.filename is not None:
            files[part.name] = (*files.get(part.name, ()), part.content)
    texts = {
        part.name: part.content.decode(errors="replace") for part in parts if part.filename is None
    }
    return Form(texts, files)


def with_numbers(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the texts of a form with those that are JSON numbers as numbers."""
    return {name: number(text) for name, text in texts.items()}


def number(text: str) -> int | float | str:
    """Return a text as the number that it writes, or as it is."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def file_of_text(text: str) -> bytes:
    """Return the file in a base64 text, with or without the head of a data URL.

    Raises:
        ValueError: The text is something else, such as another URL: the simulator downloads
            nothing.
    """
    encoded = text.partition(";base64,")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError("the image is neither base64 nor a data URL") from error


def encoded(content: bytes) -> str:
    """Return a file in base64."""
    return base64.b64encode(content).decode()


def refusing(handler: Handler) -> Handler:
    """Return the handler with its refusals turned into responses."""

    async def respond(request: Any) -> SimulatedResponse:
        try:
            return await handler(request)
        except Refused as refused:
            return refused.response

    return respond
