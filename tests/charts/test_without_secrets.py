"""A release whose operator has no permission on Secrets: what works then, and what says that it
does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.charts.test_permissions import allowed, install
from tests.charts.test_programs import environment
from tintype_testing.account_manifests import account, api_key, credit_grant
from tintype_testing.accounts_product import AccountsProduct, running_accounts_product, sdk
from tintype_testing.chart import Helm, Values, find
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.operator import CREDENTIALS

VALUES: Values = {
    "operator": {"manageCredentials": False},
    "accounts": {"manageSecrets": False},
    "crds": {"upgrade": False},
}


@pytest.fixture
def product(
    helm: Helm, cluster_with_crds: ControlPlane, tmp_path: Path
) -> Iterator[AccountsProduct]:
    """The programs, of which the operator has the settings and the permissions of the chart."""
    with running_accounts_product(cluster_with_crds, tmp_path) as product:
        objects = helm.objects(VALUES, namespace=product.namespace)
        rules = find(objects, "Role", "tintype-operator")["rules"]
        product.operator.kubeconfig = cluster_with_crds.service_account_kubeconfig(
            product.namespace, "tintype-operator", rules
        )
        given = environment(objects, "operator")
        own = ("TINTYPE_MANAGE_CREDENTIALS", "TINTYPE_MANAGE_KEY_SECRETS")
        product.start_operator(**{name: given[name] for name in own})
        yield product


@pytest.fixture(scope="module")
def installed(helm: Helm, cluster_with_crds: ControlPlane) -> str:
    """A namespace with the ServiceAccounts and Roles of the release."""
    namespace = cluster_with_crds.create_namespace()
    install(helm, cluster_with_crds, namespace, VALUES)
    return namespace


@pytest.mark.parametrize("verb", ["get", "list", "watch", "create", "update", "patch", "delete"])
def test_the_operator_may_do_nothing_with_any_secret(
    cluster_with_crds: ControlPlane, installed: str, verb: str
) -> None:
    for name in ("secrets", f"secrets/{CREDENTIALS}"):
        assert not allowed(cluster_with_crds, installed, "operator", verb, name)


def test_models_accounts_and_grants_work_and_keys_say_why_they_do_not(
    product: AccountsProduct,
) -> None:
    operator = product.operator
    operator.apply(*product.serve("canvas"), account("team"), api_key("team", account="team"))
    operator.apply(credit_grant("first", account="team"))

    product.wait("im/canvas", "pb/canvas-openai", "account/team", "creditgrant/first")
    condition = product.wait_for_reason("apikey", "team", "SecretForbidden")
    assert condition["status"] == "False"
    assert "may not read and write the Secret `team`" in condition["message"]

    resolved = operator.condition("providerbinding", "canvas-openai", "ResolvedRefs")
    assert (resolved["status"], resolved["reason"]) == ("True", "SecretsNotChecked")
    assert "Secret/openai" in resolved["message"]
    assert operator.condition("imagemodel", "canvas", "ResolvedRefs")["reason"] == "ResolvedRefs"

    assert operator.get("secret", "team") == {}
    assert operator.get("secret", CREDENTIALS) == {}
    assert operator.process.running()
    assert "secrets is forbidden" not in operator.process.output()

    key = product.admin("POST", "/keys", {"account": "team"})["key"]
    with sdk({"OPENAI_API_KEY": key, "OPENAI_BASE_URL": product.api}) as client:
        image = client.images.generate(model="canvas", prompt="a lighthouse")
    assert image.data is not None
    assert image.data[0].b64_json
