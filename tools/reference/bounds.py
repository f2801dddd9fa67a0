"""What values a JSON schema allows, in words."""

from typing import Any

Schema = dict[str, Any]

WORDS = {"integer": "integer", "number": "number", "string": "text", "boolean": "`true` or `false`"}


def bounds(schema: Schema) -> str:
    """Return the type of a value and its bounds, such as `integer, 1 to 10`."""
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(options) == 1:
        return bounds({name: part for name, part in schema.items() if name != "anyOf"} | options[0])
    if "enum" in schema:
        words = [str(word) for word in schema["enum"] if word != ""]
        return ", ".join(f"`{word}`" for word in words)
    if schema.get("format") in ("path", "date", "date-time"):
        return {"path": "path", "date": "date", "date-time": "time"}[schema["format"]]
    kind = schema.get("type", "")
    if kind == "array":
        items = bounds(schema.get("items", {}))
        return f"list of {items}" + _span(schema, "Items", " entries") if items else "list"
    if kind == "object":
        return "object" if "properties" in schema else "map"
    low, high = schema.get("minimum"), schema.get("maximum")
    low_open, high_open = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    limits = [
        text
        for bound, text in (
            (low if high is None else None, f"at least {_number(low)}"),
            (high if low is None else None, f"at most {_number(high)}"),
            (low_open, f"more than {_number(low_open)}"),
            (high_open, f"less than {_number(high_open)}"),
        )
        if bound is not None
    ]
    if low is not None and high is not None:
        limits.insert(0, f"{_number(low)} to {_number(high)}")
    return ", ".join([WORDS.get(kind, "text"), *limits]) + _span(schema, "Length", " characters")


def _span(schema: Schema, name: str, unit: str) -> str:
    most = schema.get(f"max{name}")
    return "" if most is None else f", at most {_number(most)}{unit}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}".removesuffix(".0")
