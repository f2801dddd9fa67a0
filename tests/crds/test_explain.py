"""`kubectl explain` describes every field of every kind."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tintype_operator.crd import crd_documents
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.waiting import eventually_blocking

OPENAPI = "/openapi/v3/apis/tintype.dev/v1alpha1"
"""What kubectl explains resources by."""

KINDS = {
    document["spec"]["names"]["kind"]: document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for document in crd_documents().values()
}
"""The schema of each kind."""


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each field below a schema; elements of lists and maps have the path of their field."""
    for name, child in schema.get("properties", {}).items():
        yield f"{path}.{name}", child
        yield from fields(child, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            yield from fields(schema[inner], path)


@pytest.fixture(scope="module")
def published(cluster_with_crds: ControlPlane) -> dict[str, dict[str, Any]]:
    """The schema of each kind as the API server publishes it."""

    def schemas() -> dict[str, dict[str, Any]]:
        document = cluster_with_crds.fetch(OPENAPI) or {"components": {"schemas": {}}}
        named = document["components"]["schemas"]
        found = {kind: named.get(f"dev.tintype.v1alpha1.{kind}") for kind in KINDS}
        return found if all(found.values()) else {}

    return eventually_blocking(schemas, "the schemas of all kinds")


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_published_with_a_description(
    published: dict[str, dict[str, Any]], kind: str
) -> None:
    found = dict(fields(published[kind]))

    assert set(dict(fields(KINDS[kind]))) <= set(found)
    assert [path for path, field in found.items() if not described(field)] == []
    assert published[kind]["description"]


def described(field: dict[str, Any]) -> bool:
    return bool(field.get("description", "").strip())


def listed(explained: str) -> Iterator[str]:
    """Yield the path of each field that `kubectl explain --recursive` lists by its indentation."""
    path: list[str] = []
    for line in explained.partition("FIELDS:\n")[2].splitlines():
        if field := re.fullmatch(r"( +)([\w-]+)\t<.*", line):
            depth = len(field[1]) // 2
            path[depth - 1 :] = [field[2]]
            yield "." + ".".join(path)


@pytest.mark.parametrize("kind", KINDS)
def test_explain_lists_every_field(
    cluster_with_crds: ControlPlane, published: dict[str, dict[str, Any]], kind: str
) -> None:
    explained = cluster_with_crds.kubectl("explain", kind.lower(), "--recursive")

    assert {path for path, _ in fields(KINDS[kind])} - set(listed(explained)) == set()


@pytest.mark.parametrize(
    "path", ["im.spec.size", "pb.spec.pricing", "acct.status", "ak.spec.rotation", "cg.spec"]
)
def test_explain_shows_a_description_of_each_field(
    cluster_with_crds: ControlPlane, published: dict[str, dict[str, Any]], path: str
) -> None:
    explained = cluster_with_crds.kubectl("explain", path)

    assert "<no description>" not in explained
    assert "<empty>" not in explained
    for block in explained.split("FIELDS:")[1].strip().split("\n\n"):
        assert re.search(r"\n    \S", block), block
