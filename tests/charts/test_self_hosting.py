"""The files and commands of docs/self-hosted.md do what the page says."""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests.pages.blocks import claim
from tintype_catalog.addresses import Reach
from tintype_gateway.upstream.credentials import Credentials
from tintype_simulator.app import running
from tintype_testing.chart import Helm, find
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.manifests import SELF_HOSTED, Manifest, merged, read_manifests
from tintype_testing.requirements import require
from tintype_testing.waiting import eventually

PAGE = (Path(__file__).parents[2] / "docs" / "self-hosted.md").read_text()
BLOCKS = claim(__name__, "docs/self-hosted.md", "yaml")
BLOCKS += claim(__name__, "docs/self-hosted.md", "sh", having="port-forward")


def blocks(language: str) -> list[str]:
    """Return the code of all blocks in a language."""
    return [block.code for block in BLOCKS if block.language == language]


def file(name: str) -> list[Manifest]:
    """Return the objects of the file that a comment in the first line of a block names."""
    [text] = [block for block in blocks("yaml") if block.startswith(f"# {name}")]
    return list(yaml.safe_load_all(text))


def command(start: str) -> str:
    """Return the command that starts so, with its further lines."""
    [found] = re.findall(rf"^{re.escape(start)}.*?(?<!\\)$", "".join(blocks("sh")), re.M | re.S)
    return str(found)


SERVER, VALUES, CATALOG = file("server.yaml"), file("values.yaml")[0], file("flux-2-klein.yaml")


def serving(
    simulator: str, folder: Path, endpoints: Reach = Reach.ANYWHERE, **spec: object
) -> AbstractAsyncContextManager[Gateway]:
    """Run a gateway with the objects of the page, whose server is a simulated one.

    `spec` replaces fields of the binding.
    """
    model, binding = CATALOG
    address = {"serviceRef": None, "endpoint": f"{simulator}/servers/vllm-omni"}
    objects = [model, merged(binding, {"spec": address | spec})]
    return running_gateway(
        folder, *objects, simulator=simulator, credentials=Credentials(), endpoints=endpoints
    )


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    async with running() as simulator:
        yield simulator


async def first_image(gateway: Gateway, folder: Path) -> str:
    """Run the command of the first image in a folder, and return what it writes to its output."""
    for tool in ("curl", "jq"):
        require(tool, f"install it with your package manager, such as `apt-get install {tool}`")
    ended = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-c", command("curl").replace("http://127.0.0.1:8080", gateway.url)],
        cwd=folder,
        env=os.environ | {"TINTYPE_API_KEY": gateway.key},
        capture_output=True,
        text=True,
        timeout=240,
    )
    return ended.stdout + ended.stderr


def test_the_gateways_of_a_release_may_call_the_server(helm: Helm) -> None:
    release = helm.objects({**VALUES, "networkPolicy": {"enabled": True}})
    pods = find(release, "Deployment", "tintype-gateway")["spec"]["template"]
    policy = find(release, "NetworkPolicy", "tintype-gateway")["spec"]
    [rule] = SERVER[-1]["spec"]["ingress"]

    [container] = pods["spec"]["containers"]
    allowed = {each["name"]: each.get("value") for each in container["env"]}
    assert allowed["TINTYPE_ALLOWED_PRIVATE_NETWORKS"] == "gpu/flux-2-klein"
    [caller] = rule["from"]
    assert caller["podSelector"]["matchLabels"].items() <= pods["metadata"]["labels"].items()
    names = [
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for each in policy["egress"]
        for peer in each.get("to", [])
        if "namespaceSelector" in peer and "matchLabels" in peer["namespaceSelector"]
    ]
    assert "gpu" in names


def test_the_parts_of_the_server_fit_together() -> None:
    deployment, claim, service, policy = SERVER
    pod = deployment["spec"]["template"]
    [container] = pod["spec"]["containers"]
    _, binding = CATALOG
    reference = binding["spec"]["serviceRef"]

    names = {each["metadata"]["namespace"] for each in SERVER}
    assert names == {reference["namespace"], "gpu"}
    assert service["metadata"]["name"] == reference["name"]
    [port] = service["spec"]["ports"]
    assert port["port"] == reference["port"]
    labels = pod["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= labels
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels
    assert binding["spec"]["upstreamModel"] in container["command"]
    volumes = [each.get("persistentVolumeClaim") for each in pod["spec"]["volumes"]]
    assert {"claimName": claim["metadata"]["name"]} in volumes


def test_the_binding_is_the_shipped_one_but_active() -> None:
    named = {each["metadata"]["name"]: each["spec"] for each in read_manifests(SELF_HOSTED)}
    model, binding = CATALOG

    differing = {"active": False, "queueTimeoutSeconds": 120}
    shipped = named[binding["metadata"]["name"]]
    assert binding["spec"] | differing == shipped | differing
    for part in ("operations", "size", "parameters"):
        assert model["spec"][part] == named[model["metadata"]["name"]][part]


async def test_the_first_image_is_there(simulator: str, tmp_path: Path) -> None:
    async with serving(simulator, tmp_path) as gateway:
        output = await first_image(gateway, tmp_path)

    assert (tmp_path / "hedgehog.png").exists(), output
    with Image.open(tmp_path / "hedgehog.png") as image:
        assert (image.format, image.size) == ("PNG", (1024, 1024))


async def test_another_name_than_the_served_one_is_a_mismatch(
    simulator: str, tmp_path: Path
) -> None:
    async with serving(simulator, tmp_path, upstreamModel="flux-2-klein") as gateway:
        response = await gateway.generate(model="flux-2-klein", size="256x256")

    assert "400 with `Model mismatch`" in PAGE
    assert response.status_code == 400
    assert "Model mismatch" in response.json()["error"]["message"]


async def test_a_service_that_the_release_does_not_list_is_not_called(
    simulator: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(simulator, tmp_path, Reach.PUBLIC) as gateway:
        response = await gateway.generate(model="flux-2-klein", size="256x256")

    assert "`provider_unavailable`, and `call not allowed` in the gateway's log" in PAGE
    assert response.json()["error"]["code"] == "provider_unavailable"
    assert "call not allowed" in caplog.text


async def test_calls_that_wait_too_long_are_told_that_the_server_is_busy(
    simulator: str, tmp_path: Path
) -> None:
    async with serving(simulator, tmp_path, queueTimeoutSeconds=1) as gateway:
        await gateway.script({"delay_seconds": 15})  # the second call must come well before
        one = asyncio.create_task(gateway.generate(model="flux-2-klein", size="256x256"))
        await eventually(gateway.has_called)
        two = await gateway.generate(model="flux-2-klein", size="256x256")
        assert (await one).status_code == 200

    assert "429 `provider_busy`" in PAGE
    assert (two.status_code, two.json()["error"]["code"]) == (429, "provider_busy")
