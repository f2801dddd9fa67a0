"""An installation of the last release that was upgraded under load as docs/upgrading.md tells, and
a rollback, which the ledger refuses."""

from collections import Counter
from typing import Any
from urllib.request import urlopen

from tests.node.figures import Figures
from tests.node.installation import (
    CRD,
    MICRO,
    SIMULATOR,
    Installation,
    Upgraded,
    balance,
    balanced,
    generate_poster,
)
from tests.node.release import CREDITS, WAIT_SECONDS, Release, response_status
from tintype_testing.account_manifests import account, api_key, credit_grant
from tintype_testing.waiting import eventually_blocking

LOADED = "k8s:production"
"""The account of the ServiceAccounts of the namespace."""

UNAVAILABLE = (
    "503 ledger_unavailable, Retry-After 1: the ledger is unavailable; no image was requested"
)
"""What docs/upgrading.md says of requests that wait for the migration for more than 5 seconds."""

MOST_UNAVAILABLE = 16
"""Four for each client: a migration of 20 seconds, which takes less than one on an idle machine."""

ROLLBACK_REQUESTS = 20

REFUSAL = "a newer program has migrated the ledger to schema"
"""As in docs/upgrading.md."""


def test_the_last_release_has_no_definitions_of_accounts(installed: Installation) -> None:
    found = installed.release.cluster.kubectl("get", "crd", "-o", "name").split()

    assert sorted(name.partition("/")[2] for name in found) == [
        "imagemodels.tintype.dev",
        "providerbindings.tintype.dev",
    ]


def test_an_upgrade_fails_no_request_but_those_that_the_migration_keeps_waiting(
    upgraded: Upgraded, figures: Figures
) -> None:
    outcomes = Counter(upgraded.load["outcomes"])
    unavailable = outcomes.pop(UNAVAILABLE, 0)
    figures.record("requests during the upgrade", outcomes["served"], "requests")
    figures.record("of these, without a ledger for 5 seconds", unavailable, "requests")

    assert set(outcomes) == {"served"}
    assert outcomes["served"] > 50
    assert unavailable <= MOST_UNAVAILABLE


def test_an_upgrade_keeps_every_credit(upgraded: Upgraded) -> None:
    release, installation = upgraded.release, upgraded.installation

    assert balance(release, LOADED) == CREDITS * MICRO - upgraded.load["charged"]
    assert balance(release, "team") == installation.balance
    assert balanced(release)


def test_an_upgrade_upgrades_the_definitions(upgraded: Upgraded) -> None:
    release = upgraded.release

    assert release.get("crd", CRD)["spec"]["names"]["shortNames"] == ["im"]
    left = release.kubectl("get", "jobs,clusterroles,clusterrolebindings", "-o", "name")
    assert "tintype-crds" not in left


def test_an_old_key_repeats_an_old_request_without_another_charge(upgraded: Upgraded) -> None:
    installation = upgraded.installation

    with upgraded.release.client(installation.key) as sdk:
        again = generate_poster(sdk)

    assert again["usage"] == installation.poster["usage"]
    assert image_of(again) == image_of(installation.poster)
    assert balance(upgraded.release, "team") == installation.balance


def image_of(response: dict[str, Any]) -> bytes:
    with urlopen(response["data"][0]["url"], timeout=30) as file:  # noqa: S310 - of the tests
        return bytes(file.read())


def test_old_objects_are_served_as_before(upgraded: Upgraded) -> None:
    release = upgraded.release
    release.wait_until_ready("imagemodel/gpt-image-1")

    bindings = release.get("providerbindings")["items"]
    assert bindings
    for binding in bindings:
        conditions = {each["type"]: each for each in binding["status"]["conditions"]}
        assert conditions["Ready"]["observedGeneration"] == binding["metadata"]["generation"]


def test_new_kinds_are_served(upgraded: Upgraded) -> None:
    release = upgraded.release

    release.apply(
        account("new"), credit_grant("first", account="new"), api_key("new", account="new")
    )

    release.wait_until_ready("account/new", "creditgrant/first", "apikey/new")


def test_a_rollback_is_refused_by_the_ledger_and_fails_no_request(upgraded: Upgraded) -> None:
    release, key = upgraded.release, upgraded.installation.key
    release.kubectl("rollout", "pause", SIMULATOR)

    release.run("rollback", "tintype", "1")
    eventually_blocking(lambda: REFUSAL in migration_log(release), "the refusal", WAIT_SECONDS)
    with release.client(key) as sdk:
        statuses = {response_status(sdk, "gpt-image-1") for _ in range(ROLLBACK_REQUESTS)}
    assert statuses == {200}

    release.upgrade(release.values)
    release.kubectl("rollout", "resume", SIMULATOR)
    assert balanced(release)


def migration_log(release: Release) -> str:
    """What the migrations of gateways that are not Ready say."""
    names = [pod["metadata"]["name"] for pod in release.pods("gateway")]
    logs = (
        release.cluster.try_kubectl("logs", "-n", release.namespace, name, "-c", "migrate").stdout
        for name in names
    )
    return "\n".join(logs)
