"""The values of the chart that pages show are values of the chart, and change what it renders."""

import pytest
import yaml

from tests.pages.blocks import Block, claim
from tintype_testing.chart import Helm, find
from tintype_testing.helm import HelmMissingError, find_helm
from tintype_testing.requirements import missing

VALUES = [
    *claim(__name__, "docs/guardrails.md", "yaml"),
    *claim(__name__, "docs/hosted-providers.md", "yaml"),
    *claim(__name__, "docs/kubernetes.md", "yaml", having="adminFrom"),
    *claim(__name__, "docs/observability.md", "yaml"),
    *claim(__name__, "docs/scaling.md", "yaml"),
]

NEEDED = {
    "jobs": {"database": {"existingSecret": "database"}, "s3": {"bucket": "images"}},
}
"""What a page says elsewhere about the values of a section."""

RIGHTS = claim(__name__, "docs/operations.md", "yaml")
TOKEN_REVIEWS = claim(__name__, "docs/accounts.md", "yaml", having="tokenreviews")

Right = tuple[str, str, str, str]
"""An API group, a resource, the name of an object or `*`, and a verb."""


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    try:
        return Helm(find_helm(), None, tmp_path_factory.mktemp("helm"))
    except HelmMissingError as error:
        missing(str(error))


@pytest.mark.parametrize("block", VALUES, ids=str)
def test_values_change_what_the_chart_renders(helm: Helm, block: Block) -> None:
    values = yaml.safe_load(block.code)
    needed = {name: part for key in values for name, part in NEEDED.get(key, {}).items()}

    assert helm.render(needed | values) != helm.render(needed)


def rights(rules: list[dict[str, list[str]]]) -> set[Right]:
    """Everything that rules of a Role allow; the parts of a large catalog are the catalog."""
    return {
        (group, resource, name, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", ["*"])
        for verb in rule["verbs"]
        if "-part-" not in name
    }


def test_the_roles_of_the_page_are_those_of_the_chart(helm: Helm) -> None:
    (block,) = RIGHTS
    operator, gateway = (document["rules"] for document in yaml.safe_load_all(block.code))
    release = helm.objects({"operator": {"replicas": 2}, "gateway": {"watchCredentials": True}})

    assert rights(operator) == rights(find(release, "Role", "tintype-operator")["rules"])
    assert rights(gateway) == rights(find(release, "Role", "tintype-gateway")["rules"])


def test_the_cluster_role_of_the_page_is_that_of_the_chart(helm: Helm) -> None:
    (block,) = TOKEN_REVIEWS
    roles = [each for each in helm.objects({}) if each["kind"] == "ClusterRole"]
    (reviews,) = [each["rules"] for each in roles if "tokenreviews" in str(each["rules"])]

    assert rights(yaml.safe_load(block.code)["rules"]) == rights(reviews)
