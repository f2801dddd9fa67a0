"""An installation of the last release, with data, and its upgrade under load as docs/upgrading.md
tells."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai

from tests.node import bucket
from tests.node.figures import Figures
from tests.node.images import CURRENT, PREVIOUS
from tests.node.release import CREDITS, PRODUCTION, PROMPT, SMALL, TIMEOUT, Release
from tests.node.workload import Workload
from tintype_testing.chart import Values
from tintype_testing.cluster.control_plane import CRDS
from tintype_testing.operator import secret

MICRO = 1_000_000

REPEAT = {"Idempotency-Key": "poster"}

SIMULATOR = "deploy/tintype-simulator"

CRD = "imagemodels.tintype.dev"

CONCURRENCY = 3
"""Jobs of a worker at the same time."""

LEASE_SECONDS = 20

WORKERS: Values = {
    "gateway": PRODUCTION["gateway"]
    | {"extraEnv": [{"name": "TINTYPE_JOBS_LEASE_SECONDS", "value": str(LEASE_SECONDS)}]},
    "jobs": {
        "enabled": True,
        "concurrency": CONCURRENCY,
        "workers": {"enabled": True, "replicas": 2, "resources": SMALL},
    },
}
"""What an upgrade turns on."""


@dataclass
class Installation:
    """A release of the last version, and what its clients have."""

    release: Release
    key: str
    """Of the account `team`."""
    poster: dict[str, Any]
    """The response to a request with an idempotency key, whose image is stored."""
    balance: int
    """Of the account `team`, in micro-credits."""


@dataclass
class Upgraded:
    """An installation after the upgrade, and what happened to its clients meanwhile."""

    installation: Installation
    load: dict[str, Any]

    @property
    def release(self) -> Release:
        return self.installation.release


def install_last(
    release: Release, chart: Path, ledger: str, store: Values, figures: Figures
) -> Installation:
    """Install the last release in a cluster that has no definitions but its own, and use it."""
    release.cluster.kubectl("delete", "-f", str(CRDS), "--ignore-not-found")
    release.apply(secret("tintype-database", url=ledger), bucket.CREDENTIALS)
    values = PRODUCTION | store | {"image": {"registry": PREVIOUS.registry}}
    with figures.timed("install the last release to all pods Ready (PostgreSQL, 2 gateways)"):
        release.install(values, chart)
        release.wait_until_available()
    return _live(release)


def _live(release: Release) -> Installation:
    """Open an account, make a key, and buy images, as the last release did."""
    tintype = release.in_gateway
    tintype("tintype", "accounts", "create", "team", "--credits", str(CREDITS))
    key = tintype("tintype", "keys", "create", "--account", "team").split()[-1]
    with release.client(key) as sdk:
        paid = sdk.images.generate(model="gpt-image-1", prompt=PROMPT, quality="low")
        poster = generate_poster(sdk)
    spent = sum(each["usage"]["credits_used"] for each in (paid.model_dump(), poster))
    return Installation(release, key, poster, CREDITS * MICRO - spent)


def generate_poster(sdk: openai.OpenAI) -> dict[str, Any]:
    """Request an image of the store, or its repetition."""
    response = sdk.images.generate(
        model="gpt-image-1", prompt="A poster", response_format="url", extra_headers=REPEAT
    )
    return response.model_dump()


def upgrade(installation: Installation, figures: Figures) -> Upgraded:
    """Upgrade the release under load, and turn workers on."""
    release = installation.release
    _make_definition_differ(release)
    old = release.uids("gateway") | release.uids("operator")
    # The simulators stand for providers, which are not upgraded with a release.
    release.kubectl("rollout", "pause", SIMULATOR)
    load = Workload(release, "steady_load.py")
    load.start()
    with figures.timed("upgrade of the last release under load, to the end of its pods"):
        release.upgrade(release.values | {"image": {"registry": CURRENT.registry}} | WORKERS)
        release.wait_until_gone(old)
    load.stop()
    result = load.result()
    release.kubectl("rollout", "resume", SIMULATOR)
    release.kubectl("rollout", "status", TIMEOUT, SIMULATOR)
    return Upgraded(installation, result)


def _make_definition_differ(release: Release) -> None:
    other = json.dumps({"spec": {"names": {"shortNames": ["old"]}}})
    release.kubectl("patch", "crd", CRD, "--type=merge", "-p", other)


def balance(release: Release, name: str) -> int:
    """The credits of an account, in micro-credits."""
    shown = release.in_gateway("tintype", "accounts", "show", name).split("\t")[1]
    whole, _, part = shown.removesuffix(" credits").partition(".")
    return int(whole) * MICRO + int(part.ljust(6, "0"))


def balanced(release: Release) -> bool:
    """Whether the audit finds nothing wrong."""
    return "problems\t0" in release.in_gateway("tintype", "ledger", "audit")
