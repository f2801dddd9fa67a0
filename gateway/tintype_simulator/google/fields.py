"""Reads Google's JSON as its servers do: by a schema, in which an unknown field is an error.

Protocol Buffers name a field `aspect_ratio` and print it as `aspectRatio`; both are valid, even
mixed, because Google's own SDKs mix them. `null` stands for a field that is not there.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tintype_simulator.google.errors import GoogleError, invalid, unknown_name

Reader = Callable[[object, str], Any]
"""Returns the value of a field, given its JSON and the path that leads to it.

Raises:
    GoogleError: The JSON is not of the field's type.
"""


def decoded(body: bytes) -> object:
    """Return the JSON of a body."""
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise GoogleError("Invalid JSON payload received.") from error


def message(schema: Mapping[str, Reader]) -> Reader:
    """Return the reader of an object with these fields, by their camelCase names."""

    def read(value: object, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid(path, f"Invalid value at '{path or 'body'}': expected an object.")
        fields = {}
        for name, part in value.items():
            known = camel_case(name)
            if known not in schema:
                raise unknown_name(name, path)
            if part is not None:
                fields[known] = schema[known](part, f"{path}.{known}" if path else known)
        return fields

    return read


def repeated(element: Reader) -> Reader:
    """Return the reader of a list."""

    def read(value: object, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise invalid(path, f"Invalid value at '{path}': expected a list.")
        return [element(part, f"{path}[{index}]") for index, part in enumerate(value)]

    return read


def choice(*values: str, any_case: bool = False) -> Reader:
    """Return the reader of a text that must be one of these."""

    def read(value: object, path: str) -> str:
        name = text(value, path).upper() if any_case else text(value, path)
        if name not in values:
            raise invalid(path, f"Invalid value at '{path}': \"{value}\".")
        return name

    return read


def within(lowest: float, highest: float, reader: Reader) -> Reader:
    """Return the reader of a number within bounds."""

    def read(value: object, path: str) -> Any:
        if not lowest <= reader(value, path) <= highest:
            problem = f"must be from {lowest} to {highest}, inclusive, but is {value}."
            raise invalid(path, f"Invalid value at '{path}': {problem}")
        return value

    return read


def text(value: object, path: str) -> str:
    """Read a text, which must be one in Unicode."""
    if not isinstance(value, str) or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise invalid(path, f"Invalid value at '{path}' (TYPE_STRING), {json.dumps(value)}")
    return value


def integer(value: object, path: str) -> int:
    """Read an integer (to JSON, a boolean is no number)."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(path, f"Invalid value at '{path}' (TYPE_INT32), {json.dumps(value)}")
    return value


def number(value: object, path: str) -> float:
    """Read a number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise invalid(path, f"Invalid value at '{path}' (TYPE_FLOAT), {json.dumps(value)}")
    return value


def boolean(value: object, path: str) -> bool:
    """Read a boolean."""
    if not isinstance(value, bool):
        raise invalid(path, f"Invalid value at '{path}' (TYPE_BOOL), {json.dumps(value)}")
    return value


def file(value: object, path: str) -> bytes:
    """Read base64 in either alphabet, padded or not."""
    standard = text(value, path).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (ValueError, binascii.Error) as error:
        problem = f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed"
        raise invalid(path, problem) from error


def anything(value: object, path: str) -> object:
    """Accept a field that does not affect images."""
    return value


def camel_case(name: str) -> str:
    """Return the name as JSON has it."""
    return re.sub("_([a-z0-9])", lambda match: match[1].upper(), name)


OUTPUT_OPTIONS = message(
    {
        "mimeType": choice("image/png", "image/jpeg"),
        "compressionQuality": within(0, 100, integer),
    }
)
"""The format of an image, where a request may choose it."""


def output_format(options: Mapping[str, Any]) -> tuple[str, int]:
    """Return the renderer's name of the format, and the quality of a JPEG (0 to 100)."""
    mime_type: str = options.get("mimeType", "image/png")
    return mime_type.removeprefix("image/"), options.get("compressionQuality", 75)
