"""The chart package of `make dist` is what helm would pack, and installs as the folder does."""

import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tintype_catalog.__about__ import __version__
from tintype_testing.chart import CHART, Helm, Object, Values
from tintype_testing.cluster.building import KUBERNETES_VERSION
from tools.release.chart_package import package

REGISTRY = "registry.example.com/team"

SOURCE = "https://example.com/team/tintype"

CHANGES = [{"kind": "added", "description": "One thing: another."}]

CRDS = CHART.parents[1] / "crds"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    return package(CHART, tmp_path, epoch=1_800_000_000, changes=[])


@pytest.fixture
def released(tmp_path: Path) -> Path:
    return package(
        CHART, tmp_path, epoch=1_800_000_000, changes=CHANGES, registry=REGISTRY, source=SOURCE
    )


def rendered(helm: Helm, chart: Path, values: Values) -> list[Object]:
    version = KUBERNETES_VERSION.removeprefix("v")
    text = helm.run("template", "tintype", str(chart), "--kube-version", version, values=values)
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def shown(helm: Helm, chart: Path) -> dict[str, Any]:
    metadata: dict[str, Any] = yaml.safe_load(helm.run("show", "chart", str(chart)))
    return metadata


def annotation(helm: Helm, chart: Path, name: str) -> Any:
    return yaml.safe_load(shown(helm, chart)["annotations"][f"artifacthub.io/{name}"])


def test_it_holds_what_helm_would_pack(helm: Helm, packed: Path, tmp_path: Path) -> None:
    helm.run("package", str(CHART), "--destination", str(tmp_path / "helm"))

    with tarfile.open(packed) as ours, tarfile.open(tmp_path / "helm" / packed.name) as helms:
        assert set(ours.getnames()) == set(helms.getnames())


def test_it_renders_as_the_folder_does(helm: Helm, packed: Path) -> None:
    catalog = {"enabled": True, "simulated": True}
    values: Values = {"starterCatalog": catalog, "simulator": {"enabled": True}}

    assert rendered(helm, packed, values) == rendered(helm, CHART, values)


def test_that_of_a_release_takes_its_images_from_the_releases_registry(
    helm: Helm, released: Path
) -> None:
    objects = rendered(helm, released, {})

    images = {
        container["image"]
        for each in objects
        if each["kind"] == "Deployment"
        for container in each["spec"]["template"]["spec"]["containers"]
    }
    assert images == {f"{REGISTRY}/tintype-{n}:{__version__}" for n in ("gateway", "operator")}


def test_artifact_hub_is_told_the_images_the_changes_and_the_source(
    helm: Helm, released: Path
) -> None:
    assert annotation(helm, released, "images") == [
        {"name": name, "image": f"{REGISTRY}/tintype-{name}:{__version__}"}
        for name in ("gateway", "operator")
    ]
    assert annotation(helm, released, "changes") == CHANGES
    assert shown(helm, released)["sources"] == [SOURCE]


def test_artifact_hub_is_told_every_crd(helm: Helm, packed: Path) -> None:
    told = {(crd["kind"], crd["version"], crd["name"]) for crd in annotation(helm, packed, "crds")}
    documents = [yaml.safe_load(path.read_text()) for path in CRDS.glob("*.yaml")]

    assert told == {
        (each["spec"]["names"]["kind"], version["name"], each["metadata"]["name"])
        for each in documents
        for version in each["spec"]["versions"]
    }


def test_helm_lint_reports_nothing(helm: Helm, released: Path) -> None:
    assert "0 chart(s) failed" in helm.run("lint", "--strict", "--kube-version=1.35", str(released))
