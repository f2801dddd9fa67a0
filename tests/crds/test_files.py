"""`crds/` is what the models say, and says all that the style of the project demands."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import BaseModel, Field

from tests.crds.examples import MANIFESTS
from tintype_operator.crd import crd_documents, crd_yaml
from tintype_operator.schema import SchemaError, structural_schema
from tintype_testing.cluster.control_plane import CRDS


def test_the_files_are_those_that_the_models_generate() -> None:
    assert {path.name: path.read_text() for path in CRDS.glob("*.yaml")} == crd_yaml()


def test_the_files_hold_the_documents() -> None:
    assert {name: yaml.safe_load(text) for name, text in crd_yaml().items()} == crd_documents()


def nodes(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            yield from nodes(schema[inner], f"{path}[]")


def all_nodes() -> list[tuple[str, dict[str, Any]]]:
    versions = [document["spec"]["versions"][0] for document in crd_documents().values()]
    return [
        node
        for version in versions
        for node in nodes(version["schema"]["openAPIV3Schema"], "object")
    ]


def test_every_field_is_described() -> None:
    undescribed = [
        path for path, node in all_nodes() if "description" not in node and not path.endswith("[]")
    ]

    assert undescribed == []


@pytest.mark.parametrize(
    ("kind", "bounds"),
    [
        ("string", {"maxLength", "enum", "format"}),
        ("integer", {"maximum"}),
        ("array", {"maxItems"}),
    ],
)
def test_everything_is_bounded(kind: str, bounds: set[str]) -> None:
    unbounded = [
        path
        for path, node in all_nodes()
        if node.get("type") == kind and not bounds & node.keys() and "status" not in path
    ]

    assert unbounded == []


def test_every_map_has_a_greatest_size() -> None:
    maps = [(path, node) for path, node in all_nodes() if "additionalProperties" in node]

    assert maps
    assert [path for path, node in maps if "maxProperties" not in node] == []


def fields_used(node: Any, path: str = "object.spec") -> Iterator[str]:
    """Yield the path of each field, where all parameters have one shape, and all operations."""
    if isinstance(node, dict):
        for name, child in node.items():
            step = "*" if path.endswith((".parameters", ".operations")) else name
            yield f"{path}.{step}"
            yield from fields_used(child, f"{path}.{step}")
    elif isinstance(node, list):
        for child in node:
            yield from fields_used(child, f"{path}[]")


def test_the_examples_of_these_tests_use_every_field() -> None:
    used = {path for manifest in MANIFESTS.values() for path in fields_used(manifest["spec"])}
    shared = {re.sub(r"(\.(parameters|operations))\.\w+", r"\1.*", path) for path, _ in all_nodes()}

    fields = {path for path in shared if ".spec." in path and "status" not in path}
    assert {path for path in fields if not path.endswith("[]")} - used == set()


class Reference(BaseModel):
    """A thing."""

    name: str


class Sample(BaseModel):
    """A sample."""

    model_config = {"use_attribute_docstrings": True}

    optional: Reference | None = None
    """What the field
    says of itself."""

    keyed: dict[Annotated[str, Field(pattern=r"^\d$", max_length=1)], int] = {}

    one: Literal["only"]

    anything: Any = None


def test_a_model_becomes_a_structural_schema() -> None:
    assert structural_schema(Sample) == {
        "type": "object",
        "description": "A sample.",
        "required": ["one"],
        "properties": {
            "optional": {
                "type": "object",
                "description": "What the field says of itself.",
                "required": ["name"],
                "properties": {"name": {"type": "string"}},
            },
            "keyed": {
                "type": "object",
                "additionalProperties": {"type": "integer"},
                "x-kubernetes-validations": [
                    {
                        "rule": 'self.all(key, key.matches("^\\\\d$") && size(key) <= 1)',
                        "message": "keys must match ^\\d$ and have at most 1 characters",
                    }
                ],
            },
            "one": {"type": "string", "enum": ["only"]},
            "anything": {"x-kubernetes-preserve-unknown-fields": True},
        },
    }


class Union(BaseModel):
    either: int | str


class Exclusive(BaseModel):
    above: Annotated[int, Field(gt=0)]


class Pair(BaseModel):
    pair: tuple[int, str]


@pytest.mark.parametrize("model", [Union, Exclusive, Pair])
def test_a_schema_without_a_structural_equivalent_is_refused_by_its_path(
    model: type[BaseModel],
) -> None:
    (field,) = model.model_fields

    with pytest.raises(SchemaError, match=rf"{model.__name__}\.{field}"):
        structural_schema(model)
