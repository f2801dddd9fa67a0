"""Rules for the JSON body of a request, with the messages of Bedrock's own validator.

Each rule checks a decoded JSON value and raises BedrockError with the JSON pointer of the first
error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
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
"""The validator's names of the types that a decoded body may hold."""


class Rule(Protocol):
    """A condition on one JSON value."""

    def check(self, value: Any, pointer: str) -> None:
        """Raise BedrockError unless the value at that JSON pointer fulfills the condition."""


@dataclass(frozen=True)
class Text:
    """A string, with bounds on the number of its characters."""

    shortest: int = 0
    longest: int = 100_000_000
    pattern: str = ""
    """A regular expression that the whole string must match."""

    def check(self, value: Any, pointer: str) -> None:
        """Raise BedrockError unless the value is such a string."""
        check_type(value, pointer, str)
        if len(value) < self.shortest:
            complaint = f"expected minLength: {self.shortest}, actual: {len(value)}"
            raise malformed(pointer, complaint)
        if len(value) > self.longest:
            raise malformed(pointer, f"expected maxLength: {self.longest}, actual: {len(value)}")
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise malformed(pointer, f"string [{value}] does not match pattern ^{self.pattern}$")


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def check(self, value: Any, pointer: str) -> None:
        """Raise BedrockError unless the value is a boolean."""
        check_type(value, pointer, bool)


@dataclass(frozen=True)
class Choice:
    """One string of a list."""

    values: tuple[str, ...]
    any_case: bool = False

    def check(self, value: Any, pointer: str) -> None:
        """Raise BedrockError unless the value is in the list."""
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
        """Raise BedrockError unless the value is such a number."""
        check_type(value, pointer, int, *(() if self.whole else (float,)))
        if value < self.lowest:
            raise malformed(pointer, f"{value} is not greater or equal to {self.lowest}")
        if value > self.highest:
            raise malformed(pointer, f"{value} is not less or equal to {self.highest}")
        if self.whole and value % self.multiple_of:
            raise malformed(pointer, f"{value} is not a multiple of {self.multiple_of}")


@dataclass(frozen=True)
class Items:
    """A list whose items all follow one rule."""

    rule: Rule
    fewest: int
    most: int

    def check(self, value: Any, pointer: str) -> None:
        """Raise BedrockError unless the value is such a list."""
        check_type(value, pointer, list)
        if len(value) < self.fewest:
            complaint = f"expected minimum item count: {self.fewest}, found: {len(value)}"
            raise malformed(pointer, complaint)
        if len(value) > self.most:
            complaint = f"expected maximum item count: {self.most}, found: {len(value)}"
            raise malformed(pointer, complaint)
        for index, item in enumerate(value):
            self.rule.check(item, f"{pointer}/{index}")


@dataclass(frozen=True)
class Record:
    """An object whose keys are all known."""

    fields: Mapping[str, Rule]
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    """The object must have exactly one of these keys; empty: there is no such condition."""

    dependent: Mapping[str, str] = field(default_factory=dict)
    """Keys that are allowed only together with another key."""

    def check(self, value: Any, pointer: str) -> None:
        """Raise BedrockError unless the value is such an object."""
        check_type(value, pointer, dict)
        needed = (
            *self.required,
            *(self.dependent[name] for name in self.dependent if name in value),
        )
        for name in needed:
            if name not in value:
                raise malformed(pointer, f"required key [{name}] not found")
        for name, member in value.items():
            if name not in self.fields:
                raise malformed(pointer, f"extraneous key [{name}] is not permitted")
            self.fields[name].check(member, f"{pointer}/{name}")
        matched = sum(name in value for name in self.one_of)
        if self.one_of and matched != 1:
            complaint = f"{matched} subschemas matched instead of one ({', '.join(self.one_of)})"
            raise malformed(pointer, complaint)


@dataclass(frozen=True)
class Variants:
    """An object with a key whose value decides which other keys there may be."""

    key: str
    records: Mapping[str, Record]
    """The rule for the whole object, by the value of the key. The records leave the key out."""

    default: str | None = None
    """The value where an object lacks the key; None: the key is required."""

    def check(self, value: Any, pointer: str) -> None:
        """Raise BedrockError unless the object follows the rule that its key names."""
        check_type(value, pointer, dict)
        if self.key not in value and self.default is None:
            raise malformed(pointer, f"required key [{self.key}] not found")
        name = value.get(self.key, self.default)
        Choice(tuple(self.records)).check(name, f"{pointer}/{self.key}")
        others = {key: member for key, member in value.items() if key != self.key}
        self.records[name].check(others, pointer)


def check_type(value: object, pointer: str, *wanted: type) -> None:
    """Raise BedrockError unless the value has one of these JSON types, where true is no number."""
    if type(value) not in wanted:
        expected = JSON_TYPES[wanted[-1]]
        raise malformed(pointer, f"expected type: {expected}, found: {JSON_TYPES[type(value)]}")
