"""Who may grant money, who may make keys, and who may describe accounts are three roles."""

from functools import partial

import pytest

from tintype_testing.chart import Helm, Object
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.waiting import eventually_blocking

KINDS = ("accounts", "apikeys", "creditgrants")

NO_JOB = {"crds": {"upgrade": False}}

EDITORS = {"account-editor": "accounts", "key-editor": "apikeys", "grant-editor": "creditgrants"}


@pytest.fixture(scope="module")
def installed(helm: Helm, cluster_with_crds: ControlPlane) -> str:
    """A namespace with a RoleBinding for each of the release's ClusterRoles, to a user of its
    name, and one for a user `viewer` of Kubernetes's own role `view`."""
    namespace = cluster_with_crds.create_namespace()
    objects = helm.objects(NO_JOB, namespace=namespace)
    roles = [found for found in objects if found["kind"] == "ClusterRole" and is_of_people(found)]
    names = [role["metadata"]["name"] for role in roles]
    users = {name.removeprefix(f"{namespace}-tintype-"): name for name in names}
    bindings = [
        binding(namespace, role, user)
        for user, role in (users | {"view": "view", "edit": "edit"}).items()
    ]
    cluster_with_crds.apply(*roles, *bindings)
    for user in users:
        known = partial(may_something, cluster_with_crds, namespace, user)
        eventually_blocking(known, f"the permissions of {user}")
    return namespace


def is_of_people(role: Object) -> bool:
    labels = role["metadata"]["labels"]
    return bool(labels["app.kubernetes.io/component"] == "accounts")


def binding(namespace: str, role: str, user: str) -> Object:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": user, "namespace": namespace},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }


def may(cluster: ControlPlane, namespace: str, user: str, verb: str, kind: str) -> bool:
    return cluster.may(user, verb, f"{kind}.tintype.dev", namespace)


def may_something(cluster: ControlPlane, namespace: str, user: str) -> bool:
    return any(may(cluster, namespace, user, "list", kind) for kind in KINDS)


@pytest.mark.parametrize(("user", "kind"), EDITORS.items())
def test_an_editor_may_write_one_kind_and_no_other(
    cluster_with_crds: ControlPlane, installed: str, user: str, kind: str
) -> None:
    for verb in ("create", "patch", "delete", "list"):
        allowed = {each for each in KINDS if may(cluster_with_crds, installed, user, verb, each)}
        assert allowed == {kind}


def test_a_viewer_may_read_all_and_write_nothing(
    cluster_with_crds: ControlPlane, installed: str
) -> None:
    for kind in KINDS:
        assert may(cluster_with_crds, installed, "account-viewer", "list", kind)
        assert not may(cluster_with_crds, installed, "account-viewer", "create", kind)


def test_the_administrator_of_accounts_may_write_all(
    cluster_with_crds: ControlPlane, installed: str
) -> None:
    for kind in KINDS:
        assert may(cluster_with_crds, installed, "accounts-admin", "create", kind)


def test_no_role_is_filled_by_a_controller_that_may_write_it_again(helm: Helm) -> None:
    """Such a role can appear again after `helm uninstall`, and prevents the next install."""
    roles = [each for each in helm.objects({}) if each["kind"] == "ClusterRole"]

    assert not [role["metadata"]["name"] for role in roles if "aggregationRule" in role]


@pytest.mark.parametrize("user", ["view", "edit"])
def test_kubernetes_own_roles_may_read_but_not_write(
    cluster_with_crds: ControlPlane, installed: str, user: str
) -> None:
    def allowed(verb: str) -> set[str]:
        return {kind for kind in KINDS if may(cluster_with_crds, installed, user, verb, kind)}

    eventually_blocking(lambda: allowed("list") == set(KINDS), "the aggregated rights")
    assert allowed("create") == set()


def test_nobody_may_write_a_status(cluster_with_crds: ControlPlane, installed: str) -> None:
    """A status with a posting would look like a paid grant."""
    for user, kind in EDITORS.items():
        assert not cluster_with_crds.may(user, "patch", f"{kind}.tintype.dev:status", installed)


def test_a_role_of_kubernetes_gets_the_keys_if_the_values_say_so(helm: Helm) -> None:
    values = {"accounts": {"clusterRoles": {"aggregateKeyEditorTo": "edit"}}}

    roles = [each for each in helm.objects(values) if each["kind"] == "ClusterRole"]

    label = "rbac.authorization.k8s.io/aggregate-to-edit"
    aggregated = [each for each in roles if each["metadata"]["labels"].get(label) == "true"]
    assert [rule["resources"] for role in aggregated for rule in role["rules"]] == [["apikeys"]]


@pytest.mark.parametrize(
    "values",
    [{"accounts": {"enabled": False}}, {"accounts": {"clusterRoles": {"create": False}}}],
    ids=["no accounts", "roles from elsewhere"],
)
def test_the_roles_can_be_left_out(helm: Helm, values: Object) -> None:
    objects = helm.objects(values)

    assert not [each for each in objects if each["kind"] == "ClusterRole" and is_of_people(each)]
