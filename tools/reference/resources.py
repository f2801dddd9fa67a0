"""The page of the custom resources, from their CustomResourceDefinitions."""

from collections.abc import Iterator
from typing import Any

from tintype_operator.crd import crd_documents
from tools.reference.bounds import Schema, bounds
from tools.reference.markdown import prose, table

INTRODUCTION = """# Resources

The resources of the group `tintype.dev`. `kubectl explain` shows the same texts for the version
that a cluster has. [The catalog](../catalog.md) and [Accounts as
resources](../accounts-as-resources.md) explain them with examples.

In the names of fields, `[]` is an entry of a list, and `*` any name in a map. A required field is
required where the object that holds it is there.
"""

HEADS = ("Field", "Value", "Meaning")


def page() -> str:
    """Return the page."""
    return INTRODUCTION + "".join(_resource(document["spec"]) for document in _sorted())


def _sorted() -> list[dict[str, Any]]:
    return sorted(crd_documents().values(), key=lambda document: document["spec"]["names"]["kind"])


def _resource(spec: dict[str, Any]) -> str:
    names = spec["names"]
    short = ", ".join(f"`{name}`" for name in (names["plural"], *names["shortNames"]))
    parts = [f"\n## {names['kind']}\n"]
    for version in spec["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        api = f"`apiVersion: {spec['group']}/{version['name']}`"
        parts.append(f"\n{prose(schema['description'])} {api}; kubectl knows it as {short}.\n")
        for part in ("spec", "status"):
            rows = _fields(schema["properties"][part], part)
            parts.append(f"\n### {names['kind']} {part}\n\n{table(HEADS, rows)}")
    return "".join(parts)


def _fields(schema: Schema, path: str) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of an object's rules and of all fields below it."""
    if rules := _rules(schema):
        yield f"`{path}`", "", rules
    required = schema.get("required", ())
    for name, child in schema.get("properties", {}).items():
        below, inner = _inner(f"{path}.{name}", child)
        value = bounds(child) + (", required" if name in required else "")
        if child.get("default") not in (None, "", [], {}):
            value += f", default `{_plain(child['default'])}`"
        is_leaf = "properties" not in inner
        meaning = prose(child.get("description", ""))
        yield f"`{path}.{name}`", value, f"{meaning} {_rules(child) if is_leaf else ''}".strip()
        if not is_leaf:
            yield from _fields(inner, below)


def _inner(path: str, schema: Schema) -> tuple[str, Schema]:
    """Return what a list or a map holds, with its path; any other schema is itself."""
    if "items" in schema:
        return _inner(f"{path}[]", schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        return _inner(f"{path}.*", schema["additionalProperties"])
    return path, schema


def _rules(schema: Schema) -> str:
    messages = [each["message"] for each in schema.get("x-kubernetes-validations", ())]
    return f"Rules: {prose('; '.join(messages))}." if messages else ""


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
