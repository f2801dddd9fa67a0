"""The rules for the body of a request, whose breach is told as Bedrock's own validator tells it.

Each rule checks a decoded JSON value and raises BedrockError with the JSON pointer of the first
fault.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tintype_simulator.bedrock.errors import malformed

JSON_TYPES: dict[type, str] = {
    str: "String",
    int: "Integer",
    float: "Number",
    bool: "Boolean",
    list: "JSONArray",
    dict: "JSONObject",
    type(None): "Null",
}
"""What the validator calls the types that a decoded body may hold."""


class Rule(Protocol):
    """What one value must be like."""

    def check(self, value: Any, pointer: str) -> None:
        """Raise BedrockError unless the value at that JSON pointer is right."""


@dataclass(frozen=True)
class Text:
    """A string of so many characters."""

    shortest: int = 0
    longest: int = 10_000_000

    def check(self, value: Any, pointer: str) -> None:
        """Raise BedrockError unless it is one."""
        check_type(value, pointer, str)
        if len(value) < self.shortest:
            complaint = f"expected minLength: {self.shortest}, actual: {len(value)}"
            raise malformed(pointer, complaint)
        if len(value) > self.longest:
            raise malformed(pointer, f"expected maxLength: {self.longest}, actual: {len(value)}")


@dataclass(frozen=True)
class Choice:
    """One of a few strings."""

    values: tuple[str, ...]
    any_case: bool = False

    def check(self, value: Any, pointer: str) -> None:
        """Raise BedrockError unless it is one."""
        check_type(value, pointer, str)
        if (value.lower() if self.any_case else value) not in self.values:
            raise malformed(pointer, f"{value} is not a valid enum value")


@dataclass(frozen=True)
class Number:
    """A number within bounds."""

    lowest: float
    highest: float
    whole: bool = True
    multiple_of: int = 1

    def check(self, value: Any, pointer: str) -> None:
        """Raise BedrockError unless it is one."""
        check_type(value, pointer, int, *(() if self.whole else (float,)))
        if value < self.lowest:
            raise malformed(pointer, f"{value} is not greater or equal to {self.lowest}")
        if value > self.highest:
            raise malformed(pointer, f"{value} is not less or equal to {self.highest}")
        if self.whole and value % self.multiple_of:
            raise malformed(pointer, f"{value} is not a multiple of {self.multiple_of}")


@dataclass(frozen=True)
class Record:
    """An object of which every key is known."""

    fields: Mapping[str, Rule]
    required: tuple[str, ...] = ()

    def check(self, value: Any, pointer: str) -> None:
        """Raise BedrockError unless it is one."""
        check_type(value, pointer, dict)
        for name in self.required:
            if name not in value:
                raise malformed(pointer, f"required key [{name}] not found")
        for name, part in value.items():
            if name not in self.fields:
                raise malformed(pointer, f"extraneous key [{name}] is not permitted")
            self.fields[name].check(part, f"{pointer}/{name}")


def check_type(value: object, pointer: str, *wanted: type) -> None:
    """Raise BedrockError unless the value is of a wanted JSON type (there, true is no number)."""
    if type(value) not in wanted:
        expected = JSON_TYPES[wanted[-1]]
        raise malformed(pointer, f"expected type: {expected}, found: {JSON_TYPES[type(value)]}")
