"""Who may call the admin API of a release."""

from typing import Any

import pytest

from tintype_gateway.auth.admin.review import parse_service_accounts
from tintype_testing.chart import Helm, Object, Values, find

TOKENS_DIR = "/etc/tintype/admin-tokens"

BY_SECRET: Values = {
    "serviceAccounts": {"enabled": False},
    "operatorToken": {"existingSecret": "operator-token", "key": "secret"},
}


def gateway_pod(objects: list[Object]) -> dict[str, Any]:
    return dict(find(objects, "Deployment", "tintype-gateway")["spec"]["template"]["spec"])


def environ(objects: list[Object]) -> dict[str, Any]:
    (container,) = gateway_pod(objects)["containers"]
    return {entry["name"]: entry.get("value") for entry in container["env"]}


def token_sources(objects: list[Object]) -> list[dict[str, Any]]:
    """The Secrets that are mounted in the folder of tokens."""
    pod = gateway_pod(objects)
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    sources: list[dict[str, Any]] = []
    for volume in pod["volumes"]:
        if mounts[volume["name"]] == TOKENS_DIR:
            sources += volume["projected"]["sources"]
    return sources


def test_the_operator_is_an_admin_by_its_service_account(helm: Helm) -> None:
    objects = helm.objects({})

    account = find(objects, "Deployment", "tintype-operator")["spec"]["template"]["spec"][
        "serviceAccountName"
    ]
    roles = parse_service_accounts(environ(objects)["TINTYPE_ADMIN_SERVICE_ACCOUNTS"])
    assert roles == {f"images/{account}": "admin"}
    assert token_sources(objects) == []
    assert "TINTYPE_ADMIN_TOKENS_DIR" not in environ(objects)


def test_further_service_accounts_have_the_roles_of_the_values(helm: Helm) -> None:
    named = {"ci/deploy": "keys", "images/tintype-operator": "viewer"}
    objects = helm.objects({"adminApi": {"serviceAccounts": {"roles": named}}})

    roles = parse_service_accounts(environ(objects)["TINTYPE_ADMIN_SERVICE_ACCOUNTS"])
    assert roles == {"ci/deploy": "keys", "images/tintype-operator": "admin"}


def test_a_secret_of_named_tokens_is_the_folder_of_tokens(helm: Helm) -> None:
    objects = helm.objects({"adminApi": {"tokens": {"existingSecret": "admins"}}})

    assert environ(objects)["TINTYPE_ADMIN_TOKENS_DIR"] == TOKENS_DIR
    assert token_sources(objects) == [{"secret": {"name": "admins"}}]


def test_without_reviews_the_operator_is_an_admin_by_a_secret(helm: Helm) -> None:
    objects = helm.objects({"adminApi": BY_SECRET | {"tokens": {"existingSecret": "admins"}}})

    items = [{"key": "secret", "path": "operator.admin"}]
    assert token_sources(objects) == [
        {"secret": {"name": "admins"}},
        {"secret": {"name": "operator-token", "items": items}},
    ]
    assert "TINTYPE_ADMIN_SERVICE_ACCOUNTS" not in environ(objects)
    rendered = [rule for item in objects if item["kind"] == "ClusterRole" for rule in item["rules"]]
    assert "tokenreviews" not in str(rendered)


def test_the_admin_port_is_open_to_the_operator_and_to_those_in_the_values_only(
    helm: Helm,
) -> None:
    objects = helm.objects({"networkPolicy": {"enabled": True}})
    policy = find(objects, "NetworkPolicy", "tintype-gateway")["spec"]
    (admin,) = [rule for rule in policy["ingress"] if {"port": "admin"} in rule["ports"]]

    components = [
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in admin["from"]
    ]
    assert components == ["operator", "test"]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"serviceAccounts": {"roles": {"deploy": "keys"}}}, "deploy"),
        ({"serviceAccounts": {"roles": {"ci/deploy": "editor"}}}, "deploy"),
        ({"tokens": {"existingSecret": "a secret"}}, "existingSecret"),
    ],
)
def test_a_wrong_admin_is_refused(helm: Helm, values: Values, named: str) -> None:
    assert named in helm.complaint({"adminApi": values})
