"""A real API server takes the definitions, and is of one mind with the pydantic models."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

import tintype_catalog
from tests.crds.edges import Edge, edges
from tests.crds.examples import MANIFESTS
from tintype_catalog.resources import parse_resource
from tintype_kubernetes.config import load_kubeconfig
from tintype_operator.watch.store import RESOURCES
from tintype_testing.cluster.control_plane import ControlPlane

STARTER = Path(tintype_catalog.__file__).parent / "starter"

DIFFERENCES = {
    r"On = \[": "an API server does not check the type of a field with a format",
    r"On = '0'": "pydantic reads digits as seconds since 1970",
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
    return not isinstance(parse_resource(manifest), list)


def agree(case: Edge, verdict: Verdict) -> bool:
    """Whether the models take what is stored, and the server takes what the models take."""
    return is_sound(verdict.response) if verdict.accepted else not is_sound(case.manifest)


async def test_the_server_and_the_models_are_of_one_mind(cluster_with_crds: ControlPlane) -> None:
    cases = [*edges(MANIFESTS.values())]

    verdicts = await judge(cluster_with_crds, cases)

    disagreements = [
        f"{case.manifest['metadata']['name']}: {case.change}: {verdict}"
        for case, verdict in zip(cases, verdicts, strict=True)
        if not agree(case, verdict)
        and not any(re.search(pattern, case.change) for pattern in DIFFERENCES)
    ]
    assert disagreements == []
    assert 300 < sum(verdict.accepted for verdict in verdicts) < len(verdicts) - 300


def test_the_starter_catalog_can_be_applied(
    cluster_with_crds: ControlPlane, namespace: str
) -> None:
    cluster_with_crds.kubectl("apply", "--namespace", namespace, "-f", str(STARTER))

    listed = cluster_with_crds.kubectl("get", "im,pb", "--namespace", namespace, "-o", "name")
    assert "imagemodel.tintype.dev/gpt-image-2\n" in listed
    assert "providerbinding.tintype.dev/gpt-image-2-openai\n" in listed


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
        "0.040",
    ]


@pytest.mark.parametrize(
    "path",
    ["im", "im.spec", "im.spec.size", "im.status.conditions", "pb.spec", "pb.spec.pricing.prices"],
)
def test_explain_describes_every_field(cluster_with_crds: ControlPlane, path: str) -> None:
    explained = cluster_with_crds.kubectl("explain", path)

    assert "<no description>" not in explained
    assert "<empty>" not in explained
    _, fields = explained.split("FIELDS:")
    for block in fields.strip().split("\n\n"):
        assert re.search(r"\n    \S", block), block
