"""A manifest that works with the last release works with this one: docs/api-versions.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tintype_operator.crd import crd_documents

Schema = dict[str, Any]

AT_MOST = ("maximum", "maxLength", "maxItems", "maxProperties")
AT_LEAST = ("minimum", "minLength", "minItems", "minProperties")


def changes(old: Schema, new: Schema, path: str = "") -> Iterator[str]:
    """Yield what makes a schema refuse, or read in another way, what an older one took."""
    for keyword in ("type", "format", "default", "pattern"):
        if keyword in old and old[keyword] != new.get(keyword):
            yield f"{path}: {keyword} {old[keyword]!r} became {new.get(keyword)!r}"
    yield from (f"{path}: is required now" for _ in _required(new) - _required(old))
    yield from (f"{path}: {value!r} is refused now" for value in _enum(old) - _enum(new))
    for keyword in (*AT_MOST, *AT_LEAST):
        if keyword in new and _is_narrower(keyword, old.get(keyword), new[keyword]):
            yield f"{path}: {keyword} {old.get(keyword)} became {new[keyword]}"
    for name, child in old.get("properties", {}).items():
        if name not in new.get("properties", {}):
            yield f"{path}.{name}: is gone"
        else:
            yield from changes(child, new["properties"][name], f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(old.get(inner), dict):
            yield from changes(old[inner], new.get(inner, {}), f"{path}[]")


def _required(schema: Schema) -> set[str]:
    return set(schema.get("required", ()))


def _enum(schema: Schema) -> set[Any]:
    return set(schema.get("enum", ()))


def _is_narrower(keyword: str, old: float | None, new: float) -> bool:
    if old is None:
        return True
    return new < old if keyword in AT_MOST else new > old


def schemas(document: dict[str, Any]) -> dict[str, Schema]:
    """The schema of each version that a definition serves."""
    return {
        version["name"]: version["schema"]["openAPIV3Schema"]
        for version in document["spec"]["versions"]
        if version["served"]
    }


def test_every_field_of_the_last_release_means_the_same(previous_release: Path) -> None:
    now = crd_documents()
    found = [
        f"{path.stem} {version}{change}"
        for path in sorted((previous_release / "crds").glob("*.yaml"))
        for version, schema in schemas(yaml.safe_load(path.read_text())).items()
        for change in changes(schema, schemas(now[path.name])[version])
    ]

    assert found == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"properties": {"a": {"type": "string"}}}, {"properties": {}}),
        ({"type": "string"}, {"type": "integer"}),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}),
        ({"maxLength": 8}, {"maxLength": 7}),
        ({"minimum": 0}, {"minimum": 1}),
        ({"type": "string"}, {"type": "string", "maxLength": 64}),
        ({"required": ["a"]}, {"required": ["a", "b"]}),
        ({"default": 1}, {}),
        ({"items": {"type": "string"}}, {"items": {"type": "object"}}),
    ],
)
def test_what_is_not_allowed_is_found(old: Schema, new: Schema) -> None:
    assert list(changes(old, new))
    assert list(changes(old, old)) == list(changes(new, new)) == []
