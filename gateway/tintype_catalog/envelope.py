"""Cuts the text of a catalog into the texts of its items, in many short steps."""

import json
import re
from typing import Any

ARRAYS = frozenset({"models", "bindings"})
"""The members that are cut."""

_SPACE = re.compile(r"[ \t\n\r]*")
_decode = json.JSONDecoder().raw_decode


def cut(text: bytes) -> dict[str, Any]:
    """Return the members of a JSON object, with a tuple of texts for each array of items.

    Python's parser finds where each item ends: whether it is valid is for its model to say. One
    call for all of a large catalog would keep other threads from running until it has ended.

    Raises:
        ValueError: The text is not a JSON object in UTF-8.
    """
    return _Scanner(text.decode()).members()


class _Scanner:
    """Reads a text from the start to the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def members(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        self._require("{")
        is_last = self._take("}")
        while not is_last:
            self._skip()
            name = self._value()
            self._require(":")
            if not isinstance(name, str):
                raise self._error()
            members[name] = self._member(name)
            is_last = self._ends("}")
        self._skip()
        if self._at < len(self._text):
            raise self._error()
        return members

    def _member(self, name: str) -> Any:
        self._skip()
        return self._items() if name in ARRAYS and self._take("[") else self._value()

    def _items(self) -> tuple[str, ...]:
        items: list[str] = []
        is_last = self._take("]")
        while not is_last:
            self._skip()
            start = self._at
            self._value()
            items.append(self._text[start : self._at])
            is_last = self._ends("]")
        return tuple(items)

    def _value(self) -> Any:
        try:
            value, self._at = _decode(self._text, self._at)
        except RecursionError as error:
            raise self._error() from error
        return value

    def _ends(self, closing: str) -> bool:
        """Step over a comma or the closing bracket, and return whether it was the bracket."""
        if self._take(closing):
            return True
        self._require(",")
        return False

    def _require(self, character: str) -> None:
        if not self._take(character):
            raise self._error()

    def _take(self, character: str) -> bool:
        """Step over a character, if it is the next one after spaces."""
        self._skip()
        found = self._text.startswith(character, self._at)
        self._at += found
        return found

    def _skip(self) -> None:
        matched = _SPACE.match(self._text, self._at)
        self._at = matched.end() if matched else self._at

    def _error(self) -> ValueError:
        return ValueError(f"invalid JSON at character {self._at}")
