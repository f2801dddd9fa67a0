"""The reference is what the code says."""

from typing import Any

import pytest

from tools.reference.bounds import bounds
from tools.reference.markdown import prose, table
from tools.reference.pages import FOLDER, pages


def test_the_reference_is_what_the_code_says() -> None:
    """`make reference` writes it anew."""
    assert {path.name: path.read_text() for path in FOLDER.glob("*.md")} == pages()


TEXT = {"type": "string"}
MORE_THAN_0 = "number, at most 1.5, more than 0"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "boolean"}, "`true` or `false`"),
        ({"type": "integer", "minimum": 0, "maximum": 65535}, "integer, 0 to 65,535"),
        ({"type": "number", "exclusiveMinimum": 0.0, "maximum": 1.5}, MORE_THAN_0),
        ({"type": "string", "maxLength": 64}, "text, at most 64 characters"),
        ({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}, "integer, at least 1"),
        ({"type": "string", "enum": ["", "a", "b"]}, "`a`, `b`"),
        ({"type": "array", "items": TEXT, "maxItems": 3}, "list of text, at most 3 entries"),
        ({"type": "object", "additionalProperties": {}}, "map"),
    ],
)
def test_bounds_are_told_in_words(schema: dict[str, Any], expected: str) -> None:
    assert bounds(schema) == expected


def test_a_text_of_the_code_is_no_markup() -> None:
    assert prose("see <file> and\n  `a<b>` or *") == "see &lt;file> and `a<b>` or \\*"


def test_a_cell_may_hold_a_bar() -> None:
    assert table(("a",), [("`x|y`",)]) == "| a |\n| --- |\n| `x\\|y` |\n"
