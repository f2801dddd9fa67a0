"""A real API server takes the definitions, and is of one mind with the pydantic models."""

import asyncio
import json
import re
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

import tintype_accounts
import tintype_catalog
from tests.crds.edges import Edge, edges
from tests.crds.examples import MANIFESTS
from tintype_accounts.resources import ACCOUNTS_KINDS
from tintype_catalog.resources import KINDS, parse_kind
from tintype_kubernetes.config import load_kubeconfig
from tintype_kubernetes.resources import (
    ACCOUNTS,
    API_KEYS,
    CREDIT_GRANTS,
    IMAGE_MODELS,
    PROVIDER_BINDINGS,
)
from tintype_testing.cluster.control_plane import ControlPlane

RESOURCES = {
    resource.kind: resource
    for resource in (ACCOUNTS, API_KEYS, CREDIT_GRANTS, IMAGE_MODELS, PROVIDER_BINDINGS)
}

STARTER = Path(tintype_catalog.__file__).parent / "starter"
EXAMPLE = Path(tintype_accounts.__file__).parent / "example"

DIFFERENCES = {
    r"(On|At) = \[": "an API server does not check the type of a field with a format",
    r"On = '0'": "pydantic reads digits as seconds since 1970",
    r"spec\.timeZone = ": "an API server does not know the names of time zones",
    r"spec\.((api|input)\.)?defaults = ": "CEL has no type for the keys of a map of anything",
}
"""What the two judge differently, by a pattern of the change, and why. A condition tells then."""


class Verdict(NamedTuple):
    """What the API server says to an object, and how it would store it."""

    accepted: bool
    response: dict[str, Any]


async def judge(cluster: ControlPlane, cases: list[Edge]) -> list[Verdict]:
    """Have every object created for show."""
    config = load_kubeconfig(cluster.kubeconfig)
    connector = aiohttp.TCPConnector(ssl=config.ssl_context(), limit=16)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask(case: Edge) -> Verdict:
            url = config.server + RESOURCES[case.manifest["kind"]].path("default")
            query = {"dryRun": "All", "fieldValidation": "Strict"}
            async with session.post(url, params=query, json=case.manifest) as response:
                assert response.status in (201, 400, 422), await response.text()
                return Verdict(response.status == 201, await response.json())

        return await asyncio.gather(*(ask(case) for case in cases))


def is_sound(manifest: dict[str, Any]) -> bool:
    return not isinstance(parse_kind(manifest, {**KINDS, **ACCOUNTS_KINDS}), list)


def agree(case: Edge, verdict: Verdict) -> bool:
    """Whether the models take what is stored, and the server takes what the models take."""
    return is_sound(verdict.response) if verdict.accepted else not is_sound(case.manifest)


@pytest.mark.timeout(1200)  # some ten thousand requests
@pytest.mark.parametrize("kinds", [KINDS, ACCOUNTS_KINDS], ids=["catalog", "accounts"])
async def test_the_server_and_the_models_are_of_one_mind(
    cluster_with_crds: ControlPlane, kinds: dict[str, Any]
) -> None:
    cases = [*edges(each for each in MANIFESTS.values() if each["kind"] in kinds)]

    verdicts = await judge(cluster_with_crds, cases)

    disagreements = [
        f"{case.manifest['metadata']['name']}: {case.change}: {verdict}"
        for case, verdict in zip(cases, verdicts, strict=True)
        if not agree(case, verdict)
        and not any(re.search(pattern, case.change) for pattern in DIFFERENCES)
    ]
    assert disagreements == []
    assert 100 < sum(verdict.accepted for verdict in verdicts) < len(verdicts) - 300


def test_the_starter_catalog_can_be_applied(
    cluster_with_crds: ControlPlane, namespace: str
) -> None:
    cluster_with_crds.kubectl("apply", "--namespace", namespace, "-f", str(STARTER))

    listed = cluster_with_crds.kubectl("get", "im,pb", "--namespace", namespace, "-o", "name")
    assert "imagemodel.tintype.dev/gpt-image-2\n" in listed
    assert "providerbinding.tintype.dev/gpt-image-2-openai\n" in listed


def test_the_example_of_accounts_can_be_applied_and_applied_again(
    cluster_with_crds: ControlPlane, namespace: str
) -> None:
    apply = ("apply", "--server-side", "--namespace", namespace, "-f", str(EXAMPLE))
    cluster_with_crds.kubectl(*apply)
    get = ("get", "tintype", "--namespace", namespace, "-o", "json")
    first = json.loads(cluster_with_crds.kubectl(*get))["items"]

    cluster_with_crds.kubectl(*apply)

    assert json.loads(cluster_with_crds.kubectl(*get))["items"] == first
    assert sorted(each["kind"] for each in first) == [
        *("Account", "ApiKey", "CreditGrant", "ImageModel", "ProviderBinding")
    ]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("listed", {"size": {"mode": "List"}}, "`sizes` goes with mode List"),
        ("listed", {"parameters": {"seed": {"handling": "Clamp"}}}, "go with handling Clamp"),
        ("listed", {"providerParameters": {"a b": []}}, "keys must match"),
        ("listed", {"watermark": "ink"}, 'supported values: "c2pa"'),
        ("listed", {"id": ""}, "should be at least 1 chars long"),
        ("listed", {"idd": "x"}, 'unknown field "spec.idd"'),
        (
            "team-a",
            {"accountName": "sys:revenue"},
            "names that begin with `sys:` belong to the ledger",
        ),
        ("team-a", {"acountName": "x"}, 'unknown field "spec.acountName"'),
        ("team-a", {"budgets": [{"window": "year", "credits": "1"}]}, 'supported values: "day"'),
        (
            "team-a",
            {"budgets": [{"window": "day", "credits": "1"}, {"window": "day", "credits": "2"}]},
            "only one budget for each `window` and `model`",
        ),
        ("rotated", {"accountName": "b"}, "exactly one of `account` and `accountName`"),
        (
            "rotated",
            {"rotation": {"interval": "12h"}},
            "`overlap` must be shorter than `interval`",
        ),
        ("march", {"credits": "0.00"}, "`credits` must be more than 0"),
        (
            "one-price",
            {"credentials": {"secretRef": {"name": "a"}, "workloadIdentity": True}},
            "exactly one of `secretRef`, `workloadIdentity: true` and `none: true`",
        ),
        (
            "one-price",
            {"pricing": {"type": "per_image", "prices": [{"usd": "1"}]}},
            "`usd` goes with type per_image",
        ),
        ("one-price", {"pricing": {"type": "per_image", "usd": "-1"}}, "should match"),
        ("by-factor", {"timeoutSeconds": 0}, "greater than or equal to 1"),
    ],
)
async def test_a_refusal_is_said_in_words_that_a_person_understands(
    cluster_with_crds: ControlPlane, name: str, change: dict[str, Any], message: str
) -> None:
    manifest = MANIFESTS[name]
    changed = manifest | {"spec": manifest["spec"] | change}

    (verdict,) = await judge(cluster_with_crds, [Edge("", changed)])

    assert not verdict.accepted
    assert message in verdict.response["message"]


def test_kubectl_get_shows_the_printer_columns(
    cluster_with_crds: ControlPlane, namespace: str
) -> None:
    documents = [MANIFESTS["listed"], MANIFESTS["one-price"]]
    text = "\n---\n".join(json.dumps(document) for document in documents)
    cluster_with_crds.kubectl("apply", "--namespace", namespace, "-f", "-", stdin=text)
    price_of_now = {"type": "per_image", "usd": "0.050", "validFrom": "2026-10-01T00:00:00+02:00"}
    cluster_with_crds.kubectl(
        *("patch", "pb", "one-price", "--namespace", namespace, "--subresource=status"),
        *("--type=merge", "-p", json.dumps({"status": {"pricing": price_of_now}})),
    )

    models = cluster_with_crds.kubectl("get", "im", "--namespace", namespace).splitlines()
    bindings = cluster_with_crds.kubectl("get", "pb", "--namespace", namespace).splitlines()

    assert models[0].split() == [*("NAME", "MODEL", "CURRENT", "RETIRES", "READY", "REASON", "AGE")]
    assert models[1].split()[:3] == ["listed", "listed/model:1", "2026-03-01"]
    assert bindings[0].split()[:6] == ["NAME", "MODEL", "PROVIDER", "ACTIVE", "PRICING", "USD"]
    assert bindings[1].split()[:6] == [
        "one-price",
        "listed",
        "openai",
        "true",
        "per_image",
        "0.050",
    ]


def test_kubectl_get_shows_what_accounts_keys_and_grants_are(
    cluster_with_crds: ControlPlane, namespace: str
) -> None:
    statuses = {
        "team-a": {"accountName": "acme/team-a", "balance": "25.5", "held": "0"},
        "rotated": {
            "accountName": "acme/team-a",
            "keyId": "key-1",
            "secretName": "team-a-key",
            "nextRotation": "2026-03-31T09:00:00Z",
            "expiresAt": "2030-01-01T00:00:00Z",
        },
        "march": {"accountName": "acme/team-a", "appliedAt": "2026-03-01T09:00:00Z"},
    }
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Ready",
        "message": "It is so.",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-03-01T09:00:00Z",
    }
    kubectl = partial(cluster_with_crds.kubectl, "--namespace", namespace)
    for name, fields in statuses.items():
        manifest = MANIFESTS[name]
        kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
        patch = json.dumps({"status": {**fields, "conditions": [condition]}})
        kind = manifest["kind"].lower()
        kubectl("patch", kind, name, "--subresource=status", "--type=merge", "-p", patch)
        kubectl("wait", "--for=condition=Ready", f"{kind}/{name}", "--timeout=120s")

    accounts, keys, grants = (
        [line.split() for line in kubectl("get", kind).splitlines()]
        for kind in ("acct", "ak", "cg")
    )

    assert accounts[0] == [
        *("NAME", "ACCOUNT", "BALANCE", "UNLIMITED", "SUSPENDED", "READY", "REASON", "AGE")
    ]
    assert accounts[1][:-1] == [
        *("team-a", "acme/team-a", "25.5", "true", "false", "True", "Ready")
    ]
    assert keys[0] == [
        *("NAME", "ACCOUNT", "KEY", "SECRET", "ROTATES", "EXPIRES", "READY", "REASON", "AGE")
    ]
    assert keys[1][:6] == [
        *("rotated", "acme/team-a", "key-1", "team-a-key"),
        *("2026-03-31T09:00:00Z", "2030-01-01T00:00:00Z"),
    ]
    assert grants[0] == ["NAME", "ACCOUNT", "CREDITS", "APPLIED", "READY", "REASON", "AGE"]
    assert grants[1][:4] == ["march", "acme/team-a", "25.50", "2026-03-01T09:00:00Z"]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("team-a", {"accountName": "acme/team-c"}, "`accountName` cannot be changed"),
        ("defaults", {"accountName": "acme"}, "`accountName` cannot be changed"),
        ("rotated", {"secret": {"name": "other"}}, "`secret` cannot be changed"),
        ("march", {"credits": "30"}, "a CreditGrant cannot be changed: create another one"),
    ],
)
def test_what_the_ledger_knows_an_object_by_cannot_be_changed(
    cluster_with_crds: ControlPlane,
    namespace: str,
    name: str,
    change: dict[str, Any],
    message: str,
) -> None:
    manifest = MANIFESTS[name]
    apply = ("apply", "--namespace", namespace, "-f", "-")
    cluster_with_crds.kubectl(*apply, stdin=json.dumps(manifest))
    changed = manifest | {"spec": manifest["spec"] | change}

    refused = cluster_with_crds.try_kubectl(*apply, stdin=json.dumps(changed))

    assert message in refused.stderr
