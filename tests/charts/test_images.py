"""The Dockerfile, the lock files and skaffold.yaml agree with each other and with the chart."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tintype_testing.chart import Helm, Values, find
from tintype_testing.locks import pins

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SKAFFOLD: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text())


def test_the_operator_is_locked_to_the_versions_that_the_tests_run() -> None:
    assert {pin.identity for pin in pins("operator")} - {
        pin.identity for pin in pins("dev")
    } == set()


def test_no_image_contains_the_dependencies_of_the_other_or_of_builds() -> None:
    def names(lock: str) -> set[str]:
        return {pin.name for pin in pins(lock)}

    assert names("gateway") & {"kopf", "hatchling"} == set()
    assert names("operator") & {"pillow", "asyncpg", "aioboto3", "hatchling"} == set()


def test_files_that_the_dockerfile_copies_exist_and_are_not_ignored() -> None:
    kept = (ROOT / ".dockerignore").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = [source for line in copied for source in line.split()]

    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in kept


def test_the_base_of_every_stage_can_be_pinned_by_its_digest() -> None:
    bases = re.findall(r"^FROM (\S+) AS (\S+)", DOCKERFILE, re.MULTILINE)
    foreign = {base for base, _ in bases} - {stage for _, stage in bases}
    shown = (ROOT / "docs/kubernetes.md").read_text()

    assert foreign == {"${PYTHON_IMAGE}"}
    assert DOCKERFILE.index("ARG PYTHON_IMAGE=") < DOCKERFILE.index("FROM ")
    assert "--build-arg PYTHON_IMAGE=$base " in shown
    assert "base=$base@$(docker buildx imagetools inspect $base" in shown


def test_the_programs_do_not_run_as_root() -> None:
    _, operator, gateway = re.split(r"^FROM runtime AS ", DOCKERFILE, flags=re.MULTILINE)

    assert "\nUSER 65532:65532\n" in operator
    assert "\nUSER 65532:65532\n" in gateway


def test_skaffold_builds_stages_of_the_dockerfile_by_the_names_of_the_chart(helm: Helm) -> None:
    artifacts = {a["image"]: a["docker"]["target"] for a in SKAFFOLD["build"]["artifacts"]}
    objects = helm.objects({})

    for image, target in artifacts.items():
        assert f" AS {target}\n" in DOCKERFILE
        deployment = find(objects, "Deployment", f"tintype-{target}")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert container["image"].partition(":")[0] == image


def nested(flat: dict[str, Any]) -> Values:
    """Nested values, from keys that are paths with dots."""
    values: Values = {}
    for path, value in flat.items():
        *parents, last = path.split(".")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return values


@pytest.mark.parametrize("profile", SKAFFOLD["profiles"], ids=lambda profile: profile["name"])
def test_the_chart_accepts_the_values_of_a_skaffold_profile(
    helm: Helm, profile: dict[str, Any]
) -> None:
    (release,) = SKAFFOLD["deploy"]["helm"]["releases"]
    (patch,) = profile["patches"]
    images = dict.fromkeys(release["setValueTemplates"], "built")

    objects = helm.objects(nested(patch["value"] | images), namespace=release["namespace"])

    (container,) = find(objects, "Deployment", "tintype-operator")["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["image"] == "built:built"
