"""Accounts, keys and grants from Git to an image: API server, operator, gateway and simulated
provider are separate processes, and the ledger is the gateway's own file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tintype_testing.account_manifests import account, api_key, credit_grant
from tintype_testing.accounts_product import (
    OWNER,
    REFUSED,
    AccountsProduct,
    running_accounts_product,
    sdk,
)
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.manifests import Manifest
from tintype_testing.operator import KEY_SECRETS, LEAST_PRIVILEGE, Operator
from tintype_testing.waiting import eventually_blocking

MILLION = 1_000_000


@pytest.fixture(scope="module")
def product(
    cluster_with_crds: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AccountsProduct]:
    """The programs, for all tests: each has an account of its own."""
    with running_accounts_product(cluster_with_crds, tmp_path_factory.mktemp("product")) as product:
        product.start_operator()
        yield product


def team(name: str, **spec: Any) -> tuple[Manifest, Manifest, Manifest]:
    """An account with credits and a key."""
    return (
        account(name, **spec),
        credit_grant(f"{name}-grant", account=name),
        api_key(f"{name}-key", account=name),
    )


def made(product: AccountsProduct, name: str, **spec: Any) -> str:
    """Apply an account with credits and a key, wait until all are Ready, and return the key."""
    product.operator.apply(*team(name, **spec))
    product.wait(f"account/{name}", f"creditgrant/{name}-grant", f"apikey/{name}-key")
    return product.secret(f"{name}-key")["OPENAI_API_KEY"]


def versions(product: AccountsProduct, name: str) -> dict[str, str]:
    """The resourceVersion of each object of a name, and of its Secret."""
    kinds = "imagemodels,providerbindings,accounts,apikeys,creditgrants,secrets"
    items = json.loads(product.kubectl("get", kinds, "-o", "json"))["items"]
    return {
        f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
        for item in items
        if name in item["metadata"]["name"]
    }


def test_a_folder_applied_to_an_empty_cluster_ends_in_a_key_for_the_sdk(
    product: AccountsProduct, tmp_path: Path
) -> None:
    """The files are in an order in which nothing exists that the next one needs."""
    manifests = [*reversed(team("git")), *reversed(product.serve("git"))]
    for number, manifest in enumerate(manifests):
        (tmp_path / f"{number}-{manifest['kind']}.json").write_text(json.dumps(manifest))

    product.kubectl("apply", "-f", str(tmp_path))

    product.wait(
        "im/git", "pb/git-openai", "account/git", "creditgrant/git-grant", "apikey/git-key"
    )
    with sdk(product.secret("git-key")) as client:
        image = client.images.generate(model="git", prompt="a lighthouse")
    assert image.data is not None
    assert image.data[0].b64_json
    assert 0 < product.account("git")["balance"] < 100 * MILLION


def test_what_is_applied_twice_changes_nothing(product: AccountsProduct, tmp_path: Path) -> None:
    made(product, "twice")
    product.wait_for_balance("twice", "100")
    product.operator.apply(*product.serve("twice"))
    product.wait("im/twice", "pb/twice-openai")
    before = versions(product, "twice")
    names = {f"{product.namespace}/{name}" for name in ("twice", "twice-openai")}
    eventually_blocking(lambda: names <= audited(product), "the creation in the audit log")
    changes = product.admin("GET", "/audit?limit=1000")["data"]

    product.operator.apply(*team("twice"), *product.serve("twice"))
    product.operator.stop()
    product.start_operator()
    product.operator.apply(account("marker"))  # reconciled after the start
    product.wait("account/marker")

    assert versions(product, "twice") == before
    assert len(before) == 6
    after = product.admin("GET", "/audit?limit=1000")["data"]
    assert [each["name"] for each in after if each not in changes] == ["marker"]


def test_what_is_deleted_leaves_the_books(product: AccountsProduct) -> None:
    key = made(product, "left")

    product.kubectl("delete", "account/left", "creditgrant/left-grant", "apikey/left-key")

    eventually_blocking(lambda: product.account("left")["owner"] is None, "a released account")
    assert product.account("left")["balance"] == 100 * MILLION
    eventually_blocking(lambda: product.status_of(key) == REFUSED, "a revoked key")
    eventually_blocking(lambda: not product.secret("left-key"), "the end of the Secret")


def test_a_grant_that_is_applied_again_pays_nothing(product: AccountsProduct) -> None:
    made(product, "again")
    posting = product.operator.get("creditgrant", "again-grant")["status"]["posting"]

    product.operator.delete("creditgrant", "again-grant")
    product.operator.apply(credit_grant("again-grant", account="again"))
    product.wait("creditgrant/again-grant")

    assert product.operator.get("creditgrant", "again-grant")["status"]["posting"] == posting
    assert product.account("again")["balance"] == 100 * MILLION


def test_another_content_under_a_used_reference_is_a_conflict(product: AccountsProduct) -> None:
    made(product, "conflict")

    product.operator.apply(
        credit_grant("more", account="conflict", credits="200", reference="march"),
        credit_grant("less", account="conflict", credits="50", reference="march"),
    )

    eventually_blocking(
        lambda: (
            {
                product.operator.condition("creditgrant", name, "Ready").get("status")
                for name in ("more", "less")
            }
            == {"True", "False"}
        ),
        "one grant that is Ready, and one that is not",
    )
    (refused,) = (
        name
        for name in ("more", "less")
        if product.operator.condition("creditgrant", name, "Ready")["status"] == "False"
    )
    assert product.operator.condition("creditgrant", refused, "Ready")["reason"] == "Conflict"
    assert product.operator.condition("creditgrant", refused, "Stalled")["status"] == "True"


def test_a_secret_of_somebody_else_is_not_touched(product: AccountsProduct) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "foreign"},
        "stringData": {"OPENAI_API_KEY": "theirs"},
    }
    product.operator.apply(foreign, account("foreign"))
    before = product.operator.get("secret", "foreign")["metadata"]["resourceVersion"]

    product.operator.apply(api_key("foreign", account="foreign"))

    product.wait_for_reason("apikey", "foreign", "SecretConflict")
    assert product.operator.get("secret", "foreign")["metadata"]["resourceVersion"] == before
    product.operator.delete("secret", "foreign")
    product.wait("apikey/foreign")
    assert product.secret("foreign")["OPENAI_API_KEY"] != "theirs"


def test_an_account_of_a_command_is_adopted(product: AccountsProduct) -> None:
    product.admin("POST", "/accounts", {"name": "adopted", "micro_credits": 7 * MILLION})

    product.operator.apply(account("adopted", displayName="Adopted by Git"))
    product.wait("account/adopted")

    found = product.account("adopted")
    assert (found["balance"], found["display_name"]) == (7 * MILLION, "Adopted by Git")
    assert found["owner"] == f"{OWNER}:{product.namespace}/adopted"
    assert product.operator.get("account", "adopted")["status"]["balance"] == "7"


def test_a_suspended_account_refuses_its_keys(product: AccountsProduct) -> None:
    key = made(product, "suspended")
    assert product.status_of(key) == 200

    product.operator.apply(account("suspended", suspended=True))

    eventually_blocking(lambda: product.status_of(key) == 403, "a suspended account")


def test_deletions_while_the_operator_is_away_are_found(product: AccountsProduct) -> None:
    key = made(product, "away", deletionPolicy="Suspend")
    product.operator.stop()
    product.kubectl("delete", "account/away", "apikey/away-key")
    assert product.status_of(key) == 200

    product.start_operator()

    eventually_blocking(lambda: product.status_of(key) == REFUSED, "a revoked key")
    eventually_blocking(lambda: product.account("away")["owner"] is None, "a released account")
    assert product.account("away")["suspended"]


def test_an_object_that_was_created_again_gets_another_key(product: AccountsProduct) -> None:
    key = made(product, "reborn")
    product.operator.stop()
    product.operator.delete("apikey", "reborn-key")
    eventually_blocking(lambda: not product.secret("reborn-key"), "the end of the Secret")
    product.operator.apply(api_key("reborn-key", account="reborn"))

    product.start_operator()
    product.wait("apikey/reborn-key")

    another = product.secret("reborn-key")["OPENAI_API_KEY"]
    assert another != key
    assert product.status_of(another) == 200
    eventually_blocking(lambda: product.status_of(key) == REFUSED, "a revoked key")


def test_the_key_stands_in_the_secret_alone(product: AccountsProduct) -> None:
    key = made(product, "silent")

    shown = product.kubectl("get", "accounts,apikeys,creditgrants,events", "-o", "yaml")
    metadata = json.dumps(product.operator.get("secret", "silent-key")["metadata"])
    logs = product.operator.process.output() + product.gateway.process.output()
    for text in (shown, metadata, logs):
        assert key not in text


def test_a_lost_secret_is_replaced_by_one_with_another_key(product: AccountsProduct) -> None:
    key = made(product, "lost")

    product.operator.delete("secret", "lost-key")

    eventually_blocking(
        lambda: product.secret("lost-key").get("OPENAI_API_KEY", key) != key, "another key"
    )
    product.wait("apikey/lost-key")
    assert product.status_of(product.secret("lost-key")["OPENAI_API_KEY"]) == 200


def test_a_change_of_a_model_is_in_the_audit_log_with_its_writer(product: AccountsProduct) -> None:
    model, binding = product.serve("audited")
    product.operator.apply(model, binding)
    changed = model | {"spec": model["spec"] | {"displayName": "Audited"}}

    def changes() -> list[dict[str, Any]]:
        name = f"{product.namespace}/audited"
        return list(product.admin("GET", f"/audit?kind=model&name={name}")["data"])

    eventually_blocking(changes, "the creation")  # of two quick changes a watch may tell the last

    product.operator.apply(changed)

    found = eventually_blocking(
        lambda: [each for each in changes() if each["action"] == "update"], "the change"
    )[0]
    assert found["after"]["displayName"] == "Audited"
    assert found["before"]["displayName"] == ""
    details = found["author"]["details"]
    assert details["fieldManager"] == "kubectl-client-side-apply"
    assert details["uid"] == product.operator.get("imagemodel", "audited")["metadata"]["uid"]


def test_another_release_does_not_take_an_account(product: AccountsProduct, tmp_path: Path) -> None:
    made(product, "owned")
    other = Operator(product.cluster, product.cluster.create_namespace(), tmp_path)
    try:
        other.start(
            TINTYPE_GATEWAY_ADMIN_URL=f"http://127.0.0.1:{product.gateway.admin_port}",
            TINTYPE_ADMIN_TOKEN_FILE=str(product.token_file),
            TINTYPE_OWNER="tests/another",
        )
        other.apply(account("owned", displayName="Mine"))

        condition = eventually_blocking(
            lambda: reason_of(other, "account", "owned", "Conflict"), "a conflict"
        )
    finally:
        other.close()

    assert condition["status"] == "False"
    assert OWNER in condition["message"]
    assert product.account("owned")["display_name"] == ""


def test_an_operator_that_may_not_write_secrets_says_so(
    product: AccountsProduct, tmp_path: Path
) -> None:
    rights = [rule for rule in LEAST_PRIVILEGE if rule is not KEY_SECRETS]
    namespace = product.cluster.create_namespace()
    operator = Operator(product.cluster, namespace, tmp_path, rights)
    try:
        operator.start(
            TINTYPE_GATEWAY_ADMIN_URL=f"http://127.0.0.1:{product.gateway.admin_port}",
            TINTYPE_ADMIN_TOKEN_FILE=str(product.token_file),
            TINTYPE_OWNER="tests/no-secrets",
        )
        operator.apply(account("no-secrets"), api_key("one", account="no-secrets"))

        condition = eventually_blocking(
            lambda: reason_of(operator, "apikey", "one", "SecretForbidden"), "the missing right"
        )
        operator.wait_for_condition("account", "no-secrets", "Ready", "True")
        assert operator.process.running()
    finally:
        operator.close()

    assert condition["status"] == "False"


def test_objects_wait_for_a_gateway_that_is_away(product: AccountsProduct) -> None:
    product.gateway.stop()
    product.operator.apply(*team("patient"))

    product.wait_for_reason("account", "patient", "GatewayUnavailable")
    assert product.operator.condition("account", "patient", "Reconciling")["status"] == "True"
    assert product.operator.process.running()
    product.start_gateway(product.gateway)

    product.wait("account/patient", "creditgrant/patient-grant", "apikey/patient-key")


def test_a_replaced_key_is_valid_until_its_overlap_ends(product: AccountsProduct) -> None:
    """A key of another account replaces it at once, as one whose interval has passed does."""
    rotation = {"interval": "720h", "overlap": "30s"}
    product.operator.apply(account("old"), account("new"))
    product.operator.apply(api_key("rotated", account="old", rotation=rotation))
    product.wait("apikey/rotated")
    old = product.secret("rotated")["OPENAI_API_KEY"]

    product.operator.apply(api_key("rotated", account="new", rotation=rotation))

    eventually_blocking(
        lambda: product.secret("rotated")["OPENAI_API_KEY"] != old, "another key in the Secret"
    )
    new = product.secret("rotated")["OPENAI_API_KEY"]
    assert [product.status_of(old), product.status_of(new)] == [200, 200]
    eventually_blocking(lambda: product.status_of(old) == REFUSED, "the end of the overlap")
    assert product.status_of(new) == 200
    assert "KeyReplaced" in reasons_of_events(product, "rotated")


def test_what_was_spent_of_a_budget_is_in_the_status_and_its_alert_an_event(
    product: AccountsProduct,
) -> None:
    budget = {"window": "month", "credits": "10", "alertPercents": [5, 90]}
    made(product, "frugal", budgets=[budget])
    product.operator.apply(*product.serve("frugal"))
    product.wait("im/frugal", "pb/frugal-openai")
    assert reasons_of_events(product, "frugal").isdisjoint({"BudgetAlert"})
    with sdk(product.secret("frugal-key")) as client:
        client.images.generate(model="frugal", prompt="a lighthouse")

    product.operator.apply(account("frugal", budgets=[budget], displayName="looked at again"))

    def windows() -> list[tuple[str, str, str]]:
        status = product.operator.get("account", "frugal")["status"]
        return [(each["window"], each["credits"], each["spent"]) for each in status["windows"]]

    eventually_blocking(lambda: windows() == [("month", "10", "0.64")], "what was spent")
    eventually_blocking(
        lambda: "BudgetAlert" in reasons_of_events(product, "frugal"), "an Event of the alert"
    )


def audited(product: AccountsProduct) -> set[str]:
    """The names of all that changed according to the audit log."""
    return {each["name"] for each in product.admin("GET", "/audit?limit=1000")["data"]}


def reason_of(operator: Operator, kind: str, name: str, reason: str) -> dict[str, Any]:
    """Return the condition Ready if it has this reason, which others may precede."""
    condition = operator.condition(kind, name, "Ready")
    return condition if condition.get("reason") == reason else {}


def reasons_of_events(product: AccountsProduct, name: str) -> set[str]:
    found = json.loads(product.kubectl("get", "events", "-o", "json"))["items"]
    return {each["reason"] for each in found if each["involvedObject"]["name"] == name}
