"""An installation of the last release, with data, that is upgraded under load as docs/upgrading.md
tells, and a rollback, which the ledger refuses.

These tests come first: a cluster has the definitions of one release only.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import openai
import pytest

from tests.node.bucket import running_bucket
from tests.node.figures import Figures
from tests.node.images import CURRENT, PREVIOUS
from tests.node.release import PRODUCTION, PROMPT, SMALL, Release, response_status
from tests.node.workload import Workload
from tintype_testing.account_manifests import account, api_key, credit_grant
from tintype_testing.chart import Helm, Values
from tintype_testing.cluster.control_plane import CRDS, ControlPlane
from tintype_testing.operator import secret
from tintype_testing.waiting import eventually_blocking

CREDITS = 10_000
"""What the load may spend, and what each account is given."""

MICRO = 1_000_000

LOADED = "k8s:upgrade"
"""The account of the ServiceAccounts of the namespace."""

REPEAT = {"Idempotency-Key": "poster"}

ROLLBACK_REQUESTS = 20

REFUSAL = "a newer program has migrated the ledger to schema"
"""As in docs/upgrading.md."""


@dataclass
class Installation:
    """A release and what its clients have of the time before the upgrade."""

    release: Release
    values: Values
    key: str
    """Of the account `team`."""
    poster: dict[str, Any]
    """The response to a request with an idempotency key, whose image is stored."""
    balance: int
    """Of the account `team`, in micro-credits."""


@pytest.fixture(scope="module")
def installed(
    previous_release: Path,
    node: ControlPlane,
    node_helm: Helm,
    ledger_of_upgrade: str,
    figures: Figures,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """An installation of the last release; afterwards the cluster is as it was."""
    release = Release(node, node_helm, "upgrade")
    with ExitStack() as stack:
        bucket = stack.enter_context(running_bucket(tmp_path_factory.mktemp("s3"), release))
        accounts = {"autoCreateCredits": CREDITS, "autoCreateNamespaces": ["upgrade"]}
        values = PRODUCTION | bucket
        values["gateway"] = PRODUCTION["gateway"] | {"resources": SMALL}
        values["jwt"] = {"serviceAccounts": PRODUCTION["jwt"]["serviceAccounts"] | accounts}
        release.apply(secret("tintype-database", url=ledger_of_upgrade))
        stack.callback(remove, release)
        with figures.timed("install the last release to all pods Ready"):
            release.install(of(PREVIOUS.registry, values), previous_release / "charts" / "tintype")
            release.wait_until_available()
        yield live(release, values)


def of(registry: str, values: Values) -> Values:
    """The values with the images of a release."""
    return values | {"image": {"registry": registry}}


def live(release: Release, values: Values) -> Installation:
    """Open an account, make a key, and buy images, as the last release did."""
    tintype = release.in_gateway
    tintype("tintype", "accounts", "create", "team", "--credits", str(CREDITS))
    key = tintype("tintype", "keys", "create", "--account", "team").split()[-1]
    with release.client(key) as sdk:
        paid = sdk.images.generate(model="gpt-image-1", prompt=PROMPT, quality="low")
        poster = generate_poster(sdk)
    spent = sum(each["usage"]["credits_used"] for each in (paid.model_dump(), poster))
    assert balanced(release)
    return Installation(release, values, key, poster, CREDITS * MICRO - spent)


def generate_poster(sdk: openai.OpenAI) -> dict[str, Any]:
    response = sdk.images.generate(
        model="gpt-image-1", prompt="A poster", response_format="url", extra_headers=REPEAT
    )
    return response.model_dump()


def image_of(response: dict[str, Any]) -> bytes:
    with urlopen(response["data"][0]["url"], timeout=30) as file:  # noqa: S310 - of the tests
        return bytes(file.read())


def balanced(release: Release) -> bool:
    """Whether the audit finds nothing wrong."""
    return "problems\t0" in release.in_gateway("tintype", "ledger", "audit")


def balance(release: Release, name: str) -> int:
    """The credits of an account, in micro-credits."""
    shown = release.in_gateway("tintype", "accounts", "show", name).split("\t")[1]
    whole, _, part = shown.removesuffix(" credits").partition(".")
    return int(whole) * MICRO + int(part.ljust(6, "0"))


def remove(release: Release) -> None:
    """Remove the release and the definitions, as docs/kubernetes.md tells."""
    release.run("uninstall", "tintype", "--wait")
    release.cluster.kubectl("delete", "namespace", release.namespace)
    release.cluster.kubectl("delete", "-f", str(CRDS), "--ignore-not-found")


@dataclass
class Upgraded:
    """An installation after the upgrade, and what happened to its clients meanwhile."""

    installation: Installation
    load: dict[str, Any]

    @property
    def release(self) -> Release:
        return self.installation.release


@pytest.fixture(scope="module")
def upgraded(installed: Installation, figures: Figures) -> Upgraded:
    release = installed.release
    old = release.uids("gateway") | release.uids("operator")
    # The simulators stand for providers, which are not upgraded with a release.
    release.kubectl("rollout", "pause", "deploy/tintype-simulator")
    load = Workload(release, "steady_load.py")
    load.start()
    with figures.timed("upgrade of the last release under load"):
        release.upgrade(of(CURRENT.registry, installed.values))
        release.wait_until_gone(old)
    load.stop()
    return Upgraded(installed, load.result())


def test_the_last_release_has_no_definitions_of_accounts(installed: Installation) -> None:
    found = installed.release.cluster.kubectl("get", "crd", "-o", "name").split()

    assert sorted(name.partition("/")[2] for name in found) == [
        "imagemodels.tintype.dev",
        "providerbindings.tintype.dev",
    ]


def test_an_upgrade_fails_no_request(upgraded: Upgraded, figures: Figures) -> None:
    outcomes = upgraded.load["outcomes"]

    assert set(outcomes) == {"served"}
    assert outcomes["served"] > 50
    figures.record("requests during the upgrade", outcomes["served"], "requests")


def test_an_upgrade_keeps_every_credit(upgraded: Upgraded) -> None:
    release, installation = upgraded.release, upgraded.installation

    assert balance(release, LOADED) == CREDITS * MICRO - upgraded.load["charged"]
    assert balance(release, "team") == installation.balance
    assert balanced(release)


def test_an_old_key_repeats_an_old_request_without_another_charge(upgraded: Upgraded) -> None:
    installation = upgraded.installation

    with upgraded.release.client(installation.key) as sdk:
        again = generate_poster(sdk)

    assert again["usage"] == installation.poster["usage"]
    assert image_of(again) == image_of(installation.poster)
    assert balance(upgraded.release, "team") == installation.balance


def test_old_objects_are_served_as_before(upgraded: Upgraded) -> None:
    release = upgraded.release
    release.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "imagemodel/gpt-image-1")

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

    ready = ("--for=condition=Ready", "--timeout=120s")
    release.kubectl("wait", *ready, "account/new", "creditgrant/first", "apikey/new")


def test_a_rollback_is_refused_by_the_ledger_and_fails_no_request(upgraded: Upgraded) -> None:
    release, key = upgraded.release, upgraded.installation.key

    release.run("rollback", "tintype", "1")
    eventually_blocking(lambda: REFUSAL in migration_log(release), "the refusal", seconds=180)
    with release.client(key) as sdk:
        statuses = {response_status(sdk, "gpt-image-1") for _ in range(ROLLBACK_REQUESTS)}
    assert statuses == {200}

    release.upgrade(of(CURRENT.registry, upgraded.installation.values))
    assert balanced(release)


def migration_log(release: Release) -> str:
    """What the migrations of gateways that are not Ready say."""
    names = [pod["metadata"]["name"] for pod in release.pods("gateway")]
    logs = (
        release.cluster.try_kubectl("logs", "-n", release.namespace, name, "-c", "migrate").stdout
        for name in names
    )
    return "\n".join(logs)
