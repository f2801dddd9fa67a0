"""The rendered Roles grant the permissions that the programs need, and no others."""

import pytest

from tintype_operator.process.preflight import key_secret_permissions, required_permissions
from tintype_operator.publish.catalog import configmap_names
from tintype_operator.settings import Settings
from tintype_testing.chart import Helm, Object, Values, find
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.waiting import eventually_blocking

RBAC = ("ServiceAccount", "Role", "RoleBinding")

BY_SECRET: Values = {
    "adminApi": {"serviceAccounts": {"enabled": False}, "operatorToken": {"existingSecret": "op"}}
}


@pytest.fixture(scope="module")
def installed(helm: Helm, cluster_with_crds: ControlPlane) -> str:
    """A namespace with the ServiceAccounts and Roles of a release `tintype`."""
    namespace = cluster_with_crds.create_namespace()
    install(helm, cluster_with_crds, namespace, {})
    return namespace


def install(helm: Helm, cluster: ControlPlane, namespace: str, values: Values, *kinds: str) -> None:
    """Create the ServiceAccounts and Roles of a release, and objects of further kinds, and wait
    until the API server knows what both programs may do."""
    objects = helm.objects({"crds": {"upgrade": False}} | values, namespace=namespace)
    cluster.apply(*(each for each in objects if each["kind"] in (*RBAC, *kinds)))

    def may_read(account: str) -> bool:
        return allowed(cluster, namespace, account, "get", "configmaps/tintype-catalog")

    eventually_blocking(lambda: may_read("gateway") and may_read("operator"), "the permissions")


def allowed(cluster: ControlPlane, namespace: str, account: str, verb: str, resource: str) -> bool:
    """Whether a program may do something, in the notation of `ControlPlane.may`."""
    user = f"system:serviceaccount:{namespace}:tintype-{account}"
    return cluster.may(user, verb, resource, namespace)


@pytest.mark.parametrize("name", configmap_names("tintype-catalog"))
@pytest.mark.parametrize("verb", ["get", "list", "watch"])
def test_a_gateway_reads_the_catalog_and_its_parts(
    cluster_with_crds: ControlPlane, installed: str, verb: str, name: str
) -> None:
    assert allowed(cluster_with_crds, installed, "gateway", verb, f"configmaps/{name}")


@pytest.mark.parametrize(
    "request_",
    [
        ("get", "configmaps/another"),
        ("list", "configmaps"),
        ("patch", "configmaps/tintype-catalog"),
        ("get", "secrets/tintype-credentials"),
        ("list", "secrets/tintype-credentials"),
        ("watch", "secrets/tintype-credentials"),
        ("list", "secrets"),
        ("list", "imagemodels.tintype.dev"),
        ("list", "pods"),
        ("create", "events"),
    ],
)
def test_a_gateway_has_no_other_permissions(
    cluster_with_crds: ControlPlane, installed: str, request_: tuple[str, str]
) -> None:
    assert not allowed(cluster_with_crds, installed, "gateway", *request_)


def test_a_gateway_that_watches_its_credentials_may_read_that_secret_and_no_other(
    helm: Helm, cluster_with_crds: ControlPlane, namespace: str
) -> None:
    install(helm, cluster_with_crds, namespace, {"gateway": {"watchCredentials": True}})

    def may(verb: str, secret: str) -> bool:
        return allowed(cluster_with_crds, namespace, "gateway", verb, secret)

    own, every = "secrets/tintype-credentials", ("get", "list", "watch")
    assert [may(verb, own) for verb in every] == [True, True, True]
    assert [may(verb, "secrets/another") for verb in every] == [False, False, False]
    assert not may("list", "secrets")
    assert not may("patch", own)


@pytest.mark.parametrize(
    "request_",
    [
        ("update", "imagemodels.tintype.dev"),
        ("delete", "providerbindings.tintype.dev"),
        ("list", "configmaps"),
        ("patch", "configmaps/another"),
        ("delete", "configmaps/tintype-catalog"),
        ("delete", "secrets"),
        ("update", "accounts.tintype.dev"),
        ("patch", "apikeys.tintype.dev"),
        ("create", "creditgrants.tintype.dev"),
        ("create", "pods"),
        ("create", "roles.rbac.authorization.k8s.io"),
    ],
)
def test_the_operator_may_write_only_its_own_objects(
    cluster_with_crds: ControlPlane, installed: str, request_: tuple[str, str]
) -> None:
    assert not allowed(cluster_with_crds, installed, "operator", *request_)


def test_an_operator_that_writes_no_keys_writes_one_secret_alone(
    helm: Helm, cluster_with_crds: ControlPlane, namespace: str
) -> None:
    install(helm, cluster_with_crds, namespace, {"accounts": {"manageSecrets": False}})

    def may(verb: str, secret: str) -> bool:
        return allowed(cluster_with_crds, namespace, "operator", verb, secret)

    verbs = ("get", "create", "patch")
    assert [may(verb, "secrets/tintype-credentials") for verb in verbs] == [True, True, True]
    assert [may(verb, "secrets/another") for verb in verbs] == [False, False, False]


def lasting_cluster_rules(objects: list[Object]) -> list[Object]:
    """The rules that somebody has in the whole cluster, not only while definitions are upgraded."""
    bound = {
        object_["roleRef"]["name"]
        for object_ in objects
        if object_["kind"] == "ClusterRoleBinding" and _is_lasting(object_)
    }
    return [
        rule
        for object_ in objects
        if object_["kind"] == "ClusterRole" and object_["metadata"]["name"] in bound
        for rule in object_["rules"]
    ]


def test_the_one_lasting_cluster_permission_is_for_token_reviews_and_can_be_turned_off(
    helm: Helm,
) -> None:
    assert lasting_cluster_rules(helm.objects({})) == [
        {
            "apiGroups": ["authentication.k8s.io"],
            "resources": ["tokenreviews"],
            "verbs": ["create"],
        }
    ]

    without = helm.objects(BY_SECRET)
    assert lasting_cluster_rules(without) == []
    assert not [o for o in without if o["kind"] == "ClusterRoleBinding" and _is_lasting(o)]


def _is_lasting(object_: Object) -> bool:
    return "helm.sh/hook" not in object_["metadata"].get("annotations", {})


def test_a_gateway_may_have_tokens_reviewed_and_the_operator_may_not(
    helm: Helm, cluster_with_crds: ControlPlane, namespace: str
) -> None:
    install(helm, cluster_with_crds, namespace, {}, "ClusterRole", "ClusterRoleBinding")

    request = ("create", "tokenreviews.authentication.k8s.io")
    eventually_blocking(
        lambda: allowed(cluster_with_crds, namespace, "gateway", *request), "reviews of tokens"
    )
    assert not allowed(cluster_with_crds, namespace, "operator", *request)


def settings(objects: list[Object]) -> dict[str, str]:
    """The environment of the operator's container, without the fields that depend on its pod."""
    deployment = find(objects, "Deployment", "tintype-operator")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}


def granted(objects: list[Object]) -> set[str]:
    """The permissions of the operator's Role, in the notation of its preflight check."""
    return {
        f"{verb} {'/'.join(part for part in (resource, name) if part)}"
        for rule in find(objects, "Role", "tintype-operator")["rules"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"operator": {"replicas": 2}},
        {"operator": {"manageCredentials": False}},
        {"accounts": {"manageSecrets": False}},
        {"accounts": {"enabled": False}},
    ],
    ids=["defaults", "two replicas", "credentials from elsewhere", "no keys", "no accounts"],
)
def test_the_role_grants_exactly_the_permissions_of_the_preflight_check(
    helm: Helm, monkeypatch: pytest.MonkeyPatch, values: Values
) -> None:
    objects = helm.objects(values)
    for name, value in settings(objects).items():
        monkeypatch.setenv(name, value)

    read = Settings()
    needed = {str(right) for right in required_permissions(read)}
    assert granted(objects) == needed | {str(right) for right in key_secret_permissions(read)}
