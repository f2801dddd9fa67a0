"""The way to the next version of the kinds that docs/api-versions.md describes, with objects that a
real API server stores."""

import itertools
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from tests.crds.examples import MANIFESTS
from tests.pages.blocks import claim
from tintype_accounts.resources import ACCOUNTS_KINDS
from tintype_catalog.resources import KINDS, parse_kind
from tintype_operator.crd import VERSIONS, Version, crd_documents
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.waiting import eventually_blocking

OLD, NEW = "v1alpha1", "v1beta1"

WARNING = "tintype.dev/v1alpha1 is deprecated: write tintype.dev/v1beta1"

INTRODUCED = (Version(OLD, storage=True), Version(NEW))
DEPRECATED = (Version(OLD, deprecation=WARNING), Version(NEW, storage=True))
ENDED = (Version(OLD, served=False), Version(NEW, storage=True))
REMOVED = (Version(NEW, storage=True),)
"""The three steps of the page, and what may follow the last one."""

REFUSAL = "must remain in spec.versions"

(MIGRATION,) = claim(__name__, "docs/api-versions.md", "sh")

NAMES = {
    document["spec"]["names"]["kind"]: document["spec"]["names"]["plural"]
    for document in crd_documents().values()
}
"""The plural of each kind."""

PATTERNED = {"usd": "0.05", "validFrom": "2026-03-01T09:00:00Z"}


class Stored(NamedTuple):
    """An object with a name of its own in the namespace of a test."""

    kind: str
    name: str


def sample(schema: dict[str, Any], name: str = "") -> Any:
    """A value with every field of a schema."""
    match schema:
        case {"properties": dict(properties)}:
            return {field: sample(each, field) for field, each in properties.items()}
        case {"items": dict(items)}:
            return [sample(items)]
        case {"enum": [first, *_]}:
            return first
        case {"format": "date-time"}:
            return "2026-03-01T09:00:00Z"
        case {"type": "integer"}:
            return 1
    return PATTERNED.get(name, "a")


def status(kind: str) -> dict[str, Any]:
    """A status with every field that the kind has."""
    (schema,) = (
        document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for document in crd_documents().values()
        if document["spec"]["names"]["kind"] == kind
    )
    return dict(sample(schema["properties"]["status"]))


class Objects:
    """One object of each example, in a namespace of its own, and the definitions in any step."""

    def __init__(self, cluster: ControlPlane, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.all = [Stored(each["kind"], name) for name, each in MANIFESTS.items()]

    def create(self) -> None:
        """Create all, each with a status, in the old version."""
        self.apply(*MANIFESTS.values())
        for stored in self.all:
            path = self.path(stored, OLD)
            found = self.cluster.fetch(path)
            assert found is not None
            self.cluster.put(f"{path}/status", found | {"status": status(stored.kind)})

    def apply(self, *manifests: dict[str, Any], version: str = OLD) -> None:
        """Apply objects as their author, by manifests of a version."""
        assert self.try_apply(*manifests, version=version) == ""

    def try_apply(self, *manifests: dict[str, Any], version: str) -> str:
        """What the API server has against these manifests."""
        versioned = [each | {"apiVersion": f"tintype.dev/{version}"} for each in manifests]
        apply = ("apply", "--server-side", "--namespace", self.namespace, "-f", "-")
        text = "\n---\n".join(map(json.dumps, versioned))
        ended = self.cluster.try_kubectl(*apply, stdin=text)
        return ended.stderr if ended.returncode else ""

    def path(self, stored: Stored, version: str) -> str:
        collection = f"/apis/tintype.dev/{version}/namespaces/{self.namespace}"
        return f"{collection}/{NAMES[stored.kind]}/{stored.name}"

    def read(self, version: str) -> dict[Stored, dict[str, Any]]:
        """All objects as clients of a version see them, but for what each write changes."""
        return {each: self.read_one(each, version) for each in self.all}

    def read_one(self, stored: Stored, version: str) -> dict[str, Any]:
        found = self.cluster.fetch(self.path(stored, version))
        assert found is not None
        assert found.pop("apiVersion") == f"tintype.dev/{version}"
        for written in ("managedFields", "resourceVersion"):
            del found["metadata"][written]
        return found

    def stored_versions(self, objects: Sequence[Stored]) -> set[str]:
        """The versions in which the database has these objects."""
        keys = (f"{NAMES[kind]}/{self.namespace}/{name}" for kind, name in objects)
        stored = (self.cluster.stored(f"/registry/tintype.dev/{key}") for key in keys)
        return {each["apiVersion"].removeprefix("tintype.dev/") for each in stored}

    def step(self, versions: Sequence[Version]) -> None:
        """Apply the definitions of a step, and wait until objects are stored by them."""
        assert self.try_step(versions) == ""
        served = {version.name for version in versions if version.served}
        eventually_blocking(lambda: self._served() == served, f"{served} and no other versions")
        self.cluster.forget_discovery()
        (storage,) = (version.name for version in versions if version.storage)
        eventually_blocking(lambda: self._stores(storage), f"objects that are stored as {storage}")

    def _served(self) -> set[str]:
        group = self.cluster.fetch("/apis/tintype.dev") or {"versions": []}
        return {each["version"] for each in group["versions"]}

    def try_step(self, versions: Sequence[Version]) -> str:
        """What the API server has against the definitions of a step."""
        text = "\n---\n".join(map(json.dumps, crd_documents(versions).values()))
        apply = ("apply", "--server-side", "--force-conflicts", "-f", "-")
        return self.cluster.try_kubectl(*apply, stdin=text).stderr

    def _stores(self, version: str) -> bool:
        """Whether an object of each kind that is written now is stored in this version."""
        by_kind = {each["kind"]: each for each in MANIFESTS.values()}
        probe = {
            "apiVersion": f"tintype.dev/{version}",
            "metadata": {"name": "probe", "labels": {"at": str(next(self._writes))}},
        }
        probes = [Stored(kind, "probe") for kind in by_kind]
        written = (
            self.cluster.try_apply(self.path(each, version), by_kind[each.kind] | probe)
            for each in probes
        )
        return all(written) and self.stored_versions(probes) == {version}

    _writes = itertools.count()

    def migrate(self, to: str = NEW) -> None:
        """Run the commands of the page."""
        script = MIGRATION.code.replace(NEW, to)
        path = f"{self.cluster.binaries}:{os.environ['PATH']}"
        environ = os.environ | {"KUBECONFIG": str(self.cluster.kubeconfig), "PATH": path}
        command = ["bash", "-euo", "pipefail", "-c", script]
        ended = subprocess.run(command, env=environ, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr

    def recorded_versions(self) -> set[str]:
        """The versions in which objects may be stored, by the definitions."""
        path = "jsonpath={.items[*].status.storedVersions[*]}"
        definitions = [f"crd/{plural}.tintype.dev" for plural in NAMES.values()]
        return set(self.cluster.kubectl("get", *definitions, "-o", path).split())


@pytest.fixture(scope="module")
def objects(cluster_with_crds: ControlPlane) -> Iterator[Objects]:
    """Objects of the old version; afterwards the cluster has that version alone, as before."""
    objects = Objects(cluster_with_crds, cluster_with_crds.create_namespace())
    objects.create()
    yield objects
    objects.step(INTRODUCED)
    objects.migrate(to=OLD)
    objects.step(VERSIONS)


@pytest.fixture
def introduced(objects: Objects) -> Objects:
    """At the first step, whatever the test before did."""
    objects.step(INTRODUCED)
    return objects


@pytest.mark.parametrize(("first", "then"), [(OLD, NEW), (NEW, OLD)])
def test_a_manifest_of_another_version_is_of_the_same_object(
    introduced: Objects, first: str, then: str
) -> None:
    named = Stored("Account", f"written-as-{first}")
    manifest = MANIFESTS["team-a"] | {"metadata": {"name": named.name}}
    introduced.apply(manifest, version=first)
    created = introduced.read_one(named, first)
    without = {k: v for k, v in manifest["spec"].items() if k != "models"}

    introduced.apply(manifest | {"spec": without | {"suspended": True}}, version=then)

    changed = introduced.read_one(named, first)
    assert changed["metadata"]["uid"] == created["metadata"]["uid"]
    assert changed["spec"] == without | {"suspended": True}


def test_a_release_can_be_rolled_back_by_one_step_and_not_by_two(introduced: Objects) -> None:
    assert introduced.try_step(VERSIONS) == ""
    introduced.step(INTRODUCED)

    introduced.step(DEPRECATED)

    assert REFUSAL in introduced.try_step(VERSIONS)
    assert introduced.try_step(INTRODUCED) == ""


def test_kubectl_warns_of_the_deprecated_version(introduced: Objects) -> None:
    introduced.step(DEPRECATED)

    asked = ("get", "--raw", "/apis/tintype.dev/v1alpha1/imagemodels?limit=1")
    eventually_blocking(
        lambda: WARNING in introduced.cluster.try_kubectl(*asked).stderr, "the warning"
    )


def test_a_version_is_not_removed_while_objects_may_be_stored_in_it(introduced: Objects) -> None:
    introduced.step(ENDED)

    assert REFUSAL in introduced.try_step(REMOVED)


def test_no_field_is_lost_on_the_way_to_the_next_version(introduced: Objects) -> None:
    before = introduced.read(OLD)
    assert {each["status"]["observedGeneration"] for each in before.values()} == {1}
    assert introduced.read(NEW) == before

    introduced.step(DEPRECATED)
    assert introduced.stored_versions(introduced.all) == {OLD}
    assert introduced.read(OLD) == introduced.read(NEW) == before

    introduced.migrate()
    assert introduced.stored_versions(introduced.all) == {NEW}
    assert introduced.recorded_versions() == {NEW}
    assert introduced.read(OLD) == introduced.read(NEW) == before

    introduced.step(ENDED)
    assert introduced.read(NEW) == before
    introduced.step(REMOVED)
    after = introduced.read(NEW)
    assert after == before
    for found in after.values():
        manifest = found | {"apiVersion": f"tintype.dev/{OLD}"}
        assert not isinstance(parse_kind(manifest, {**KINDS, **ACCOUNTS_KINDS}), list)
